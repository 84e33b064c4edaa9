"""Events leave evenly, never faster than asked."""

from __future__ import annotations

import time

import pytest

from campaigns.launch.pace import Pace


def test_without_a_rate_nothing_is_held_back() -> None:
    pace = Pace(None)
    assert pace.portion is None
    assert pace.hold(1_000_000) == 0.0


@pytest.mark.parametrize(("rate", "portion"), [(1, 1), (3, 1), (8, 2), (1000, 250)])
def test_a_portion_is_what_leaves_in_a_quarter_of_a_second(rate: int, portion: int) -> None:
    assert Pace(rate).portion == portion


def test_after_a_portion_the_next_one_waits_its_time() -> None:
    pace = Pace(100)
    assert pace.hold(25) == 0.0
    assert 0.0 < pace.hold(25) <= 0.25
    assert 0.0 < pace.hold(25) <= 0.25, "what was held back does not count as gone"


def test_over_a_second_no_more_than_the_rate_and_a_portion_leave() -> None:
    pace, gone, started = Pace(2000), 0, time.monotonic()
    while time.monotonic() - started < 1.0:
        if hold := pace.hold(500):
            time.sleep(hold)
        else:
            gone += 500
    assert gone <= 2500
