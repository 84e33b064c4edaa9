"""A launcher whose wall clock is wrong, by forty days or by an hour: leases, expiry, and the bytes of events.

Not on Kafka: librdkafka waits by C11's `cnd_timedwait`, which libfaketime does not know. It would wait for forty days.
"""

from __future__ import annotations

import pytest

from support.clocks import skewed
from support.launchers import started
from support.places import KILLED, Place, until
from support.tally import TALLY

AHEAD, BEHIND = "+40d", "-1h"
CONFLICT, STOPPED = 5, 10
POSTGRES = pytest.param("postgres", marks=pytest.mark.server)
NATS = pytest.param("nats", marks=pytest.mark.server)
ledgers = pytest.mark.parametrize("place", ["sqlite", POSTGRES], indirect=True)
streams = pytest.mark.parametrize("place", ["sqlite", NATS], indirect=True)
both_ways = pytest.mark.parametrize("offset", [AHEAD, BEHIND])


@pytest.mark.thinned
@streams
@both_ways
def test_a_wrong_clock_changes_no_byte_of_an_event(place: Place, offset: str) -> None:
    TALLY.faults[f"clock {offset}"] += 1
    done = place.command(*place.launching(rate=None), env=skewed(offset))
    assert done.returncode == 0, done.stderr
    place.check_whole()


@pytest.mark.thinned
@ledgers
@both_ways
def test_a_launch_of_a_launcher_with_a_wrong_clock_is_taken_over_once_it_is_dead(place: Place, offset: str) -> None:
    TALLY.faults[f"clock {offset}"] += 1
    killed = place.command(*place.launching(), env=skewed(offset) | {"CAMPAIGNS_FAILPOINT": "after-publish:3"})
    assert killed.returncode == KILLED
    place.interruptions += 1
    place.finish()
    place.check_whole()


@pytest.mark.thinned
@ledgers
@both_ways
def test_a_launcher_with_a_wrong_clock_finishes_what_another_began(place: Place, offset: str) -> None:
    TALLY.faults[f"clock {offset}"] += 1
    assert place.killed_at("after-publish:3").exit == KILLED
    if offset == AHEAD and place.name != "postgres":  # by that clock the launch expired long ago
        told = place.command("resume", "spring", env=skewed(offset))
        assert (told.returncode, "expired" in told.stderr) == (STOPPED, True)
        return
    assert place.command("resume", "spring", env=skewed(offset)).returncode == 0
    place.check_whole()


@ledgers
def test_a_clock_that_is_ahead_sees_a_lease_as_over_but_whoever_held_it_writes_nothing(place: Place) -> None:
    """Whoever lives on the same host is asked for its lease alone; PostgreSQL goes by a clock of its own."""
    TALLY.faults["clock +2h"] += 1
    with started(place.order(sleeps_at="after-publish", sleeps_count=3)) as sleeper:
        sleeper.asleep()
        told = place.command("resume", "spring", "--rate", "200", env=skewed("+2h"))
        if place.name == "postgres":
            assert told.returncode == CONFLICT
            sleeper.awake()
            assert sleeper.ending().error == ""
        else:
            assert told.returncode == 0, told.stderr
            place.interruptions += 1
            record = place.record()
            sleeper.awake()
            assert sleeper.ending().error == "Conflict"
            assert place.record() == record
    place.check_whole()


@ledgers
def test_a_lease_of_a_clock_that_is_behind_seems_over_at_once_and_still_one_launcher_counts(place: Place) -> None:
    TALLY.faults[f"clock {BEHIND}"] += 1
    with place.begun(*place.launching(), env=skewed(BEHIND)) as late:
        until("events are acknowledged", place.acknowledged)
        told = place.command("resume", "spring", "--rate", "200")
        if place.name == "postgres":
            assert told.returncode == CONFLICT
            assert late.wait(60) == 0
        else:
            assert told.returncode == 0, told.stderr
            place.interruptions += 1
            assert late.wait(60) == CONFLICT
    place.check_whole()


@ledgers
def test_an_expiry_goes_by_the_clock_of_the_ledger(place: Place) -> None:
    """A clock that is behind does not bring a launch back that expired."""
    assert place.killed_at("before-publish:2").exit == KILLED
    TALLY.faults["clock +8d"] += 1
    told = place.command("resume", "spring", env=skewed("+8d"))
    if place.name == "postgres":
        assert told.returncode == 0, told.stderr
        place.check_whole()
        return
    assert told.returncode == STOPPED
    for env in (None, skewed(BEHIND)):
        assert place.command("resume", "spring", env=env).returncode == STOPPED
    assert place.acknowledged() == len(place.events())
