"""Ctrl-C."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.engines import duckdb
from campaigns.launch import emit
from campaigns.ledger import Launch
from support.launchers import PUBLISH_EVENTS
from support.shop import Check, copies, stream_of
from support.workspaces import AS_OF


class Finger:
    """Presses Ctrl-C at a moment of the launch."""

    def __init__(self, moment: str) -> None:
        self._moment = moment

    def claimed(self, launch: Launch) -> None:
        assert launch.launch_id == "spring"

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
