"""The split that was sent, tested against the weights."""

from __future__ import annotations

import pytest
from scipy.stats import chi2, chisquare

from campaigns.experiment.split import SUSPICIOUS, split_p_value

WEIGHTS = {"control": 20, "ten_off": 40, "free_delivery": 40}


@pytest.mark.parametrize("sent", [(79, 152, 119), (20, 40, 40), (0, 1, 0), (1, 0, 0), (199_000, 400_000, 401_000)])
def test_it_is_pearsons_chi_square(sent: tuple[int, int, int]) -> None:
    expected = [sum(sent) * weight / 100 for weight in WEIGHTS.values()]
    counted = dict(zip(WEIGHTS, sent, strict=True))
    assert split_p_value([counted], [WEIGHTS]) == pytest.approx(chisquare(sent, expected).pvalue, rel=1e-9)


def test_a_variant_that_nobody_got_counts_as_zero() -> None:
    assert split_p_value([{"control": 60, "ten_off": 60}], [WEIGHTS]) == pytest.approx(
        chisquare([60, 60, 0], [24, 48, 48]).pvalue, rel=1e-9
    )


def test_a_planted_52_48_on_an_even_plan_is_suspicious_and_the_plan_itself_is_not() -> None:
    even = {"a": 1, "b": 1}
    p_value = split_p_value([{"a": 52_000, "b": 48_000}], [even])
    assert p_value is not None
    assert p_value < SUSPICIOUS
    assert split_p_value([{"a": 50_000, "b": 50_000}], [even]) == 1.0


@pytest.mark.parametrize(
    ("sent", "weights"), [({}, WEIGHTS), ({"a": 5}, {"a": 1}), ({"a": 5}, {"a": 1, "b": 0}), ({}, {})]
)
def test_it_is_undefined_without_a_choice_or_without_anyone(sent: dict[str, int], weights: dict[str, int]) -> None:
    assert split_p_value([sent], [weights]) is None


def test_whoever_got_a_variant_of_weight_0_is_proof_enough() -> None:
    assert split_p_value([{"a": 500, "b": 500, "c": 1}], [{"a": 1, "b": 1, "c": 0}]) == 0.0


def test_strata_add_up_where_pooling_would_cry_wolf() -> None:
    observed = [{"control": 9_000, "treated": 1_000}, {"control": 510, "treated": 490}]
    weights = [{"control": 9, "treated": 1}, {"control": 1, "treated": 1}]
    statistic = 0.0 + 2 * 10**2 / 500
    assert split_p_value(observed, weights) == pytest.approx(chi2.sf(statistic, 2), rel=1e-9)
