"""The effect of one group's treatment against another's: absolute, relative, with intervals and a p-value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from campaigns.statistics.combination import Combination, Interval, Term, combine
from campaigns.statistics.library import analysis
from campaigns.statistics.moments import DENOMINATOR, VALUE, Kind, Moments
from campaigns.statistics.samples import Sample, samples

SPAN = 1000.0
"""A relative interval that reaches from one SPANth of the estimated ratio to SPAN times it says nothing."""

_ORDINARY = 1e50
_ROUNDING = 1e-9
"""Less than this share of a variance is nothing but rounding."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Treated against control; no number in it is NaN or infinite.

    `treated` and `control` are the means that are compared: with a covariate those that CUPED adjusted, over several
    strata their averages. `absolute` is in the unit of the metric, with its `standard_error`. `relative` is a share of
    the control (0.1 is 10 % more) with the standard error of the logarithm of the ratio of the means; both are None
    where a mean is not positive, and where the interval would span everything. `variance_reduction` is the share of
    the variance that CUPED removed, None without a covariate. `left_out` counts the customers of strata in which
    nothing can be compared.
    """

    treated: float
    control: float
    absolute: Interval
    relative: Interval | None
    standard_error: float
    log_standard_error: float | None
    p_value: float
    variance_reduction: float | None
    left_out: int


def effect(
    treated: Sequence[Moments],
    control: Sequence[Moments],
    kind: Kind,
    *,
    covariate: bool = False,
    confidence: float = 0.95,
) -> Effect | None:
    """The effect over aligned strata: `treated[i]` and `control[i]` were split by the same weights.

    One stratum: what tea-tasting finds: Welch's t-test, for a proportion the z-test, both without pooling variances.
    Several: post-stratified, the effects of the strata averaged with their shares of the customers as weights and
    their variances added (Miratrix, Sekhon, Yu, "Adjusting treatment effect estimates by post-stratification in
    randomized experiments", JRSS B 75 (2013)), so that another mix of strata in the arms is no effect. A ratio is the
    average of the ratios of the strata. A stratum in which an arm has fewer than two customers, or a ratio is
    undefined, is left out.

    None where no stratum is left, or a number is beyond what a float can hold.
    """
    strata = _strata(treated, control, kind, covariate=covariate)
    if not strata:
        return None
    kept = sum(one.n + other.n for one, other in strata)
    left_out = sum(group.n for group in [*treated, *control]) - kept
    weights = [(one.n + other.n) / kept for one, other in strata]
    treatments = [(weight, one) for weight, (one, _) in zip(weights, strata, strict=True)]
    controls = [(weight, other) for weight, (_, other) in zip(weights, strata, strict=True)]
    found = _compare(treatments, controls, kind, covariate=covariate, confidence=confidence, left_out=left_out)
    if len(treated) == 1 and _is_ordinary(found, strata[0], (treated[0], control[0])):
        told = analysis(treated[0], control[0], kind, covariate=covariate, confidence=confidence)
        return _as_told(found, told)
    return found if _is_finite(found) else None


def _strata(
    treated: Sequence[Moments], control: Sequence[Moments], kind: Kind, *, covariate: bool
) -> list[tuple[Sample, Sample]]:
    """The strata in which something can be compared, each reduced to its two samples."""
    pairs = (pair for pair in zip(treated, control, strict=True) if min(group.n for group in pair) >= 2)
    reduced = (samples(pair, kind, covariate=covariate) for pair in pairs)
    return [(pair[0], pair[1]) for pair in reduced if pair]


def _compare(
    treated: Sequence[Term],
    control: Sequence[Term],
    kind: Kind,
    *,
    covariate: bool,
    confidence: float,
    left_out: int,
) -> Effect:
    normal = kind is Kind.PROPORTION and not covariate
    against = [(-weight, sample) for weight, sample in control]
    difference = combine([*treated, *against], normal=normal)
    treated_mean = sum(weight * sample.mean for weight, sample in treated)
    control_mean = sum(weight * sample.mean for weight, sample in control)
    log_ratio = _log_ratio(treated, control, (treated_mean, control_mean), normal=normal)
    relative = _relative(log_ratio, treated_mean / control_mean, confidence) if log_ratio else None
    return Effect(
        treated=treated_mean,
        control=control_mean,
        absolute=difference.interval(confidence),
        relative=relative,
        standard_error=difference.standard_error,
        log_standard_error=log_ratio.standard_error if log_ratio and relative else None,
        p_value=difference.p_value,
        variance_reduction=_reduction([*treated, *control]) if covariate else None,
        left_out=left_out,
    )


def _log_ratio(
    treated: Sequence[Term], control: Sequence[Term], means: tuple[float, float], *, normal: bool
) -> Combination | None:
    """The logarithm of the ratio of the means, by the delta method: its standard error and degrees; not its value."""
    if min(means) <= 0:
        return None
    above = [(weight / means[0], sample) for weight, sample in treated]
    below = [(-weight / means[1], sample) for weight, sample in control]
    return combine([*above, *below], normal=normal)


def _relative(log_ratio: Combination, ratio: float, confidence: float) -> Interval | None:
    half = log_ratio.half_width(confidence)
    if not (half <= math.log(SPAN) and math.isfinite(ratio)):
        return None
    return Interval(ratio - 1, ratio * math.exp(-half) - 1, ratio * math.exp(half) - 1)


def _reduction(terms: Sequence[Term]) -> float:
    before = sum(weight * weight * sample.unadjusted / sample.n for weight, sample in terms)
    after = sum(weight * weight * sample.variance / sample.n for weight, sample in terms)
    return 1 - after / before if before else 0.0


def _is_ordinary(found: Effect, compared: tuple[Sample, Sample], groups: tuple[Moments, Moments]) -> bool:
    """What tea-tasting can tell of one stratum. Elsewhere it answers NaN, or raises: without variance (a ratio has none
    where its parts are proportional), with a mean that is not positive; and a covariate that is the same for everybody
    but for rounding moves its estimate.
    """
    varies = all(
        group.cov[VALUE, VALUE] > 0 and sample.variance > _ROUNDING * group.cov[VALUE, VALUE] / _unit(group) ** 2
        for sample, group in zip(compared, groups, strict=True)
    )
    sizes = (found.treated, found.control, found.standard_error)
    sized = found.relative is not None and all(1 / _ORDINARY < size < _ORDINARY for size in sizes)
    return varies and sized and found.variance_reduction != 0


def _unit(group: Moments) -> float:
    """What a value is divided by: the mean of the denominator, of a ratio."""
    return group.mean.get(DENOMINATOR, 1.0)


def _as_told(found: Effect, told: Any) -> Effect:
    """The effect in the words of tea-tasting."""
    return replace(
        found,
        treated=float(told.treatment),
        control=float(told.control),
        absolute=Interval(
            *map(float, (told.effect_size, told.effect_size_ci_lower, told.effect_size_ci_upper)),
        ),
        relative=Interval(
            *map(float, (told.rel_effect_size, told.rel_effect_size_ci_lower, told.rel_effect_size_ci_upper)),
        ),
        p_value=float(told.pvalue),
    )


def _is_finite(found: Effect) -> bool:
    numbers = [found.treated, found.control, found.standard_error, found.p_value]
    intervals = [found.absolute, *([found.relative] if found.relative else [])]
    return all(map(math.isfinite, [*numbers, *(bound for one in intervals for bound in (one.low, one.high))]))
