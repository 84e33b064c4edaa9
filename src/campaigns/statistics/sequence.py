"""Confidence sequences: bounds that hold at every look at once, so that looking every day is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.statistics.effect import SPAN, Effect

HORIZON = 14
"""The boundary is tightest when the variance has grown to this many times that of the first look: two weeks of days."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of one look, in the unit of the metric and as a share of the control; `multiplier` is half the width in
    standard errors. The relative ones are None where the effect's are, or where they would span everything.
    """

    low: float
    high: float
    relative_low: float | None
    relative_high: float | None
    multiplier: float


def confidence_sequence(looks: Sequence[tuple[Effect, int, int]], confidence: float = 0.95) -> list[Bounds | None]:
    """Bounds for each look, oldest first, each an effect and how many customers are treated and in the control.

    With probability `confidence` the true effect is within the bounds at all looks at once, however many there are and
    whatever made somebody look. None for a look whose effect has no standard error: nothing can be said yet.

    Half the width is s * sqrt((1 + rho / t) * (log(1 + t / rho) - 2 log alpha)), s the standard error at the look. It
    is Robbins' two-sided normal mixture ("Statistical Methods Related to the Law of the Iterated Logarithm", Annals of
    Mathematical Statistics 41 (1970)) as Howard, Ramdas, McAuliffe, Sekhon write it ("Time-uniform, nonparametric,
    nonasymptotic confidence sequences", Annals of Statistics 49 (2021), equation (3.7); (14) in arXiv:1810.08240):
    sqrt((v + rho) log((v + rho) / (alpha^2 rho))), divided by v. Its rho is theirs, (21) in arXiv, for the horizon.
    With variances that are estimated it holds in the limit of many customers (Waudby-Smith, Arbour, Sinha, Kennedy,
    Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", arXiv:2103.06476, theorem 2.2).

    The clock t is the intrinsic one. All customers of a launch are exposed at once and outcomes come in afterwards, so
    it is not their number that grows but the variance of the sum of outcomes: t = (s n)^2, with
    n = 1 / (1 / treated + 1 / control), in units of the first look that has a variance; it never runs backwards.
    Customers who differ in their habits make successive looks more alike than the boundary allows for, which only
    makes it safer. And whatever the clock, half the width is at least 3.03 standard errors at 95 %, which by
    Bonferroni is enough for 20 looks.
    """
    alpha = 1 - confidence
    rho = HORIZON / (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha)))
    unit = latest = 0.0
    bounds: list[Bounds | None] = []
    for effect, treated, control in looks:
        if effect.standard_error == 0:
            bounds.append(None)
            continue
        information = (effect.standard_error / (1 / treated + 1 / control)) ** 2
        unit = unit or information
        latest = max(latest, information / unit)
        multiplier = math.sqrt((1 + rho / latest) * (math.log1p(latest / rho) - 2 * math.log(alpha)))
        bounds.append(_bounds(effect, multiplier))
    return bounds


def _bounds(effect: Effect, multiplier: float) -> Bounds:
    half = multiplier * effect.standard_error
    low, high = effect.absolute.estimate - half, effect.absolute.estimate + half
    relative_low = relative_high = None
    if effect.relative and effect.log_standard_error is not None:
        log_half = multiplier * effect.log_standard_error
        if log_half <= math.log(SPAN):
            ratio = 1 + effect.relative.estimate
            relative_low, relative_high = ratio * math.exp(-log_half) - 1, ratio * math.exp(log_half) - 1
    return Bounds(low, high, relative_low, relative_high, multiplier)
