"""Ctrl-C, and a launcher that sleeps past its lease."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.engines import duckdb
from campaigns.errors import Conflict
from campaigns.launch import emit
from support.launchers import PUBLISH_EVENTS, Order, started
from support.shop import Check, copies, stream_of
from support.workspaces import AS_OF


class Finger:
    """Presses Ctrl-C at a moment of the launch."""

    def __init__(self, moment: str) -> None:
        self._moment = moment

    def claimed(self, launch_id: str) -> None:
        assert launch_id == "spring"

    def freezing(self, done: float) -> None:
        assert 0 <= done <= 1
        if self._moment == "freeze":
            os.kill(os.getpid(), signal.SIGINT)

    def emitting(self, done: int, total: int) -> None:
        if self._moment == "emit" and 0 < done < total:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("moment", "state"), [("freeze", "freezing"), ("emit", "emitting")])
def test_ctrl_c_leaves_a_launch_that_anyone_may_resume(
    shop: Path, whole: Check, monkeypatch: pytest.MonkeyPatch, moment: str, state: str
) -> None:
    monkeypatch.setattr(duckdb, "_POLL_SECONDS", 0.0001)  # the shop is small: look before it is decided
    monkeypatch.setattr(emit, "PUBLISH_EVENTS", PUBLISH_EVENTS)
    with pytest.raises(KeyboardInterrupt):
        Campaigns(shop).launch("winback", AS_OF, "spring", watch=Finger(moment))

    status = Campaigns(shop).status("spring")
    assert (status["state"], status["owner"], status["error"]) == (state, None, "KeyboardInterrupt")
    assert not list((shop / ".campaigns").glob("snapshots/spring/writing-*"))

    Campaigns(shop).resume("spring")
    whole(shop)
    assert copies(stream_of(shop)) == 0


def test_a_launcher_that_slept_past_its_lease_stops_at_its_next_write(shop: Path, whole: Check) -> None:
    with started(Order(shop, sleeps_at="before-publish", sleeps_count=3)) as sleeper:
        sleeper.asleep()
        with pytest.raises(Conflict, match=f"is being worked on by process {sleeper.pid}"):
            Campaigns(shop).resume("spring")
        end_lease(shop)
        Campaigns(shop).resume("spring")
        whole(shop)
        sleeper.signal(signal.SIGCONT)
        ending = sleeper.ending()
    assert (ending.error, ending.message) == ("Conflict", "launch 'spring' was taken over by another launcher")
    whole(shop)
    assert 0 < copies(stream_of(shop)) <= PUBLISH_EVENTS  # what the sleeper still published: the same bytes


def end_lease(root: Path) -> None:
    """Half a minute goes by."""
    with closing(sqlite3.connect(root / ".campaigns" / "ledger.db")) as connection, connection:
        connection.execute("UPDATE launches SET lease_until = 0")
