"""kill -9 of a launcher, anywhere, as often as it likes, everywhere: `resume` finishes, nothing is lost or changed.

`CAMPAIGNS_KILLS` is how many random interruptions there are at least, over all streams; `CAMPAIGNS_SEED` runs a single
seed again.
"""

from __future__ import annotations

import os

import pytest

from campaigns.failpoints import NAMES
from support.places import KILLED, Place, chance_of, seeds

LATER = ["before-publish:3", "after-publish:4", "after-checkpoint:5"]
KINDS = 4
MOST = 4
"""Interruptions of one launch: one to so many. A few launches are complete before."""

RUNS = -(-int(os.environ.get("CAMPAIGNS_KILLS", "12")) * 6 // (KINDS * (MOST + 1) * 2))


@pytest.mark.thinned("sqlite")
@pytest.mark.parametrize("failpoint", [*NAMES, *LATER])
def test_a_launcher_killed_at_a_failpoint_is_finished_by_resume(place: Place, failpoint: str) -> None:
    assert place.killed_at(failpoint).exit == KILLED
    place.check_checkpoint()
    place.finish()
    place.check_whole()


@pytest.mark.parametrize("seed", seeds(RUNS))
def test_launch_and_resumes_killed_anywhere_are_finished_by_the_last_resume(place: Place, seed: int) -> None:
    chance = chance_of(f"kills on {place.name}", seed)
    wanted = 1 + seed % MOST
    while place.kills < wanted and not place.is_complete():
        place.killed_somewhere(chance)
        place.check_checkpoint()
    place.finish()
    place.check_whole()
