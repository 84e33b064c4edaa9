"""What the counts of an experiment say: effects, their uncertainty, and whether they can be trusted. No engine here."""

from campaigns.statistics.combination import Interval
from campaigns.statistics.effect import Effect, effect
from campaigns.statistics.factorial import FactorEffect, Factorial, factorial
from campaigns.statistics.holm import holm
from campaigns.statistics.moments import BEFORE, DENOMINATOR, VALUE, Kind, Moments, pooled
from campaigns.statistics.power import minimum_detectable_effect, required_customers
from campaigns.statistics.sequence import Bounds, confidence_sequence

__all__ = [
    "BEFORE",
    "DENOMINATOR",
    "VALUE",
    "Bounds",
    "Effect",
    "FactorEffect",
    "Factorial",
    "Interval",
    "Kind",
    "Moments",
    "confidence_sequence",
    "effect",
    "factorial",
    "holm",
    "minimum_detectable_effect",
    "pooled",
    "required_customers",
]
