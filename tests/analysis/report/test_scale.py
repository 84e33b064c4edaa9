"""From numbers to places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.analysis.report.scale import Scale, scale_over

NUMBERS = st.floats(-1e9, 1e9).filter(lambda number: number == 0 or abs(number) > 1e-9)


@given(st.lists(st.tuples(NUMBERS, NUMBERS).map(sorted).map(tuple), max_size=8))
def test_every_scale_holds_0_has_ticks_on_it_and_puts_everything_on_the_chart(
    extents: list[tuple[float, float]],
) -> None:
    scale = scale_over(extents)
    assert scale.holds(0)
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 7
    assert all(0 <= scale.at(each) <= 100 for each in [*ticks, *(bound for extent in extents for bound in extent)])


def test_an_interval_many_times_as_wide_goes_beyond_the_edge() -> None:
    scale = scale_over([(-1, 1), (-2, 1), (-1, 2), (-500, 500)])
    assert scale.holds(2)
    assert not scale.holds(500)
    assert scale.at(500) == 100


@pytest.mark.parametrize(("low", "high", "ticks"), [(-0.6, 1.9, [-0.5, 0, 0.5, 1, 1.5]), (-7, 42, [0, 10, 20, 30, 40])])
def test_ticks_are_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert Scale(low, high).ticks() == pytest.approx(ticks)
