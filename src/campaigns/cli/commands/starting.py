"""Commands that make a workspace to start from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from campaigns.cli.commands.launching import followed
from campaigns.cli.commands.looking import warn
from campaigns.cli.options import Folder, Json, program
from campaigns.cli.output import show

_FIRST = "winback"


def init(directory: Folder, as_json: Json = False) -> None:
    """Write a small workspace to read, change and keep."""
    from campaigns.cli.render.lines import made_view
    from campaigns.samples.starter import init_workspace

    init_workspace(directory)
    commands = ("validate", f"preview {_FIRST}", f"launch {_FIRST}", "status")
    document = {"workspace": str(directory), "next": _following(directory, commands)}
    show(document, as_json=as_json, view=made_view)


def generate(
    directory: Folder,
    customers: Annotated[int, typer.Option(metavar="N", help="How many customers.", show_default=False)],
    tenants: Annotated[int, typer.Option(metavar="M", help="How many tenants, heavy-tailed.")] = 351,
    seed: Annotated[int, typer.Option(metavar="S", help="The same arguments give the same bytes.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a synthetic workspace of any size. It has three campaigns and three orders a customer on average."""
    from campaigns.cli.render.lines import made_view
    from campaigns.cli.render.progress import Writing
    from campaigns.definitions.instants import format_instant
    from campaigns.samples.generate import AS_OF
    from campaigns.samples.generate import generate as write

    with Writing() as progress:
        rows = write(directory, customers, tenants, seed, progress)
    as_of = format_instant(AS_OF)
    commands = ("validate", f"preview basket-builder --as-of {as_of}", f"launch basket-builder --as-of {as_of}")
    document = {
        "workspace": str(directory),
        "as_of": as_of,
        "tenants": tenants,
        "seed": seed,
        "rows": rows,
        "next": _following(directory, commands),
    }
    show(document, as_json=as_json, view=made_view)


def demo(directory: Folder, as_json: Json = False) -> None:
    """Launch a campaign to real grocery shoppers of 2017. Builds the workspace first, if it is not there yet."""
    from campaigns.app import Campaigns
    from campaigns.cli.render.demo import demo_view
    from campaigns.definitions.instants import format_instant
    from campaigns.samples.demo import build_demo

    facts = build_demo(directory)
    as_of = format_instant(facts.as_of)
    place = Campaigns(directory)
    preview = place.preview(facts.campaign, facts.as_of)
    with followed(directory) as watch:
        report = place.launch(facts.campaign, facts.as_of, watch=watch, stop=watch.stop)
    answer = place.analyze(facts.experiment, metrics=[name for name in _SHOWN if name in place.file.record.metrics])
    sample = _sample(place.events(report["launch_id"]))
    who = f"{quote(sample['subject'])} --tenant {sample['data']['tenant_id']}" if sample else "CUSTOMER"
    launched = report["launch_id"]
    commands = (
        f"analyze {facts.experiment} --html report.html",
        *(f"explain {launched} {who}", f"events --launch {launched} | head -1", "status"),
        *(f"preview {key} --as-of {as_of}" for key in sorted({*place.keys()} - {facts.campaign})),
    )
    document = {
        "workspace": str(directory),
        "as_of": as_of,
        "rows": facts.rows,
        "households": facts.tenants,
        "funnel": preview["funnel"],
        "launch": report,
        "sample_event": sample,
        "analysis": answer,
        "next": _following(directory, commands),
    }
    show(document, as_json=as_json, view=lambda shown: demo_view(shown, directory))
    warn(report)


_SHOWN = ("conversion", "revenue")
"""The metrics that the demo shows."""


def _following(directory: Path, commands: Iterable[str]) -> list[str]:
    called = program(directory)
    return [f"cd {quote(str(directory))}", *(f"{called} {command}" for command in commands)]


def _sample(events: Iterable[bytes]) -> Any:
    """The first event with an offer, else the first; None of none."""
    first = None
    for line in events:
        event = json.loads(line)
        if event["data"]["offer"]:
            return event
        first = first or event
    return first
