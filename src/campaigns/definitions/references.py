"""What one definition says of another: every name that is used must exist.

The checks look at the files' plain data and pass over whatever has the wrong shape, so that they report their
errors beside those of the records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from campaigns.definitions.attributes import AGGREGATES
from campaigns.definitions.metrics import MEASURES
from campaigns.definitions.words import Complaint, listed, suggestion
from campaigns.definitions.workspaces import Workspace


def workspace_references(data: Any) -> Iterator[Complaint]:
    """Attributes over unknown event tables, and attributes that differ only by case."""
    events = _mapping(data, "events")
    yield from _metrics(data, events)
    tenants = _mapping(data, "tenants")
    surfaces = {str(tenant.get("surface")): None for tenant in tenants.values() if isinstance(tenant, dict)}
    for key in _mapping(data, "holdouts"):
        holdout = _mapping(_mapping(data, "holdouts"), key)
        yield from _known("surface", holdout.get("surface"), surfaces, ("holdouts", key, "surface"))
        for index, tenant in enumerate(_items(holdout.get("tenants"))):
            yield from _known("tenant", tenant, tenants, ("holdouts", key, "tenants", index))
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


def _metrics(data: Any, events: Mapping[str, Any]) -> Iterator[Complaint]:
    seen: dict[str, str] = {}
    for name, metric in _mapping(data, "metrics").items():
        if (other := seen.setdefault(name.lower(), name)) != name:
            message = f"metric {name!r} differs from {other!r} only by case"
            yield Complaint(("metrics", name), message, on_key=True)
        ratio = _mapping(metric, "ratio")
        for path, measure in (((), metric), *((("ratio", part), each) for part, each in ratio.items())):
            for kind in MEASURES:
                argument = measure.get(kind) if isinstance(measure, dict) else None
                if isinstance(argument, str):
                    table = argument.split(".", 1)[0]
                    yield from _known("event table", table, events, ("metrics", name, *path, kind))


def campaign_references(workspace: Workspace, data: Any) -> Iterator[Complaint]:
    """Tenants, surfaces, segments, offers and units that the workspace does not have."""
    yield from _tenants(workspace, data)
    for index, segment in enumerate(_items(_mapping(data, "audience").get("exclude"))):
        yield from _known("segment", segment, workspace.segments, ("audience", "exclude", index))
    if isinstance(data, dict):
        yield from _known("offer", data.get("offer"), workspace.offers, ("offer",))
        for index, key in enumerate(_items(data.get("ignore_holdouts"))):
            yield from _known("holdout", key, workspace.holdouts, ("ignore_holdouts", index))
    for index, offer in enumerate(_items(_mapping(data, "overridable").get("offers"))):
        yield from _known("offer", offer, workspace.offers, ("overridable", "offers", index))
    variants = _mapping(_mapping(data, "experiment"), "variants")
    for name in _mapping(_mapping(data, "overridable"), "weights"):
        yield from _known("variant", name, variants, ("overridable", "weights", name), on_key=True)
    yield from _choices(workspace, data)
    then = _mapping(_mapping(data, "experiment"), "test").get("then")
    if isinstance(then, str) and (rule := re.match(r"best of (\S+) after", then)):
        yield from _known("metric", rule[1], workspace.metrics, ("experiment", "test", "then"))
    yield from _forced(workspace, _mapping(data, "experiment").get("forced"))
    own = _mapping(data, "holdout").get("key")
    if isinstance(own, str) and own in workspace.holdouts:
        message = f"holdout {own!r} is one of the workspace already; name another, or leave it out"
        yield Complaint(("holdout", "key"), message)
    for part in ("holdout", "experiment"):
        yield from _unit(workspace, _mapping(data, part).get("unit"), (part, "unit"))


def _choices(workspace: Workspace, data: Any) -> Iterator[Complaint]:
    """Offers and variables of variants and levels."""
    experiment, variables = _mapping(data, "experiment"), _mapping(data, "variables")
    choices: list[tuple[tuple[str, ...], Any]] = [
        (("variants", name), part) for name, part in _mapping(experiment, "variants").items()
    ]
    choices += [
        (("factors", factor, name), part)
        for factor in _mapping(experiment, "factors")
        for name, part in _mapping(_mapping(experiment, "factors"), factor).items()
    ]
    for path, part in choices:
        if isinstance(part, dict):
            yield from _known("offer", part.get("offer"), workspace.offers, ("experiment", *path, "offer"))
            for name in _mapping(part, "variables"):
                yield from _known("variable", name, variables, ("experiment", *path, "variables", name), on_key=True)
    for index, name in enumerate(_items(_mapping(data, "overridable").get("variables"))):
        yield from _known("variable", name, variables, ("overridable", "variables", index))


def _forced(workspace: Workspace, forced: Any) -> Iterator[Complaint]:
    for who in forced if isinstance(forced, dict) else ():
        if "/" not in str(who):
            continue  # told by the record
        tenant = str(who).partition("/")[0]
        yield from _known("tenant", tenant, workspace.tenants, ("experiment", "forced", who), on_key=True)


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


def _known(
    what: str, key: Any, known: Mapping[str, Any], path: tuple[str | int, ...], *, on_key: bool = False
) -> Iterator[Complaint]:
    if isinstance(key, str) and key not in known:
        message = f"unknown {what} {key!r}{suggestion(key, known)}; known: {listed(known)}"
        yield Complaint(path, message, on_key=on_key)


def _mapping(data: Any, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
