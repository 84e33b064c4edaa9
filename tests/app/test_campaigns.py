"""The library's front door: what it refuses before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.app import Campaigns
from campaigns.errors import Damaged, InvalidDefinition, NotFound
from support.shop import contents, ledger_of, make_shop
from support.workspaces import AS_OF, WORKSPACE, write_yaml


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "shop")


@pytest.mark.parametrize("launch_id", ["", "../../etc", "a/b", ".hidden", "a b", "x" * 129, "ünïcode"])
def test_a_launch_id_that_could_leave_its_folder_is_refused(shop: Path, launch_id: str) -> None:
    with pytest.raises(InvalidDefinition, match=r"launch id .*: use at most 128 of"):
        Campaigns(shop).launch("winback", AS_OF, launch_id)
    assert not (shop / ".campaigns").exists()


def test_an_as_of_in_the_future_is_refused(shop: Path) -> None:
    with pytest.raises(InvalidDefinition, match="is in the future; it must not be later than now"):
        Campaigns(shop).launch("winback", datetime.now(UTC) + timedelta(minutes=1))
    assert not (shop / ".campaigns").exists()


def test_an_as_of_without_a_time_zone_is_refused(shop: Path) -> None:
    with pytest.raises(InvalidDefinition, match="as_of 2026-06-01T00:00:00 has no time zone"):
        Campaigns(shop).launch("winback", AS_OF.replace(tzinfo=None))


@pytest.mark.parametrize(
    "ask",
    [
        lambda opened: opened.resume("spring"),
        lambda opened: opened.status("spring"),
        lambda opened: opened.purge("spring", confirmed=True),
        lambda opened: list(opened.events("spring")),
    ],
    ids=["resume", "status", "purge", "events"],
)
def test_a_launch_that_does_not_exist_is_not_found_and_leaves_no_trace(
    shop: Path, ask: Callable[[Campaigns], object]
) -> None:
    before = contents(shop)
    with pytest.raises(NotFound, match=r"launch 'spring' does not exist$"):
        ask(Campaigns(shop))
    assert contents(shop) == before


def test_who_mistypes_a_launch_is_told_which_there_are(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    with pytest.raises(NotFound, match="launch 'sprong' does not exist; there are spring"):
        Campaigns(shop).resume("sprong")


@pytest.mark.parametrize("loss", ["deleted", "emptied"])
def test_a_lost_ledger_is_never_a_silent_start_from_zero(shop: Path, loss: str) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    ledger = shop / ".campaigns" / "ledger.db"
    ledger.unlink() if loss == "deleted" else ledger.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(Damaged, match="'spring' has a snapshot, but the ledger does not know it"):
            Campaigns(shop).launch("winback", AS_OF, "spring")
    with pytest.raises(Damaged, match="restore the ledger"):
        Campaigns(shop).resume("spring")


def test_an_emptied_secret_is_not_a_secret(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    (shop / ".campaigns" / "secret").write_bytes(b"\n")
    with pytest.raises(Damaged, match=r"secret: \.campaigns/secret is empty"):
        Campaigns(shop).launch("winback", AS_OF, "autumn")
    assert ledger_of(shop, "autumn") is None


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"env": "CAMPAIGNS_TEST_SECRET"}, "environment variable CAMPAIGNS_TEST_SECRET is missing or empty"),
        ({"file": "keys/secret"}, "file keys/secret is missing or empty"),
    ],
)
def test_a_configured_secret_must_be_there(shop: Path, place: dict[str, str], said: str) -> None:
    write_yaml(shop / "workspace.yaml", {**WORKSPACE, "secret": place})
    with pytest.raises(InvalidDefinition, match=rf"workspace\.yaml:\d+:\d+: .*{said}"):
        Campaigns(shop).launch("winback", AS_OF, "spring")


def test_the_same_secret_in_a_file_or_the_environment_issues_the_same_codes(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMPAIGNS_TEST_SECRET", "open sesame")
    (shop / "key").write_text("open sesame\n")
    found: list[list[dict[str, Any]]] = []
    for place in ({"env": "CAMPAIGNS_TEST_SECRET"}, {"file": "key"}):
        write_yaml(shop / "workspace.yaml", {**WORKSPACE, "secret": place, "stream": f"sqlite:///{len(found)}.db"})
        found.append(Campaigns(shop).preview("winback", AS_OF)["sample_events"])
    assert found[0] == found[1]
    assert any(event["data"]["offer"] for event in found[0])
    assert not (shop / ".campaigns").exists()


def test_a_broken_file_tells_all_its_errors_at_once(shop: Path) -> None:
    """What is wrong with the record and what is wrong with its rules, in the order of the lines."""
    campaign = {
        "campaign": "winback",
        "tenants": ["nowhere"],
        "channel": "email",
        "audience": {"where": "missing > 1 and country > 5"},
        "variables": {"name": "lowr(first_name)"},
    }
    write_yaml(shop / "campaigns" / "winback.yaml", campaign)
    with pytest.raises(InvalidDefinition) as caught:
        Campaigns(shop).validate("winback")
    said = [problem.message for problem in caught.value.problems]
    assert [message.split(":")[0] for message in said] == [
        "unknown tenant 'nowhere'; known",
        "unknown attribute `missing`",
        "cannot compare text with integer",
        "unknown function `lowr`",
    ]
    assert all(problem.line for problem in caught.value.problems)


def test_a_broken_workspace_tells_the_grammar_errors_of_its_rules_too(shop: Path) -> None:
    broken = {**WORKSPACE, "tenants": {"a": {"surface": "s", "timezone": "Mars"}}, "segments": {"odd": "country = = 1"}}
    write_yaml(shop / "workspace.yaml", broken)
    with pytest.raises(InvalidDefinition) as caught:
        Campaigns(shop)
    said = " ".join(problem.message for problem in caught.value.problems)
    assert "need an IANA time zone" in said
    assert "expected a value" in said
