"""What one definition says of another: every name that is used must exist.

The checks look at the files' plain data and pass over whatever has the wrong shape, so that they report their
errors beside those of the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from campaigns.definitions.attributes import AGGREGATES
from campaigns.definitions.words import Complaint, listed, suggestion
from campaigns.definitions.workspaces import Workspace


def workspace_references(data: Any) -> Iterator[Complaint]:
    """Attributes over unknown event tables, and attributes that differ only by case."""
    events = _mapping(data, "events")
    attributes = _mapping(data, "attributes")
    seen: dict[str, str] = {}
    for name, attribute in attributes.items():
        other = seen.setdefault(name.lower(), name)
        if other != name:
            message = f"attribute {name!r} differs from {other!r} only by case"
            yield Complaint(("attributes", name), message, on_key=True)
        for aggregate in AGGREGATES:
            argument = attribute.get(aggregate) if isinstance(attribute, dict) else None
            if isinstance(argument, str):
                yield from _known("event table", argument.split(".", 1)[0], events, ("attributes", name, aggregate))


def campaign_references(workspace: Workspace, data: Any) -> Iterator[Complaint]:
    """Tenants, surfaces, segments, offers and units that the workspace does not have."""
    yield from _tenants(workspace, data)
    for index, segment in enumerate(_items(_mapping(data, "audience").get("exclude"))):
        yield from _known("segment", segment, workspace.segments, ("audience", "exclude", index))
    if isinstance(data, dict):
        yield from _known("offer", data.get("offer"), workspace.offers, ("offer",))
    experiment = _mapping(data, "experiment")
    for name, variant in _mapping(experiment, "variants").items():
        if isinstance(variant, dict):
            path = ("experiment", "variants", name, "offer")
            yield from _known("offer", variant.get("offer"), workspace.offers, path)
    for part in ("holdout", "experiment"):
        yield from _unit(workspace, _mapping(data, part).get("unit"), (part, "unit"))


def _tenants(workspace: Workspace, data: Any) -> Iterator[Complaint]:
    tenants = data.get("tenants") if isinstance(data, dict) else None
    if isinstance(tenants, dict):
        surfaces = {tenant.surface: None for tenant in workspace.tenants.values()}
        yield from _known("surface", tenants.get("surface"), surfaces, ("tenants", "surface"))
    for index, tenant in enumerate(_items(tenants)):
        yield from _known("tenant", tenant, workspace.tenants, ("tenants", index))


def _unit(workspace: Workspace, unit: Any, path: tuple[str, ...]) -> Iterator[Complaint]:
    """A unit may be a column of `customers`: only a name that misses an attribute by its case is wrong."""
    if isinstance(unit, str) and unit not in workspace.attributes:
        for name in workspace.attributes:
            if name.lower() == unit.lower():
                yield Complaint(path, f"unknown attribute {unit!r}; did you mean {name!r}?")


def _known(what: str, key: Any, known: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Complaint]:
    if isinstance(key, str) and key not in known:
        yield Complaint(path, f"unknown {what} {key!r}{suggestion(key, known)}; known: {listed(known)}")


def _mapping(data: Any, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
