"""Views of a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from campaigns.cli.render.parts import columns, commands, count


def valid_view(document: Mapping[str, Any]) -> RenderableType:
    """The campaigns that were checked."""
    checked = document["campaigns"]
    if not checked:
        return Text("✓ the workspace is valid; it has no campaigns")
    return Group(*(Text.assemble(("✓ ", "green"), f"{name} is valid") for name in checked))


def purged_view(document: Mapping[str, Any]) -> Text:
    """What was removed."""
    removed = document["events_removed"]
    events = "its events stay until the stream's own retention" if removed is None else f"{removed:,} events are gone"
    return Text(f"launch {document['launch_id']}: its snapshot is gone, {events}; its books stay")


def created_view(document: Mapping[str, Any]) -> Text:
    """The stream that is there now."""
    return Text.assemble(("✓ ", "green"), f"stream {document['stream']} has {count(document['partitions'])} partitions")


def made_view(document: Mapping[str, Any]) -> Group:
    """The workspace that was written, and what to type next."""
    rows = document.get("rows", {})
    return Group(
        Text.assemble(("✓ ", "green"), f"workspace {document['workspace']}"),
        *([columns((count(number), "rows", file) for file, number in rows.items())] if rows else []),
        commands("next", document["next"]),
    )


def holdouts_view(document: Mapping[str, Any]) -> RenderableType:
    """Each holdout as it is, and under it what it was before."""
    if not document["holdouts"]:
        return Text("the workspace has no holdouts, and no launch knew of any")
    lines: list[RenderableType] = []
    for each in document["holdouts"]:
        lines.append(Text.assemble((each["key"], "bold"), f"  {_holdout(each['now']) if each['now'] else 'is gone'}"))
        lines += [
            Text(f"  since launch {past['launch_id']} of {past['since']}: {_holdout(past['holdout'])}", style="dim")
            for past in each["history"]
        ]
    return Group(*lines)


def _holdout(holdout: Mapping[str, Any]) -> str:
    """Such as `5 %, surface storefront, from 2026-01-01T00:00:00Z`."""
    told = [f"{holdout['percent']:g} %"]
    told += [f"surface {holdout['surface']}"] if "surface" in holdout else []
    told += [f"tenants {', '.join(holdout['tenants'])}"] if "tenants" in holdout else []
    told += [f"from {holdout['start']}"] if "start" in holdout else []
    told += [f"until {holdout['end']}"] if "end" in holdout else []
    told += [f"unit {holdout['unit']}"] if "unit" in holdout else []
    return ", ".join(told)
