"""JSON Schemas (2020-12) of what an author writes, for editors to complete and explain."""

from __future__ import annotations

from typing import Any

from campaigns.definitions.campaigns import Campaign
from campaigns.definitions.records import Record
from campaigns.definitions.workspaces import Workspace

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def workspace_schema() -> dict[str, Any]:
    """The schema of workspace.yaml."""
    return _schema(Workspace)


def campaign_schema() -> dict[str, Any]:
    """The schema of campaigns/<key>.yaml."""
    return _schema(Campaign)


def _schema(record: type[Record]) -> dict[str, Any]:
    schema = record.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": _DIALECT, **_closed(schema)}


def _closed(schema: Any) -> Any:
    """A mapping whose keys have a pattern takes no others; titles that only repeat the key say nothing."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "patternProperties" in closed:
        closed["additionalProperties"] = False
    if isinstance(closed.get("title"), str):
        del closed["title"]
    return closed
