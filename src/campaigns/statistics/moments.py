"""What is known of a group of customers: how many they are, means, covariances. Nothing per customer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a metric is of a group: a share of its customers, a mean per customer, or a ratio of two means."""

    PROPORTION = "proportion"
    MEAN = "mean"
    RATIO = "ratio"


VALUE = "value"
DENOMINATOR = "denominator"
BEFORE = "_before"
"""A column's covariate has its name and this at the end: the same measure before the exposure."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sufficient statistics of one group of customers over named columns.

    `cov` holds sample covariances (divided by n - 1), keyed by a pair in alphabetical order; `(a, a)` is the variance.
    Where n < 2 they are 0.0, where n is 0 the means are too. A proportion's column holds 0 and 1. Raises ValueError on
    a number that is not finite, a negative count, a negative variance.
    """

    n: int
    mean: Mapping[str, float]
    cov: Mapping[tuple[str, str], float]

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"moments: n is {self.n}, must not be negative")
        for name, number in [*self.mean.items(), *self.cov.items()]:
            if not math.isfinite(number):
                raise ValueError(f"moments: {name!r} is {number}, must be finite")
        for (left, right), number in self.cov.items():
            if left > right:
                raise ValueError(f"moments: covariance of {(left, right)!r}, the names must be in alphabetical order")
            if left == right and number < 0:
                raise ValueError(f"moments: the variance of {left!r} is {number}, must not be negative")


def pooled(groups: Iterable[Moments]) -> Moments:
    """The moments of all customers of the groups together, to within rounding; the groups have the same columns.

    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
    """
    present = list(groups)
    total = sum(group.n for group in present)
    first = present[0]
    if not total:
        return first
    mean = {name: sum(group.n * group.mean[name] for group in present) / total for name in first.mean}
    return Moments(total, mean, {pair: _covariance(present, mean, pair, total) for pair in first.cov})


def _covariance(groups: list[Moments], mean: Mapping[str, float], pair: tuple[str, str], total: int) -> float:
    left, right = pair
    within = sum(max(group.n - 1, 0) * group.cov[pair] for group in groups)
    between = sum(group.n * (group.mean[left] - mean[left]) * (group.mean[right] - mean[right]) for group in groups)
    return (within + between) / (total - 1) if total > 1 else 0.0
