"""What an experiment can find, against statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower

from campaigns.statistics import Kind, minimum_detectable_effect, required_customers
from support.groups import moments

RANDOM = np.random.default_rng(20_260_603)
BEFORE = RANDOM.gamma(2, 10, 5000)
HISTORY = moments(value=BEFORE + RANDOM.gamma(2, 10, 5000), value_before=BEFORE, denominator=RANDOM.poisson(2, 5000))
DEVIATION = math.sqrt(HISTORY.cov["value", "value"])
POWER = NormalIndPower()
"""One-sided at half of alpha: a two-sided test also finds effects of the wrong sign, once in a million."""


def test_the_detectable_effect_has_its_power() -> None:
    found = minimum_detectable_effect(HISTORY, 750, 3000, Kind.MEAN)
    assert found is not None
    power = POWER.power(found / DEVIATION, nobs1=3000, ratio=0.25, alpha=0.025, alternative="larger")
    assert power == pytest.approx(0.8, rel=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.99])
def test_the_customers_needed_are_just_enough(share: float) -> None:
    found = required_customers(HISTORY, 0.05 * DEVIATION, share, Kind.MEAN, power=0.9, alpha=0.01)
    assert found is not None
    just, short = (
        POWER.power(0.05, nobs1=n * (1 - share), ratio=share / (1 - share), alpha=0.005, alternative="larger")
        for n in (found, found - 1)
    )
    assert short < 0.9 <= just


@pytest.mark.parametrize("kind", list(Kind))
def test_the_customers_needed_for_the_detectable_effect_are_those_there_are(kind: Kind) -> None:
    history = moments(value=np.repeat([1.0, 0.0], [30, 970])) if kind is Kind.PROPORTION else HISTORY
    found = minimum_detectable_effect(history, 4000, 6000, kind)
    assert found is not None
    assert required_customers(history, found * (1 + 1e-9), 0.4, kind) == 10_000
    assert required_customers(history, -found * (1 + 1e-9), 0.4, kind) == 10_000


def test_a_covariate_finds_less() -> None:
    plain, adjusted = (minimum_detectable_effect(HISTORY, 500, 500, Kind.MEAN, covariate=on) for on in (False, True))
    assert plain is not None
    assert adjusted is not None
    squared_correlation = HISTORY.cov["value", "value_before"] ** 2 / (
        HISTORY.cov["value", "value"] * HISTORY.cov["value_before", "value_before"]
    )
    assert (adjusted / plain) ** 2 == pytest.approx(1 - squared_correlation, rel=1e-9)


def test_what_can_tell_nothing_is_none() -> None:
    same, one = moments(value=[3.0] * 10), moments(value=[3.0])
    for history in (same, one, moments(value=[])):
        assert minimum_detectable_effect(history, 10, 10, Kind.MEAN) is None
        assert required_customers(history, 1.0, 0.5, Kind.MEAN) is None
    assert minimum_detectable_effect(HISTORY, 0, 10, Kind.MEAN) is None
    assert minimum_detectable_effect(HISTORY, 10, 0, Kind.MEAN) is None
    for effect, share in ((0.0, 0.5), (1.0, 0.0), (1.0, 1.0), (1e-200, 0.5)):
        assert required_customers(HISTORY, effect, share, Kind.MEAN) is None
    assert minimum_detectable_effect(moments(value=[1.0, 2.0], denominator=[0.0, 0.0]), 5, 5, Kind.RATIO) is None
