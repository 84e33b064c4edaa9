"""The JSON Schemas describe what an author writes, and explain every key."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campaigns.definitions import campaign_schema, load_campaign, load_workspace, workspace_schema
from campaigns.definitions.source_text import SourceText
from campaigns.definitions.tree import plain, read_tree
from campaigns.errors import InvalidDefinition

jsonschema = importlib.import_module("jsonschema")

SCHEMAS = {"workspace.yaml": workspace_schema, "campaigns/winback.yaml": campaign_schema}


def is_valid(file: str, text: str) -> bool:
    tree, _ = read_tree(SourceText(file, text))
    return bool(jsonschema.Draft202012Validator(SCHEMAS[file]()).is_valid(plain(tree)))


@pytest.mark.parametrize("file", SCHEMAS)
def test_the_schema_is_itself_valid_and_accepts_the_example(acme: Path, file: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[file]())
    assert is_valid(file, (acme / file).read_text())


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("workspace.yaml", "ledger:", "ledgr:"),
        ("workspace.yaml", "workspace: acme", "workspace: Acme Inc"),
        ("workspace.yaml", "from: data/customers.parquet", "location: data/customers.parquet"),
        ("workspace.yaml", "{max: orders.ordered_at}", "{max: orders.ordered_at, min: orders.ordered_at}"),
        ("workspace.yaml", "{max: orders.ordered_at}", "{where: x}"),
        (
            "workspace.yaml",
            "{max: orders.ordered_at}",
            "{aggregate: max, events: orders, column: ordered_at}",
        ),
        ("workspace.yaml", "within: 60 days", "within: 60"),
        ("workspace.yaml", "  corner-grocer: {", "  Corner Grocer: {"),
        ("workspace.yaml", "type: amount_off", "type: amount_of"),
        ("workspace.yaml", "amount_cents: 1000", "amount_cents: 0"),
        ("workspace.yaml", "{prefix: WB}", "{prefix: lower}"),
        ("workspace.yaml", "{env: CAMPAIGNS_SECRET}", "plain-secret"),
        ("workspace.yaml", "{env: CAMPAIGNS_SECRET}", "{}"),
        ("campaigns/winback.yaml", "tenants: all", "tenants: al"),
        ("campaigns/winback.yaml", "tenants: all", "tenants: []"),
        ("campaigns/winback.yaml", "channel: email\n", ""),
        ("campaigns/winback.yaml", "percent: 5", "percent: 101"),
        ("campaigns/winback.yaml", "{weight: 20}", "{weight: -1}"),
        ("campaigns/winback.yaml", "{weight: 20}", "{weigth: 20}"),
        ("campaigns/winback.yaml", "spend: spend_90d", "as_of: spend_90d"),
        ("campaigns/winback.yaml", "spend: spend_90d", "spend: 5"),
    ],
)
def test_what_the_schema_refuses_the_loader_refuses_too(acme: Path, file: str, old: str, new: str) -> None:
    path = acme / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    assert not is_valid(file, path.read_text())
    with pytest.raises(InvalidDefinition):
        load_campaign(load_workspace(acme), "winback")


@pytest.mark.parametrize("file", SCHEMAS)
def test_every_key_is_explained(file: str) -> None:
    unexplained = [key for key, schema in _properties(SCHEMAS[file]()) if not schema.get("description")]
    assert unexplained == []


def _properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"].items()
        for value in schema.values():
            yield from _properties(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _properties(item)
