"""After a purge no file of the engine knows the launch's customers, and the books are still there."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.errors import NeedsConfirmation, NotFound, Stopped
from support.launchers import Order, ended
from support.shop import MARKED, contents, expected_ids, stream_of
from support.workspaces import AS_OF

TRACES = [MARKED.encode(), MARKED.upper().encode()]


def traces(root: Path) -> list[str]:
    """The engine's files in which the marked customer's id or name is found."""
    stored = contents(root / ".campaigns")
    return [name for name, content in stored.items() if any(trace in content for trace in TRACES)]


def test_a_purged_launch_keeps_its_books_and_nobody_in_them(shop: Path) -> None:
    report = Campaigns(shop).launch("winback", AS_OF, "spring")
    assert "stream.db" in traces(shop)

    assert Campaigns(shop).purge("spring") == {
        "launch_id": "spring",
        "snapshot_removed": True,
        "events_removed": report["sent"],
    }

    assert traces(shop) == []
    assert not (shop / ".campaigns" / "snapshots" / "spring").exists()
    status = Campaigns(shop).status("spring")
    assert status["purged_at"]
    kept = report.keys() - {"already_complete", "purged_at"}
    assert {name: status[name] for name in kept} == {name: report[name] for name in kept}


def test_a_purge_takes_nothing_of_another_launch(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    Campaigns(shop).launch("winback", AS_OF, "autumn")
    Campaigns(shop).purge("spring")
    assert stream_of(shop, "spring") == {}
    assert stream_of(shop, "autumn").keys() == expected_ids("autumn")
    assert (shop / ".campaigns" / "snapshots" / "autumn").exists()


def test_a_purge_may_be_repeated(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    Campaigns(shop).purge("spring")
    assert Campaigns(shop).purge("spring")["events_removed"] == 0


@pytest.mark.parametrize("place", ["before-validate", "after-freeze", "after-publish:2"])
def test_purging_an_unfinished_launch_cancels_it_and_needs_confirmation(shop: Path, place: str) -> None:
    ended(Order(shop, failpoint=place))
    before = contents(shop)
    with pytest.raises(NeedsConfirmation, match=r"'spring' is (freezing|emitting): purging cancels it"):
        Campaigns(shop).purge("spring")
    assert {name for name, content in contents(shop).items() if before.get(name) != content} <= {
        f".campaigns/ledger.db{end}" for end in ("", "-wal", "-shm")
    }

    Campaigns(shop).purge("spring", confirmed=True)

    assert traces(shop) == []
    assert Campaigns(shop).status("spring")["state"] == "cancelled"
    with pytest.raises(Stopped, match="'spring' is cancelled"):
        Campaigns(shop).resume("spring")
    with pytest.raises(Stopped, match="'spring' is cancelled"):
        Campaigns(shop).launch("winback", AS_OF, "spring")


def test_a_purged_launch_is_not_launched_again_and_not_explained(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    Campaigns(shop).purge("spring")
    again = Campaigns(shop).launch("winback", AS_OF, "spring")
    assert again["already_complete"]
    assert list(Campaigns(shop).events("spring")) == []
    with pytest.raises(NotFound, match="launch 'spring' was purged; explain the campaign instead"):
        Campaigns(shop).explain("spring", MARKED, "marketplace")


def test_what_a_killed_engine_spilled_goes_as_well(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    spilled = shop / ".campaigns" / "spill-999999999" / "duckdb_temp_0.tmp"
    spilled.parent.mkdir()
    spilled.write_bytes(MARKED.encode())
    Campaigns(shop).purge("spring")
    assert not spilled.exists()
