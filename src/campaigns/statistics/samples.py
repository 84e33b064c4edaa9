"""A group of customers reduced to what a comparison needs: how many, their mean, its variance; adjusted by CUPED."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.statistics.library import aggregates, columns
from campaigns.statistics.moments import Kind, Moments

NOISE = 1e-12
"""What differs by less than this share of its size differs by the rounding of sums only."""

_SMALLEST = 1e-100


@dataclass(frozen=True, slots=True)
class Sample:
    """`variance` is that of one customer, not of the mean; `unadjusted` is what it was before CUPED."""

    n: int
    mean: float
    variance: float
    unadjusted: float


def samples(groups: Sequence[Moments], kind: Kind, *, covariate: bool) -> list[Sample] | None:
    """The groups of one stratum, each of at least two customers, in their order.

    A ratio's variance is that of its first-order expansion (the delta method; Deng, Knoblich, Lu, "Applying the Delta
    Method in Metric Analytics", KDD 2018). With a covariate each mean is moved by theta times its covariate's distance
    from that of all groups together, theta the slope over all of them (CUPED; Deng, Xu, Kohavi, Walker, "Improving the
    Sensitivity of Online Controlled Experiments by Utilizing Pre-Experiment Data", WSDM 2013). A covariate that is the
    same for everybody, or a ratio whose denominator is 0, adjusts nothing.

    None where the ratio is undefined: the mean of a denominator is 0.
    """
    value, denominator, before, denominator_before = columns(kind, covariate=covariate)
    known = [aggregates(group) for group in groups]
    if not _has_mean(known, denominator):
        return None
    plain = [_plain(group, kind, (value, denominator), covariate=covariate) for group in known]
    slope = _slope(known, (value, denominator), (before, denominator_before)) if before else 0.0
    if not slope:
        return plain
    total = _total(known)
    middle = total.mean(before) / total.mean(denominator_before)
    return [
        Sample(
            sample.n,
            sample.mean - slope * (group.mean(before) / group.mean(denominator_before) - middle),
            max(
                sample.variance
                + slope * slope * group.ratio_var(before, denominator_before)
                - 2 * slope * group.ratio_cov(value, denominator, before, denominator_before),
                0.0,
            ),
            sample.unadjusted,
        )
        for sample, group in zip(plain, known, strict=True)
    ]


def _plain(group: Any, kind: Kind, ratio: tuple[str, str | None], *, covariate: bool) -> Sample:
    value, denominator = ratio
    mean = group.mean(value) / group.mean(denominator)
    if kind is not Kind.PROPORTION:
        variance = group.ratio_var(value, denominator)
    elif 0 < mean < 1:
        variance = group.var(value) if covariate else mean * (1 - mean)
    else:
        variance = _unanimous(group.count())
    variance = max(variance, 0.0)
    return Sample(group.count(), mean, variance, variance)


def _unanimous(n: int) -> float:
    """The variance where all customers or none did it: as if one more of each kind had been seen, since nobody
    knows from 10 customers that nobody ever does. The two added are those of Agresti and Caffo, "Simple and effective
    confidence intervals for proportions and differences of proportions", The American Statistician 54 (2000).
    """
    return (n + 1) / (n + 2) ** 2


def _slope(groups: Sequence[Any], ratio: tuple[str, str | None], covariate: tuple[str | None, str | None]) -> float:
    """CUPED's theta over all groups together; 0.0 where the covariate can tell nothing."""
    total = _total(groups)
    if not (_has_mean([*groups, total], covariate[1]) and _has_mean([total], ratio[1])):
        return 0.0
    variance = total.ratio_var(*covariate)
    if variance <= 0 or math.sqrt(variance) <= NOISE * abs(total.mean(covariate[0]) / total.mean(covariate[1])):
        return 0.0
    return float(total.ratio_cov(*ratio, *covariate) / variance)


def _has_mean(groups: Sequence[Any], column: str | None) -> bool:
    """One can divide by its mean, and by its square."""
    return all(abs(group.mean(column)) > _SMALLEST for group in groups)


def _total(groups: Sequence[Any]) -> Any:
    return sum(groups[1:], start=groups[0])
