"""Weighted sums of independent means: a difference of two, an average over strata, an interaction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.statistics.samples import NOISE, Sample

Term = tuple[float, Sample]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its confidence interval: in the unit of the metric, or as a share of the control."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Combination:
    """An estimate, its standard error and the degrees of freedom of Student's t (infinite: the normal distribution)."""

    estimate: float
    standard_error: float
    degrees: float

    @property
    def p_value(self) -> float:
        """Two-sided, of no effect. Without a standard error 1.0 where there is no effect, else 0.0."""
        from scipy.special import ndtr, stdtr

        if self.standard_error == 0:
            return 0.0 if self.estimate else 1.0
        distance = -abs(self.estimate) / self.standard_error
        return float(2 * (ndtr(distance) if math.isinf(self.degrees) else stdtr(self.degrees, distance)))

    def half_width(self, confidence: float) -> float:
        """Half of the confidence interval's width."""
        from scipy.special import ndtri, stdtrit

        share = (1 + confidence) / 2
        quantile = ndtri(share) if math.isinf(self.degrees) else stdtrit(self.degrees, share)
        return float(quantile) * self.standard_error

    def interval(self, confidence: float) -> Interval:
        """The interval around the estimate, for instance with `confidence` 0.95."""
        half = self.half_width(confidence)
        return Interval(self.estimate, self.estimate - half, self.estimate + half)


def combine(terms: Sequence[Term], *, normal: bool = False) -> Combination:
    """The sum of coefficient times mean; variances add.

    Degrees of freedom by Satterthwaite, "An Approximate Distribution of Estimates of Variance Components", Biometrics
    Bulletin 2 (1946): with two means, those of Welch's test. What is within the rounding of the sums is 0.0.
    """
    estimate = sum(coefficient * sample.mean for coefficient, sample in terms)
    noise = NOISE * max(abs(coefficient * sample.mean) for coefficient, sample in terms)
    parts = [(coefficient * coefficient * sample.variance / sample.n, sample.n) for coefficient, sample in terms]
    variance = sum(part for part, _ in parts)
    error = math.sqrt(variance)
    if error <= noise:
        return Combination(estimate if abs(estimate) > noise else 0.0, 0.0, math.inf)
    degrees = math.inf if normal else 1 / sum((part / variance) ** 2 / (n - 1) for part, n in parts)
    return Combination(estimate, error, degrees)
