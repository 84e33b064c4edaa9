"""A launch is paused, cancelled, resumed, and asked to end, while a launcher is at work on it."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.engines import duckdb
from campaigns.errors import Conflict, Stopped, Terminated
from campaigns.launch import emit, freeze
from campaigns.ledger import person
from support.launchers import PUBLISH_EVENTS, Ending, Launcher, Order, ended, started
from support.shop import Check, copies, expected_ids, stream_of
from support.workspaces import AS_OF

SLOW = 100
"""Events a second: the shop has some hundreds."""


def at_work(root: Path) -> None:
    """Wait until events are leaving."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if stream_of(root):
            return
        time.sleep(0.05)
    raise AssertionError("no event left")


def in_time(launcher: Launcher) -> Ending:
    """The launcher's end, which must come within 2 s from now."""
    asked = time.monotonic()
    ending = launcher.ending()
    assert time.monotonic() - asked < 2
    return ending


def test_a_pause_holds_the_launch_back_until_somebody_resumes_it(shop: Path, whole: Check) -> None:
    with started(Order(shop, rate=SLOW)) as launcher:
        at_work(shop)
        paused = Campaigns(shop).pause("spring")
        ending = in_time(launcher)
    assert paused["state"] == "paused"
    assert ending.error == "Stopped"
    assert ending.message.startswith("launch 'spring' was paused by ")
    status = Campaigns(shop).status("spring")
    assert (status["state"], status["owner"], status["rate"]) == ("paused", None, SLOW)
    assert 0 < status["acknowledged"] == len(stream_of(shop)) < status["sent"]
    *_, pause, release = status["history"]
    assert (pause["what"], pause["who"]) == ("paused", person())
    assert (release["what"], f"process {launcher.pid}" in release["who"]) == ("released", True)

    assert Campaigns(shop).pause("spring")["history"] == status["history"]  # again: nothing changes
    with pytest.raises(Stopped, match=r"paused by .*`campaigns resume spring`"):
        Campaigns(shop).launch("winback", AS_OF, "spring")  # a scheduler's retry does not undo a person's pause

    assert Campaigns(shop).resume("spring", rate=100_000)["acknowledged"] == status["sent"]
    whole(shop)
    assert copies(stream_of(shop)) == 0
    assert Campaigns(shop).status("spring")["rate"] == 100_000


def test_a_cancelled_launch_ends_for_good_and_what_left_stays(shop: Path) -> None:
    with started(Order(shop, rate=SLOW)) as launcher:
        at_work(shop)
        Campaigns(shop).cancel("spring")
        ending = in_time(launcher)
    assert ending.message.startswith("launch 'spring' was cancelled by ")
    left = stream_of(shop)
    assert 0 < len(left) < len(expected_ids())
    with pytest.raises(Stopped, match="cancelled"):
        Campaigns(shop).resume("spring")
    with pytest.raises(Stopped, match="cancelled"):
        Campaigns(shop).launch("winback", AS_OF, "spring")
    with pytest.raises(Conflict, match="cancelled"):
        Campaigns(shop).pause("spring")
    assert stream_of(shop) == left
    assert Campaigns(shop).status("spring")["state"] == "cancelled"


def test_a_pause_of_a_launch_whose_launcher_was_killed_survives(shop: Path, whole: Check) -> None:
    ended(Order(shop, failpoint="after-publish:3"))
    Campaigns(shop).pause("spring")
    with pytest.raises(Stopped, match="paused by"):
        Campaigns(shop).launch("winback", AS_OF, "spring")
    Campaigns(shop).resume("spring")
    whole(shop)


def test_a_resume_right_after_a_pause_waits_for_the_launcher_to_let_go(shop: Path, whole: Check) -> None:
    with started(Order(shop, rate=SLOW)) as launcher:
        at_work(shop)
        Campaigns(shop).pause("spring")
        Campaigns(shop).resume("spring", rate=100_000)
        assert launcher.ending().error == "Stopped"
    whole(shop)
    assert copies(stream_of(shop)) == 0


@pytest.mark.slow
def test_a_resume_does_not_wait_for_ever_for_a_launcher_that_hangs(shop: Path) -> None:
    with started(Order(shop, rate=SLOW)) as launcher:
        at_work(shop)
        launcher.signal(signal.SIGSTOP)
        Campaigns(shop).pause("spring")
        asked = time.monotonic()
        with pytest.raises(Conflict, match=f"is being worked on by process {launcher.pid}"):
            Campaigns(shop).resume("spring")
        assert 2 < time.monotonic() - asked < 6


@pytest.mark.parametrize("hold", ["pause", "cancel"])
def test_a_launch_held_back_while_it_is_frozen_decides_nothing(
    shop: Path, whole: Check, monkeypatch: pytest.MonkeyPatch, hold: str
) -> None:
    def reach(name: str) -> None:
        if name == "before-validate":
            getattr(Campaigns(shop), hold)("spring")

    with monkeypatch.context() as patched:
        patched.setattr(freeze, "reach", reach)
        with pytest.raises(Stopped, match=f"launch 'spring' was {hold.removesuffix('e')}"):
            Campaigns(shop).launch("winback", AS_OF, "spring")
    assert list((shop / ".campaigns" / "snapshots" / "spring").iterdir()) == []
    assert stream_of(shop) == {}
    if hold == "pause":
        Campaigns(shop).resume("spring")
        whole(shop)


class Asking:
    """Asks a launch to end at a moment of it."""

    def __init__(self, moment: str) -> None:
        self._moment = moment
        self.stop = threading.Event()

    def claimed(self, launch: object) -> None:
        if self._moment == "claim":
            self.stop.set()

    def freezing(self, done: float) -> None:
        if self._moment == "freeze":
            self.stop.set()

    def emitting(self, done: int, total: int) -> None:
        if self._moment == "emit" and 0 < done < total:
            self.stop.set()


@pytest.mark.parametrize(("moment", "state"), [("claim", "claimed"), ("freeze", "freezing"), ("emit", "emitting")])
def test_a_launcher_that_is_asked_to_end_lets_go_with_everything_noted(
    shop: Path, whole: Check, monkeypatch: pytest.MonkeyPatch, moment: str, state: str
) -> None:
    monkeypatch.setattr(duckdb, "_POLL_SECONDS", 0.0001)  # the shop is small: look before it is decided
    monkeypatch.setattr(emit, "PUBLISH_EVENTS", PUBLISH_EVENTS)
    watch = Asking(moment)
    with pytest.raises(Terminated, match="asked to end"):
        Campaigns(shop).launch("winback", AS_OF, "spring", watch, stop=watch.stop)
    status = Campaigns(shop).status("spring")
    assert (status["state"], status["owner"]) == (state, None)
    assert (status["acknowledged"] or 0) == len(stream_of(shop))
    assert not list((shop / ".campaigns").glob("snapshots/spring/writing-*"))
    Campaigns(shop).resume("spring")
    whole(shop)
    assert copies(stream_of(shop)) == 0
