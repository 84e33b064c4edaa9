"""tea-tasting, imported when it is needed: it takes 0.9 seconds and is an extra of the package."""

from __future__ import annotations

from typing import Any

from campaigns.errors import Unavailable
from campaigns.statistics.moments import BEFORE, DENOMINATOR, VALUE, Kind, Moments


def aggregates(moments: Moments) -> Any:
    """The moments as tea-tasting's `Aggregates`: counts, means, variances, covariances of columns; None is the column
    that is 1 everywhere. Raises Unavailable when the package is not installed.
    """
    from_library = _imported("tea_tasting.aggr")
    variances = {left: number for (left, right), number in moments.cov.items() if left == right}
    covariances = {pair: number for pair, number in moments.cov.items() if pair[0] != pair[1]}
    return from_library.Aggregates(moments.n, dict(moments.mean), variances, covariances)


def columns(kind: Kind, *, covariate: bool) -> tuple[str, str | None, str | None, str | None]:
    """Numerator, denominator and the covariates of both, as tea-tasting's `RatioOfMeans` takes them."""
    denominator = DENOMINATOR if kind is Kind.RATIO else None
    before = VALUE + BEFORE if covariate else None
    return VALUE, denominator, before, DENOMINATOR + BEFORE if denominator and covariate else None


def analysis(treated: Moments, control: Moments, kind: Kind, *, covariate: bool, confidence: float) -> Any:
    """What tea-tasting finds: Welch's t (with CUPED and the delta method), for a proportion the z-test.

    No continuity correction and no pooled variance, so that the p-value and the interval say the same, and the
    interval is right when arms of different sizes do differ. Settings are all given: tea-tasting's global ones are
    not ours.
    """
    metrics = _imported("tea_tasting.metrics")
    common = {"alternative": "two-sided", "confidence_level": confidence, "equal_var": False}
    if kind is Kind.PROPORTION and not covariate:
        metric = metrics.Proportion(VALUE, method="norm", correction=False, **common)
    else:
        metric = metrics.RatioOfMeans(*columns(kind, covariate=covariate), use_t=True, **common)
    return metric.analyze_aggregates(aggregates(control), aggregates(treated))


def _imported(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        message = f"the analysis needs the package {error.name!r}, found none: pip install 'campaigns-engine[analysis]'"
        raise Unavailable(message) from None
