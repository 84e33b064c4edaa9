"""kill -9 of a launch and of its resume; `tests/fault` does it anywhere, on every stream."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from support.launchers import PUBLISH_EVENTS, Ending, Order, ended
from support.shop import Check, audit_of, copies, ledger_of, stream_of

KILLED = Ending(-signal.SIGKILL)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("before-validate", "before-validate"),
        ("after-publish:2", "before-close"),
        ("after-checkpoint:3", "after-publish:3"),
        ("before-close", "after-close"),
    ],
)
def test_a_resume_may_be_killed_as_well(shop: Path, whole: Check, first: str, second: str) -> None:
    assert ended(Order(shop, failpoint=first)) == KILLED
    assert ended(Order(shop, verb="resume", failpoint=second)) == KILLED
    check_checkpoint(shop)
    Campaigns(shop).resume("spring")
    whole(shop)
    assert copies(stream_of(shop)) <= 2 * PUBLISH_EVENTS


def test_files_become_valid_by_the_ledger_and_not_before(shop: Path) -> None:
    ended(Order(shop, failpoint="before-validate"))
    launch = ledger_of(shop)
    assert launch is not None
    assert (launch.state, launch.manifest, launch.shards) == ("freezing", None, ())
    (abandoned,) = (shop / ".campaigns" / "snapshots" / "spring").iterdir()

    Campaigns(shop).resume("spring")

    launch = ledger_of(shop)
    assert launch is not None
    assert launch.manifest is not None
    (valid,) = (shop / ".campaigns" / "snapshots" / "spring").iterdir()
    assert launch.manifest.startswith(valid.name)
    assert valid != abandoned
    assert audit_of(shop) == ["claimed", "freezing", "claimed again", "freezing", "frozen", "completed"]


def test_a_decided_launch_is_never_decided_again(shop: Path) -> None:
    ended(Order(shop, failpoint="after-freeze"))
    before = ledger_of(shop)
    Campaigns(shop).resume("spring")
    after = ledger_of(shop)
    assert before is not None
    assert after is not None
    assert before.manifest == after.manifest
    assert audit_of(shop).count("frozen") == 1


def check_checkpoint(root: Path) -> None:
    """The ledger never claims an event that is not on the stream."""
    if (root / ".campaigns" / "ledger.db").exists() and (launch := ledger_of(root)):
        assert launch.acknowledged <= len(stream_of(root))
