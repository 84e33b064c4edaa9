"""Once decided, a launch depends on nothing but its snapshot: not on sources, not on files, not on where it lies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.engines.duckdb import DuckDB
from campaigns.engines.port import Progress, Query
from campaigns.errors import Damaged, InvalidData, Unavailable
from support.launchers import Order, ended
from support.shop import Check, contents, stream_of
from support.workspaces import AS_OF, CAMPAIGN, CUSTOMER, WORKSPACE, customer, write_campaign, write_rows, write_yaml


def delete_the_sources(root: Path) -> None:
    shutil.rmtree(root / "data")


def change_the_customers(root: Path) -> None:
    everyone = [customer(f"c{number:04}", first_name="changed", country="CA") for number in range(1000)]
    write_rows(root / "data" / "customers.parquet", everyone, CUSTOMER)


def edit_the_campaign(root: Path) -> None:
    write_campaign(root, {**CAMPAIGN, "audience": {"where": "country = 'CA'"}, "channel": "push"})


def delete_the_campaign(root: Path) -> None:
    (root / "campaigns" / "winback.yaml").unlink()


def edit_the_offers(root: Path) -> None:
    write_yaml(root / "workspace.yaml", {**WORKSPACE, "offers": {"ten-off": {"type": "free_delivery"}}})


@pytest.mark.parametrize(
    "change", [delete_the_sources, change_the_customers, edit_the_campaign, delete_the_campaign, edit_the_offers]
)
@pytest.mark.parametrize("place", ["after-freeze", "after-publish:3"])
def test_what_changes_after_the_freeze_changes_nothing(
    shop: Path, whole: Check, change: Callable[[Path], None], place: str
) -> None:
    ended(Order(shop, failpoint=place))
    change(shop)
    Campaigns(shop).resume("spring")
    whole(shop)


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_workspace_that_was_moved_or_copied_goes_on_where_it_is(
    shop: Path, tmp_path: Path, whole: Check, move: Callable[[Path, Path], object]
) -> None:
    ended(Order(shop, failpoint="after-publish:3"))
    elsewhere = tmp_path / "quite" / "somewhere else"
    elsewhere.parent.mkdir()
    move(shop, elsewhere)
    Campaigns(elsewhere).resume("spring")
    whole(elsewhere)


def test_no_path_of_this_machine_is_stored(shop: Path) -> None:
    with pytest.raises(InvalidData, match=r"customers"):
        fail_after_the_claim(shop)
    broken = shop / ".campaigns" / "stream.db"
    broken.write_bytes(b"not a stream" * 1000)
    with pytest.raises(Damaged, match=str(broken)):
        Campaigns(shop).launch("winback", AS_OF, "summer")
    broken.unlink()
    Campaigns(shop).launch("winback", AS_OF, "autumn")

    assert "customers" in Campaigns(shop).status("spring")["error"]
    assert "stream .campaigns/stream.db: " in Campaigns(shop).status("summer")["error"]
    stored = contents(shop / ".campaigns")
    assert [name for name, content in stored.items() if str(shop).encode() in content] == []
    assert stream_of(shop, "autumn")


def fail_after_the_claim(root: Path) -> None:
    """A source goes away between the claim and the freeze."""
    source, away = root / "data" / "customers.parquet", root / "data" / "away"
    ended(Order(root, failpoint="after-claim"))
    source.rename(away)
    try:
        Campaigns(root).resume("spring")
    finally:
        away.rename(source)


def changing(shop: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """The customers' file changes after it was screened, as often; the numbers of the writes are noted."""
    writes: list[int] = []
    write = DuckDB.write

    def noted(engine: DuckDB, query: Query, folder: Path, progress: Progress | None = None) -> list[Path]:
        writes.append(len(writes))
        if len(writes) <= times:
            os.utime(shop / "data" / "customers.parquet", ns=(len(writes), len(writes)))
        return write(engine, query, folder, progress)

    monkeypatch.setattr(DuckDB, "write", noted)
    return writes


def test_a_source_that_changes_while_it_is_decided_is_decided_again(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = changing(shop, monkeypatch, times=1)
    assert Campaigns(shop).launch("winback", AS_OF, "spring")["state"] == "completed"
    assert len(writes) == 2


def test_a_source_that_never_comes_to_rest_leaves_the_launch_to_be_resumed(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing(shop, monkeypatch, times=3)
    with pytest.raises(Unavailable, match=r"customers: .*changed while the audience was being decided"):
        Campaigns(shop).launch("winback", AS_OF, "spring")
    assert list(Campaigns(shop).events("spring")) == []
    assert Campaigns(shop).resume("spring")["state"] == "completed"
