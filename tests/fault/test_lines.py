"""A bad line between launcher and broker: answers lost, a partition, resets, a slow link. Nothing is lost with them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from campaigns.app import Campaigns
from support.launchers import PUBLISH_EVENTS, started
from support.mortals import Distant
from support.places import chance_of, seeds, until
from support.proxy import ANSWERS_LOST, DOWN, GOOD, HALF_OPEN, Line
from support.tally import TALLY

IMPATIENT = 2
PATIENT = 30
RUNS = max(1, int(os.environ.get("CAMPAIGNS_KILLS", "0")) // 40)
LINES = {
    "answers lost": ANSWERS_LOST,
    "half open": HALF_OPEN,
    "down": DOWN,
    "slow": Line(delay=0.02),
    "throttled": Line(bytes_per_second=100_000),
    "good": GOOD,
}


def test_answers_that_are_lost_after_the_write_lose_and_repeat_nothing(distant: Distant) -> None:
    """The client asks again by itself; the broker knows what it has: by sequence numbers, or by ids."""
    place = distant.place
    with started(place.order(sleeps_at="before-publish", sleeps_count=3)) as launcher:
        launcher.asleep()
        distant.proxy.line = ANSWERS_LOST
        launcher.awake()
        until("events are stored whose answers are lost", lambda: distant.stored() > place.acknowledged())
        distant.proxy.line = GOOD
        assert launcher.ending().error == ""
    TALLY.faults["answers lost"] += 1
    place.check_whole()


def test_answers_that_are_lost_for_too_long_are_told_and_a_resume_repeats_one_publish(distant: Distant) -> None:
    place = distant.place
    distant.waits(IMPATIENT)
    with started(place.order(sleeps_at="before-publish", sleeps_count=3)) as launcher:
        launcher.asleep()
        acknowledged = place.acknowledged()
        distant.proxy.line = ANSWERS_LOST
        launcher.awake()
        ending = launcher.ending()
    assert ending.error == "Unavailable"
    assert f"nothing was acknowledged for {IMPATIENT} seconds" in ending.message
    assert place.acknowledged() >= acknowledged
    unknown = distant.stored() - place.acknowledged()
    assert 0 < unknown <= PUBLISH_EVENTS

    distant.proxy.line = GOOD
    distant.waits(PATIENT)
    place.interruptions += 1
    TALLY.faults["answers lost"] += 1
    place.finish()
    place.check_whole()
    copies = Campaigns(place.root).verify("spring")["duplicates"]
    assert copies == (0 if place.name == "nats" else unknown)  # JetStream knows ids it stored


@pytest.mark.thinned
@pytest.mark.parametrize("name", ["half open", "down", "reset"])
def test_a_line_that_breaks_and_heals_is_waited_for(distant: Distant, name: str) -> None:
    place = distant.place
    with started(place.order(sleeps_at="before-publish", sleeps_count=3)) as launcher:
        launcher.asleep()
        distant.proxy.line = LINES.get(name, GOOD)
        launcher.awake()
        if name == "reset":
            distant.proxy.reset()
        else:
            launcher.waited(1)
        assert place.acknowledged() > 0
        distant.proxy.line = GOOD
        assert launcher.ending().error == ""
    TALLY.faults[f"line {name}"] += 1
    place.interruptions += 1
    place.check_whole()


@pytest.mark.thinned
@pytest.mark.parametrize("name", ["half open", "down"])
def test_a_line_that_stays_broken_is_told_and_the_launch_is_resumed_once_it_is_whole(
    distant: Distant, name: str
) -> None:
    place = distant.place
    distant.waits(IMPATIENT)
    with started(place.order(sleeps_at="after-checkpoint", sleeps_count=3)) as launcher:
        launcher.asleep()
        distant.proxy.line = LINES[name]
        launcher.awake()
        began = time.monotonic()
        ending = launcher.ending()
    assert ending.error == "Unavailable"
    assert time.monotonic() - began < 30
    assert 0 < place.acknowledged() <= distant.stored()
    distant.proxy.line = GOOD
    distant.waits(PATIENT)
    place.interruptions += 1
    TALLY.faults[f"line {name}"] += 1
    place.finish()
    place.check_whole()


@pytest.mark.thinned
@pytest.mark.parametrize("name", ["slow", "throttled"])
def test_a_line_that_is_slow_only_takes_longer(distant: Distant, name: str) -> None:
    place = distant.place
    distant.proxy.line = LINES[name]
    with started(place.order()) as launcher:
        assert launcher.ending().error == ""
    distant.proxy.line = GOOD
    TALLY.faults[f"line {name}"] += 1
    place.check_whole()


@pytest.mark.thinned
@pytest.mark.parametrize("seed", seeds(RUNS))
def test_whatever_the_line_does_the_launch_ends_whole(distant: Distant, seed: int) -> None:
    """Every change of the line may repeat the publish at hand."""
    place = distant.place
    chance = chance_of(f"lines to {place.name}", seed)
    distant.waits(IMPATIENT)
    moods: list[Callable[[], None]] = [distant.proxy.reset, *(set_line(distant, line) for line in LINES.values())]
    with started(place.order(rate=4 * PUBLISH_EVENTS)) as launcher:
        for _ in range(8):
            launcher.waited(chance.uniform(0, 0.6))
            chance.choice(moods)()
            place.interruptions += 1
            TALLY.faults["line changed"] += 1
        distant.proxy.line = GOOD
        assert launcher.ending().error in {"", "Unavailable"}
    distant.waits(PATIENT)
    place.check_checkpoint()
    place.finish_once_it_answers()
    place.check_whole()


def set_line(distant: Distant, line: Line) -> Callable[[], None]:
    """Makes the line so when it is called."""

    def make() -> None:
        distant.proxy.line = line

    return make
