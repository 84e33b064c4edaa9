"""Confidence sequences: the boundary's formula, its clock, its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from campaigns.statistics import Bounds, Effect, Kind, confidence_sequence, effect
from support.groups import moments


def look(spread: float, n: int = 1000, level: float = 100.0) -> tuple[Effect, int, int]:
    """A look at arms of n customers each whose outcomes have this standard deviation."""
    values = np.repeat([level - spread, level + spread], n // 2)
    found = effect([moments(value=values)], [moments(value=values)], Kind.MEAN)
    assert found is not None
    return found, n, n


def bounds(*looks: tuple[Effect, int, int], confidence: float = 0.95) -> list[Bounds]:
    return [bound for bound in confidence_sequence(looks, confidence) if bound]


def test_the_boundary_is_the_normal_mixture() -> None:
    """With the variance v of the sum and the tuned rho: sqrt((v + rho) log((v + rho) / (rho alpha^2))) / v."""
    found = bounds(*(look(math.sqrt(day)) for day in range(1, 15)))
    rho = 14 / (-2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05)))
    for v, bound in enumerate(found, 1):
        boundary = math.sqrt((v + rho) * math.log((v + rho) / (rho * 0.05**2)))
        assert bound.multiplier == pytest.approx(boundary / math.sqrt(v), rel=1e-6)
    assert found[0].multiplier == pytest.approx(4.219, abs=1e-3)
    assert found[13].multiplier == pytest.approx(30.35209 / math.sqrt(100), rel=1e-6), "as confseq has it, tuned to v"


def test_it_is_tightest_at_its_horizon_and_never_below_what_twenty_looks_need() -> None:
    def multiplier(day: float) -> float:
        return bounds(look(1.0), look(math.sqrt(day)))[1].multiplier

    tightest = minimize_scalar(multiplier, bounds=(1, 100), method="bounded")
    assert 12 < tightest.x < 18
    assert tightest.fun > norm.isf(0.05 / 20 / 2)


def test_it_is_always_wider_than_the_interval() -> None:
    for confidence in (0.8, 0.9, 0.95, 0.99):
        for bound in bounds(*(look(day) for day in range(1, 9)), confidence=confidence):
            assert bound.multiplier > norm.isf((1 - confidence) / 2)


def test_bounds_surround_the_estimate_in_both_units() -> None:
    (bound,) = bounds(look(50.0))
    assert bound.low == pytest.approx(-bound.high)
    assert bound.relative_low is not None
    assert bound.relative_high is not None
    assert (1 + bound.relative_low) * (1 + bound.relative_high) == pytest.approx(1)
    assert bound.relative_high == pytest.approx(bound.high / 100, rel=0.1)


def test_the_clock_counts_customers_as_well_as_outcomes_and_never_runs_backwards() -> None:
    first, more, fewer = bounds(look(1.0, 1000), look(1.0, 4000), look(1.0, 1000))
    grown = bounds(look(1.0, 1000), look(2.0, 1000))[1]
    assert more.multiplier == pytest.approx(grown.multiplier, rel=1e-2)
    assert more.multiplier < first.multiplier
    assert fewer.multiplier == more.multiplier


def test_a_look_without_variance_says_nothing() -> None:
    assert confidence_sequence([]) == []
    empty, first, second = confidence_sequence([look(0.0), look(1.0), look(2.0)])
    assert empty is None
    assert [first, second] == confidence_sequence([look(1.0), look(2.0)])


def test_relative_bounds_are_none_where_they_would_say_nothing() -> None:
    (bound,) = bounds(look(400.0, 100, level=100.0))
    assert bound.relative_high is not None
    (bound,) = bounds(look(400.0, 10, level=100.0))
    assert (bound.relative_low, bound.relative_high) == (None, None)
    assert bound.low < 0 < bound.high
