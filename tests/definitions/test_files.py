"""Finding and loading the files of a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.definitions import (
    AmountOff,
    CampaignFile,
    Duration,
    WorkspaceFile,
    campaign_keys,
    find_workspace,
    load_campaign,
    load_workspace,
)
from campaigns.errors import InvalidDefinition, NotFound


def test_the_example_workspace_loads(workspace: WorkspaceFile) -> None:
    record = workspace.record
    assert (record.workspace, list(record.tenants)) == ("acme", ["marketplace", "corner-grocer"])
    assert record.customers.location == "data/customers.parquet"
    assert record.attributes["spend_90d"].column == "total_cents"
    ten_off = record.offers["ten-off"]
    assert isinstance(ten_off, AmountOff)
    assert (ten_off.code.prefix, ten_off.valid_for) == ("WB", Duration(14, "day"))


def test_what_is_left_out_has_the_documented_default(acme: Path) -> None:
    text = "workspace: a\ntenants: {m: {surface: s}}\ncustomers: {from: c.csv, id: id, tenant: t}\n"
    (acme / "workspace.yaml").write_text(text)
    record = load_workspace(acme).record
    assert (record.ledger, record.stream.url) == (
        "sqlite:///.campaigns/ledger.db",
        "sqlite:///.campaigns/stream.db",
    )
    assert (record.secret, record.snapshots) == (None, ".campaigns/snapshots")
    assert (record.engine.memory_limit, record.engine.threads) == ("1GB", None)
    assert record.tenants["m"].timezone == "UTC"
    assert (record.events, record.attributes, record.segments, record.offers) == ({}, {}, {}, {})


def test_the_example_campaign_loads(winback: CampaignFile) -> None:
    record = winback.record
    assert record.tenants == "all"
    assert record.audience.exclude == ("staff",)
    assert record.holdout is not None
    assert record.holdout.basis_points == 500
    assert record.experiment is not None
    assert list(record.experiment.variants) == ["control", "ten_off", "free_delivery"]


def test_the_workspace_is_found_from_a_folder_below_it(acme: Path) -> None:
    below = acme / "campaigns" / "archive" / "2025"
    below.mkdir(parents=True)
    assert find_workspace(below) == acme


def test_no_workspace_anywhere_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no workspace\.yaml in .* or a folder above it"):
        find_workspace(tmp_path)
    with pytest.raises(NotFound, match=r"workspace\.yaml does not exist"):
        load_workspace(tmp_path)


def test_a_campaign_that_does_not_exist_names_those_that_do(workspace: WorkspaceFile) -> None:
    with pytest.raises(NotFound, match=r"'winbak' does not exist; did you mean 'winback'\?; known: winback"):
        load_campaign(workspace, "winbak")


def test_a_key_cannot_leave_the_campaigns_folder(workspace: WorkspaceFile) -> None:
    with pytest.raises(NotFound):
        load_campaign(workspace, "../workspace")


def test_every_campaign_file_is_listed_by_name(acme: Path, workspace: WorkspaceFile) -> None:
    (acme / "campaigns" / "a.yaml").write_text("broken: [")
    (acme / "campaigns" / "notes.txt").write_text("not a campaign")
    assert campaign_keys(workspace) == ["a", "winback"]


def test_a_workspace_without_campaigns_has_none(acme: Path, workspace: WorkspaceFile) -> None:
    (acme / "campaigns" / "winback.yaml").unlink()
    (acme / "campaigns").rmdir()
    assert campaign_keys(workspace) == []


def test_a_campaign_must_be_named_as_its_file(acme: Path, workspace: WorkspaceFile) -> None:
    (acme / "campaigns" / "winback.yaml").rename(acme / "campaigns" / "spring.yaml")
    with pytest.raises(InvalidDefinition) as caught:
        load_campaign(workspace, "spring")
    (problem,) = caught.value.problems
    assert str(problem).startswith(
        "campaigns/spring.yaml:2:11: campaign 'winback' is in spring.yaml: the file must be named winback"
    )


def test_a_folder_in_place_of_the_file_cannot_be_read(acme: Path) -> None:
    (acme / "workspace.yaml").unlink()
    (acme / "workspace.yaml").mkdir()
    with pytest.raises(InvalidDefinition, match=r"workspace\.yaml: cannot be read: Is a directory"):
        load_workspace(acme)
