"""Numbers as people read them."""

from __future__ import annotations

import pytest

from campaigns.analysis.report.numbers import (
    Numbers,
    instant,
    numbers_for,
    numbers_of,
    p_equals,
    percent,
    signed,
)
from support.analyses import healthy, undefined

POINTS = Numbers(100, 1)


def test_a_proportion_is_in_percent_and_its_difference_in_points() -> None:
    assert POINTS.value(0.0412) == "4.1 %"
    assert POINTS.difference(0.009) == "+0.9 points"
    assert POINTS.difference(-0.009) == "−0.9 points"
    assert POINTS.distance(-0.009) == "0.9 points"
    assert POINTS.interval(-0.002, 0.016) == "−0.2 to 1.6"


def test_a_mean_is_a_plain_number_with_thousands() -> None:
    assert Numbers(1, 1).value(-1234567.89) == "−1,234,567.9"
    assert Numbers(1, 0).difference(1234) == "+1,234"


def test_what_is_undefined_is_a_dash() -> None:
    told = [POINTS.value(None), POINTS.difference(None), POINTS.interval(None, 1.0), percent(None), instant(None)]
    assert told == ["–"] * 5


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0.0"), (-0.01, "0.0"), (0.04, "0.0"), (-0.06, "−0.1"), (2.0, "+2.0")]
)
def test_what_rounds_to_nothing_has_no_sign(number: float, text: str) -> None:
    assert signed(number, 1) == text


@pytest.mark.parametrize(("half", "decimals"), [(0.2, 1), (0.07, 1), (0.007, 1), (0.0007, 2), (0.00007, 3), (1e-12, 6)])
def test_a_proportion_has_the_decimals_that_its_interval_knows(half: float, decimals: int) -> None:
    assert numbers_for("proportion", [half, 0.9]).decimals == decimals


@pytest.mark.parametrize(("half", "decimals"), [(150.0, 0), (2.0, 1), (0.02, 3), (0.0, 1)])
def test_a_mean_too(half: float, decimals: int) -> None:
    assert numbers_for("mean", [half]).decimals == decimals


def test_all_numbers_of_a_metric_are_written_alike() -> None:
    assert numbers_of(healthy()["metrics"][0]) == Numbers(100, 1)
    assert numbers_of(undefined()["metrics"][0]).scale == 1


def test_a_relative_difference_is_a_signed_percentage() -> None:
    assert [percent(each) for each in (0.284, -0.017, 0.0)] == ["+28 %", "−1.7 %", "0.0 %"]


def test_a_p_value_is_never_nothing() -> None:
    assert [p_equals(each) for each in (0.0, 0.0123, 1.0, None)] == ["p < 0.0001", "p = 0.012", "p = 1", "p = –"]


def test_an_instant_is_a_date_and_a_time() -> None:
    assert instant("2026-06-15T00:00:00Z") == "2026-06-15 00:00 UTC"
