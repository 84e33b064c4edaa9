"""The frozen definition of a launch, and its version."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.definitions import (
    CampaignFile,
    Definition,
    WorkspaceFile,
    freeze,
    load_campaign,
    load_workspace,
)
from campaigns.errors import InvalidDefinition

USED = (["orders_90d", "last_order_at", "first_name"], ["lapsed"])


@pytest.fixture
def definition(workspace: WorkspaceFile, winback: CampaignFile) -> Definition:
    return freeze(workspace.record, winback.record, *USED)


def edited(acme: Path, file: str, old: str, new: str) -> str:
    """The version after an edit."""
    path = acme / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    workspace = load_workspace(acme)
    return freeze(workspace.record, load_campaign(workspace, "winback").record, *USED).version


def test_it_holds_what_the_campaign_reaches_and_nothing_else(definition: Definition) -> None:
    assert list(definition.tenants) == ["marketplace", "corner-grocer"]
    assert list(definition.attributes) == ["orders_90d", "last_order_at"]
    assert list(definition.events) == ["orders"]
    assert list(definition.segments) == ["lapsed", "staff"]
    assert list(definition.offers) == ["ten-off", "free-delivery"]


def test_a_resume_reads_back_what_was_frozen(definition: Definition) -> None:
    again = Definition.model_validate_json(definition.model_dump_json())
    assert again == definition
    assert again.version == definition.version
    assert again.campaign.experiment is not None
    assert list(again.campaign.experiment.variants) == ["control", "ten_off", "free_delivery"]


def test_the_version_is_the_same_on_every_machine_and_release(definition: Definition) -> None:
    assert definition.version == "0788f584d493c129"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("campaigns/winback.yaml", "orders_90d >= 1", "orders_90d >= 2"),
        ("campaigns/winback.yaml", "{weight: 20}", "{weight: 21}"),
        ("campaigns/winback.yaml", "percent: 5", "percent: 5.5"),
        ("workspace.yaml", "within: 90 days", "within: 91 days"),
        ("workspace.yaml", "'45 days'", "'46 days'"),
        ("workspace.yaml", "amount_cents: 1000", "amount_cents: 1001"),
        ("workspace.yaml", "Corner Grocer", "Corner Shop"),
        ("workspace.yaml", "data/orders.parquet", "data/orders2.parquet"),
    ],
)
def test_an_edit_of_anything_reached_changes_the_version(
    acme: Path, definition: Definition, file: str, old: str, new: str
) -> None:
    assert edited(acme, file, old, new) != definition.version


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("workspace.yaml", "department = 'ORGANIC'", "department = 'GROCERY'"),
        ("workspace.yaml", "stream.db", "other.db"),
        ("workspace.yaml", "lapsed: last", "lapsed:    last"),
        ("campaigns/winback.yaml", "channel: email", "offer: null\nchannel: email"),
    ],
)
def test_an_edit_of_anything_else_does_not(acme: Path, definition: Definition, file: str, old: str, new: str) -> None:
    assert edited(acme, file, old, new) == definition.version


def test_the_order_of_the_variants_is_part_of_the_version(acme: Path, definition: Definition) -> None:
    control = "    control:       {weight: 20}\n"
    assert edited(acme, "campaigns/winback.yaml", control, "") != definition.version
    moved = edited(acme, "campaigns/winback.yaml", "variables:", f"{control}variables:")
    assert moved != definition.version


def test_the_order_of_anything_else_is_not(acme: Path, definition: Definition) -> None:
    text = (acme / "workspace.yaml").read_text()
    staff = "  staff: contains(tags, 'staff')\n"
    (acme / "workspace.yaml").write_text(text.replace(staff, "").replace("segments:\n", f"segments:\n{staff}"))
    assert edited(acme, "workspace.yaml", staff, staff) == definition.version


def test_units_are_reached_too(acme: Path, workspace: WorkspaceFile) -> None:
    file = acme / "campaigns" / "winback.yaml"
    file.write_text(file.read_text().replace("percent: 5", "percent: 5, unit: spend_90d"))
    campaign = load_campaign(workspace, "winback").record
    assert list(freeze(workspace.record, campaign, [], []).attributes) == ["spend_90d"]


def test_only_tenants_of_the_surface_are_reached(acme: Path, workspace: WorkspaceFile) -> None:
    file = acme / "campaigns" / "winback.yaml"
    file.write_text(file.read_text().replace("tenants: all", "tenants: {surface: storefront}"))
    campaign = load_campaign(workspace, "winback").record
    assert list(freeze(workspace.record, campaign, [], []).tenants) == ["corner-grocer"]


def test_a_campaign_of_another_workspace_is_refused(
    workspace: WorkspaceFile, winback: CampaignFile, acme: Path
) -> None:
    other = workspace.record.model_copy(update={"offers": {}})
    with pytest.raises(InvalidDefinition, match="campaign 'winback': unknown offer 'ten-off'; known: none"):
        freeze(other, winback.record, *USED)
    with pytest.raises(InvalidDefinition, match="unknown segment 'nobody'"):
        freeze(workspace.record, winback.record, [], ["nobody"])
