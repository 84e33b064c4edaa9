"""SIGSTOP past the lease, a second launcher takes over, SIGCONT: the one that wakes up writes nothing any more.

No ledger can fence a broker: what its client still publishes are copies, byte for byte, and they are counted.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from campaigns.app import Campaigns
from campaigns.errors import Conflict
from support.launchers import PUBLISH_EVENTS, Ending, started
from support.places import Place, chance_of, seeds
from support.tally import TALLY

LEASE = 1.5
"""Seconds, of the launcher that sleeps: nobody waits for half a minute here."""

PLACES = {
    "before-freeze": 1,
    "before-validate": 1,
    "after-freeze": 1,
    "before-publish": 3,
    "after-publish": 3,
    "before-close": 1,
}
"""Where it falls asleep, and at which pass."""


def taken_over(place: Place, failpoint: str, count: int = 1) -> Ending:
    """How a launcher ends that slept at the failpoint while another one did its work."""
    with started(place.order(sleeps_at=failpoint, sleeps_count=count, lease=LEASE)) as sleeper:
        sleeper.asleep()
        place.interruptions += 1
        TALLY.faults["launcher stopped"] += 1
        place.outlast_lease()
        place.finish()
        place.check_whole()
        record = place.record()
        sleeper.awake()
        ending = sleeper.ending()
    assert place.record() == record
    return ending


@pytest.mark.thinned
@pytest.mark.parametrize("failpoint", PLACES)
def test_a_launcher_that_slept_past_its_lease_can_write_nothing(place: Place, failpoint: str) -> None:
    ending = taken_over(place, failpoint, PLACES[failpoint])
    assert (ending.error, ending.message) == ("Conflict", "launch 'spring' was taken over by another launcher")
    place.check_whole()
    copies = Campaigns(place.root).verify("spring")["duplicates"]
    if failpoint in {"before-publish", "after-publish"} and place.name != "nats":  # JetStream knows ids it stored
        assert 0 < copies <= PUBLISH_EVENTS
    else:
        assert copies == 0


@pytest.mark.thinned
def test_a_launcher_that_is_asleep_is_left_alone_until_its_lease_is_over(place: Place) -> None:
    with started(place.order(sleeps_at="before-publish", sleeps_count=3)) as sleeper:
        sleeper.asleep()
        with pytest.raises(Conflict, match=f"launch 'spring' is being worked on by process {sleeper.pid} on "):
            place.finish()
        sleeper.awake()
        assert sleeper.ending().report
    place.check_whole()


@pytest.mark.thinned
@pytest.mark.parametrize("seed", seeds(1))
def test_sleepers_wake_up_in_any_order(place: Place, seed: int) -> None:
    """Each fell asleep further on, and was taken over by the next."""
    chance = chance_of(f"sleepers on {place.name}", seed)
    depths = [("before-validate", 1), ("before-publish", chance.randint(2, 4)), ("after-publish", chance.randint(2, 4))]
    with ExitStack() as stack:
        sleepers = []
        for failpoint, count in depths:
            order = place.order(sleeps_at=failpoint, sleeps_count=count, lease=LEASE)
            sleepers.append(stack.enter_context(started(order)))
            sleepers[-1].asleep()
            place.interruptions += 1
            TALLY.faults["launcher stopped"] += 1
            place.outlast_lease()
        place.finish()
        record = place.record()
        chance.shuffle(sleepers)
        for sleeper in sleepers:
            sleeper.awake()
        assert {sleeper.ending().error for sleeper in sleepers} == {"Conflict"}
    assert place.record() == record
    place.check_whole()
