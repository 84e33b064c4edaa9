"""The rule language: text to a checked tree, to SQL, to the reference meaning."""

from campaigns.audience.check import check
from campaigns.audience.evaluate import evaluate
from campaigns.audience.fault import RuleError
from campaigns.audience.parse import parse
from campaigns.audience.render import render, truth
from campaigns.audience.rule import Rule, conjuncts
from campaigns.audience.tree import Node
from campaigns.audience.types import Type

__all__ = ["Node", "Rule", "RuleError", "Type", "check", "conjuncts", "evaluate", "parse", "render", "truth"]
