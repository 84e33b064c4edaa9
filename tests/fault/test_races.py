"""Many want the same launch at the same instant: one works, the others hear who does, or read its report."""

from __future__ import annotations

import pytest

from campaigns.app import Campaigns
from campaigns.errors import Conflict
from support.launchers import Ending, raced, started
from support.places import KILLED, Place
from support.tally import TALLY
from support.workspaces import AS_OF, CAMPAIGN, write_campaign

RACERS = 8
REQUESTS = 50


def the_worker(endings: dict[int, Ending]) -> int:
    """The process that did the launch, after it was seen that every other one was refused or read its report."""
    (worker,) = (pid for pid, ending in endings.items() if ending.report and not ending.report["already_complete"])
    for pid, ending in endings.items():
        if pid == worker:
            continue
        if ending.report:
            assert ending.report["state"] == "completed"
        else:
            assert ending.error == "Conflict"
            assert f"launch 'spring' is being worked on by process {worker} on " in ending.message
    return worker


def test_one_of_eight_launchers_works_and_the_others_say_who(place: Place) -> None:
    endings = raced([place.order(rate=400)] * RACERS)  # it lasts longer than the others need to ask
    the_worker(endings)
    assert sum(ending.error == "Conflict" for ending in endings.values()) == RACERS - 1
    TALLY.faults["launchers raced"] += RACERS
    place.check_whole()


@pytest.mark.thinned
def test_one_of_eight_launchers_takes_over_from_a_dead_one(place: Place) -> None:
    assert place.killed_at("after-publish:3").exit == KILLED
    the_worker(raced([place.order("resume", rate=400)] * RACERS))
    TALLY.faults["launchers raced"] += RACERS
    place.check_whole()


@pytest.mark.thinned
def test_the_same_request_fifty_times_at_once_is_one_launch(place: Place) -> None:
    the_worker(raced([place.order()] * REQUESTS))
    TALLY.faults["launchers raced"] += REQUESTS
    launch = place.ledger()
    assert launch is not None
    assert launch.epoch == 1
    place.check_whole()


def test_the_same_id_with_another_campaign_is_a_conflict_before_and_after(place: Place) -> None:
    write_campaign(place.root, {**CAMPAIGN, "campaign": "welcome"})
    refusal = "launch 'spring' exists with campaign winback, not welcome"
    with started(place.order(sleeps_at="before-publish")) as launcher:
        launcher.asleep()
        (ending,) = raced([place.order(campaign="welcome")]).values()
        assert (ending.error, refusal in ending.message) == ("Conflict", True)
        launcher.awake()
        assert launcher.ending().report
    with pytest.raises(Conflict, match=refusal):
        Campaigns(place.root).launch("welcome", AS_OF, "spring")
    place.check_whole()
