"""What an experiment of a size can find, and the size that it takes to find an effect."""

from __future__ import annotations

import math

from campaigns.statistics.moments import Kind, Moments
from campaigns.statistics.samples import samples


def minimum_detectable_effect(
    history: Moments,
    treated: int,
    control: int,
    kind: Kind,
    *,
    covariate: bool = False,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float | None:
    """The smallest absolute effect, in the unit of the metric, that a two-sided test finds with this power.

    `history` is of customers like those of the experiment, before it; their variance is taken for both arms (Cohen,
    "Statistical Power Analysis for the Behavioral Sciences" (1988), in the normal approximation). None where there is
    no variance or an arm would be empty: nothing can be learnt.
    """
    variance = _variance(history, kind, covariate=covariate)
    if not variance or treated < 1 or control < 1:
        return None
    return _quantiles(power, alpha) * math.sqrt(variance * (1 / treated + 1 / control))


def required_customers(
    history: Moments,
    effect: float,
    treated_share: float,
    kind: Kind,
    *,
    covariate: bool = False,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int | None:
    """How many customers both arms together need, so that the absolute `effect` is found with this power.

    `treated_share` is the treated arm's share of the two, between 0 and 1. None where there is no variance, an arm
    would be empty, or the effect is 0 or so small that nobody has a number for the customers.
    """
    variance = _variance(history, kind, covariate=covariate)
    if not variance or not effect or not 0 < treated_share < 1:
        return None
    ratio = _quantiles(power, alpha) * math.sqrt(variance / (treated_share * (1 - treated_share))) / effect
    needed = ratio * ratio
    return math.ceil(needed) if math.isfinite(needed) else None


def _variance(history: Moments, kind: Kind, *, covariate: bool) -> float:
    """0.0 where it is unknown."""
    reduced = samples([history], kind, covariate=covariate) if history.n > 1 else None
    return reduced[0].variance if reduced else 0.0


def _quantiles(power: float, alpha: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2) + ndtri(power))
