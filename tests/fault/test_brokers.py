"""kill -9 of a server while a launch is under way: it comes back soon, or later than anyone wants to wait for."""

from __future__ import annotations

import os
import time

import pytest

from support.launchers import PUBLISH_EVENTS, started
from support.mortals import Distant, Mortal
from support.places import Place, chance_of, seeds, until

IMPATIENT = 2
SLOW = 4 * PUBLISH_EVENTS
"""Events a second: a launch of a few seconds."""

RUNS = max(1, int(os.environ.get("CAMPAIGNS_KILLS", "0")) // 40)
UNAVAILABLE = 7


@pytest.mark.thinned
@pytest.mark.parametrize("failpoint", ["before-publish", "after-publish"])
def test_a_broker_that_is_killed_and_comes_back_is_waited_for(distant: Distant, failpoint: str) -> None:
    place = distant.place
    with started(place.order(sleeps_at=failpoint, sleeps_count=3)) as launcher:
        launcher.asleep()
        acknowledged = place.acknowledged()
        distant.broker.kill()
        place.interruptions += 1
        launcher.awake()
        distant.broker.restart()
        assert distant.stored() >= acknowledged
        assert launcher.ending().error == ""
    place.check_whole()


@pytest.mark.thinned
@pytest.mark.parametrize("seed", seeds(RUNS))
def test_a_broker_may_be_killed_at_any_instant_and_the_launcher_too(distant: Distant, seed: int) -> None:
    place = distant.place
    chance = chance_of(f"kills of {place.name}", seed)
    with started(place.order(rate=SLOW)) as launcher:
        launcher.waited(chance.uniform(0, 2))
        distant.broker.kill()
        place.interruptions += 1
        if chance.random() < 0.5:
            place.kill(launcher)
        distant.broker.restart()
        ending = launcher.ending()
        assert ending.error in {"", "Unavailable"}
        print(f"the launcher ended: {ending.error} {ending.message}")
    place.check_checkpoint()
    place.finish_once_it_answers()
    place.check_whole()


def test_a_broker_that_stays_away_is_told_with_7_and_the_launch_goes_on_once_it_is_back(distant: Distant) -> None:
    place = distant.place
    distant.waits(IMPATIENT)
    with place.begun(*place.launching()) as launcher:
        until("events are acknowledged", place.acknowledged)
        distant.broker.kill()
        place.interruptions += 1
        _, told = launcher.communicate(timeout=60)
    assert launcher.returncode == UNAVAILABLE
    assert "nothing is lost; continue with: " in told
    assert "campaigns resume spring" in told
    assert "Traceback" not in told, told
    acknowledged = place.acknowledged()
    assert acknowledged > 0

    again = place.command("resume", "spring")  # still away: told at once, nothing is worse
    assert (again.returncode, place.acknowledged()) == (UNAVAILABLE, acknowledged)

    distant.broker.restart()
    place.check_checkpoint()
    distant.waits(60)
    done = place.command("resume", "spring", "--json")
    assert done.returncode == 0, done.stderr
    place.check_whole()
    assert place.command("verify", "spring").returncode == 0


@pytest.mark.thinned
def test_a_broker_that_is_away_from_the_start_is_told_before_anything_is_decided(distant: Distant) -> None:
    place = distant.place
    distant.waits(IMPATIENT)
    distant.broker.kill()
    began = time.monotonic()
    assert place.command(*place.launching()).returncode == UNAVAILABLE
    assert time.monotonic() - began < 30
    launch = place.ledger()
    assert launch is None or launch.manifest is None
    distant.broker.restart()
    distant.waits(60)
    place.finish_once_it_answers()
    place.check_whole()


@pytest.mark.parametrize("failpoint", ["before-validate", "before-publish", "after-publish"])
def test_a_ledger_that_was_killed_and_is_back_is_gone_on_with(recorded: tuple[Place, Mortal], failpoint: str) -> None:
    place, postgres = recorded
    with started(place.order(sleeps_at=failpoint)) as launcher:
        launcher.asleep()
        postgres.kill()
        postgres.restart()
        launcher.awake()
        assert launcher.ending().error == ""
    place.check_whole()


@pytest.mark.parametrize("failpoint", ["before-validate", "before-publish", "after-publish"])
def test_a_ledger_that_is_away_is_told_and_the_launch_is_resumed(
    recorded: tuple[Place, Mortal], failpoint: str
) -> None:
    place, postgres = recorded
    with started(place.order(sleeps_at=failpoint)) as launcher:
        launcher.asleep()
        postgres.kill()
        place.interruptions += 1
        launcher.awake()
        ending = launcher.ending()
    assert ending.error == "Unavailable"
    assert ending.message.startswith("ledger: ")
    assert place.command("resume", "spring").returncode == UNAVAILABLE
    postgres.restart()
    place.check_checkpoint()
    place.finish()
    place.check_whole()


@pytest.mark.parametrize("seed", seeds(2 * RUNS))
def test_a_ledger_may_be_killed_at_any_instant(recorded: tuple[Place, Mortal], seed: int) -> None:
    place, postgres = recorded
    chance = chance_of("kills of postgres", seed)
    with started(place.order(rate=SLOW)) as launcher:
        launcher.waited(chance.uniform(0, 2))
        postgres.kill()
        place.interruptions += 1
        if chance.random() < 0.5:
            place.kill(launcher)
        postgres.restart()
        ending = launcher.ending()
        assert ending.error in {"", "Unavailable"}
        print(f"the launcher ended: {ending.error} {ending.message}")
    place.check_checkpoint()
    place.finish()
    place.check_whole()
