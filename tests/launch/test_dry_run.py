"""A dry run does everything but publish, and keeps nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.definitions.instants import parse_instant
from campaigns.errors import InvalidData, NeedsConfirmation, Stopped, Terminated, Unavailable
from support.shop import contents, expected_ids, stream_of
from support.workspaces import AS_OF, CAMPAIGN, WORKSPACE, write_campaign, write_yaml

COUNTS = ("campaign", "campaign_version", "as_of", "matched", "sent", "held_out", "variants", "offers", "tenants")


def test_it_tells_what_the_launch_will_do_and_how_many_bytes_that_is(shop: Path) -> None:
    told = Campaigns(shop).dry_run("winback", AS_OF, "spring")
    assert (told["state"], told["dry_run"], told["acknowledged"]) == ("dry_run", True, 0)
    launched = Campaigns(shop).launch("winback", AS_OF, "spring")
    assert {name: told[name] for name in COUNTS} == {name: launched[name] for name in COUNTS}
    assert told["sent"] == len(expected_ids())
    assert told["bytes"] == sum(len(copy) for copies in stream_of(shop).values() for copy in copies)


def test_it_keeps_nothing_and_may_be_repeated_at_any_time(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    before = contents(shop)
    for launch_id in ("spring", "autumn"):
        assert Campaigns(shop).dry_run("winback", AS_OF, launch_id)["sent"] == len(expected_ids())
        assert without_shared_memory(contents(shop)) == without_shared_memory(before)
    assert [launch["launch_id"] for launch in Campaigns(shop).launches()] == ["spring"]


def without_shared_memory(files: dict[str, bytes]) -> dict[str, bytes]:
    """What SQLite keeps beside an open database tells nothing."""
    return {name: content for name, content in files.items() if not name.endswith(("-shm", "-wal"))}


def test_it_waits_for_no_rate(shop: Path) -> None:
    tenants = {key: {**tenant, "rate": 1} for key, tenant in WORKSPACE["tenants"].items()}
    write_yaml(shop / "workspace.yaml", {**WORKSPACE, "tenants": tenants})
    assert Campaigns(shop).dry_run("winback", AS_OF)["sent"] == len(expected_ids())


def test_it_asks_as_the_launch_would(shop: Path) -> None:
    write_campaign(shop, {**CAMPAIGN, "limit": 10})
    with pytest.raises(NeedsConfirmation, match=r"limit of 10; the launch would ask for --confirm$"):
        Campaigns(shop).dry_run("winback", AS_OF)
    assert Campaigns(shop).dry_run("winback", AS_OF, confirm=True)["sent"] == len(expected_ids())
    with pytest.raises(Stopped, match="expired"):
        Campaigns(shop).dry_run("winback", AS_OF, expires=parse_instant("2020-01-01"))
    assert scratch(shop) == []


def test_growth_is_judged_by_the_launches_of_the_real_ledger(shop: Path) -> None:
    few = f"{CAMPAIGN['audience']['where']} and customer_id < 'c0104'"
    write_campaign(shop, {**CAMPAIGN, "audience": {**CAMPAIGN["audience"], "where": few}})
    Campaigns(shop).launch("winback", AS_OF, "winter")
    write_campaign(shop, CAMPAIGN)
    with pytest.raises(NeedsConfirmation, match="3 times the 140 of the campaign's last launch 'winter'"):
        Campaigns(shop).dry_run("winback", AS_OF)


def test_it_tells_that_the_stream_is_away_and_cleans_up(shop: Path) -> None:
    (shop / ".campaigns" / "stream.db").mkdir()
    with pytest.raises(Unavailable, match="stream"):
        Campaigns(shop).dry_run("winback", AS_OF)
    assert scratch(shop) == []
    assert Campaigns(shop).launches() == []


def test_it_cleans_up_after_a_broken_source_and_after_being_asked_to_end(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Terminated):
        Campaigns(shop).dry_run("winback", AS_OF, stop=stop)
    assert scratch(shop) == []

    def broken(*_arguments: object, **_options: object) -> None:
        raise InvalidData("customers: gone")

    monkeypatch.setattr("campaigns.launch.run.freeze", broken)
    with pytest.raises(InvalidData, match="gone"):
        Campaigns(shop).dry_run("winback", AS_OF)
    assert scratch(shop) == []


def scratch(shop: Path) -> list[Path]:
    """What dry runs left of their ledgers and snapshots."""
    private = shop / ".campaigns"
    return [*private.glob("spill-*"), *private.glob("snapshots/*")]
