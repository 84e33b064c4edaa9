"""The books of a launch, and the list of all launches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from campaigns.cli.options import again
from campaigns.cli.render.funnel import headline, split
from campaigns.cli.render.parts import columns, commands, count, section, shares, whole

_COLOURS = {"completed": "green", "failed": "red", "cancelled": "red", "expired": "red"}
_ENDED = ("completed", "cancelled", "expired")
_LINES = 6


def finished_view(report: Mapping[str, Any], workspace: Path | None) -> Group:
    """What a launch did, and where to look next."""
    return Group(closed_view(report), look_next(report, workspace))


def closed_view(report: Mapping[str, Any]) -> Group:
    """What a launch did, or would do."""
    title = f"launch {report['launch_id']} "
    if report["state"] == "dry_run":
        title = f"dry run: {count(report['sent'])} events of {count(report['bytes'])} bytes would leave, none did"
    else:
        title += "was complete already; nothing was emitted again" if report["already_complete"] else "completed"
    return Group(*headline(title, report["as_of"]), *books(report), *_pace(report))


def status_view(report: Mapping[str, Any], workspace: Path | None) -> Group:
    """Where a launch stands."""
    lines = [*headline(f"launch {report['launch_id']} is {report['state']}", report["as_of"])]
    if report["owner"]:
        lines.append(Text(f"being worked on by {report['owner']}"))
    if report["rate"]:
        lines.append(Text(f"at most {count(report['rate'])} events/s"))
    if report["expires_at"] and report["state"] not in _ENDED:
        lines.append(Text(f"expires at {report['expires_at']}", style="dim"))
    if report["error"]:
        lines.append(Text(f"the last attempt ended with: {report['error']}", style="red"))
    if report["purged_at"]:
        lines.append(Text(f"its personal data was purged at {report['purged_at']}"))
    counted = [*books(report), *_pace(report)] if report["matched"] is not None else []
    return Group(*lines, *counted, *_history(report["history"]), look_next(report, workspace))


def held_view(report: Mapping[str, Any], workspace: Path | None) -> Group:
    """A launch that was just paused or cancelled."""
    lines = [Text(f"launch {report['launch_id']} is {report['state']}: {_progress(report)} acknowledged")]
    if report["owner"]:
        lines.append(Text(f"{report['owner']} lets go of it within 2 s", style="dim"))
    return Group(*lines, look_next(report, workspace))


def launches_view(document: Mapping[str, Any]) -> RenderableType:
    """One line a launch; the id stands last, so that a long one disturbs nothing."""
    launches = document["launches"]
    if not launches:
        return Text("no launches yet")
    cells = [(each["state"], _progress(each), each["launch_id"]) for each in launches]
    state, progress = (max(len(row[number]) for row in cells) for number in (0, 1))
    lines = [
        Text.assemble((row[0].ljust(state), _COLOURS.get(row[0], "yellow")), f"  {row[1].rjust(progress)}  ", row[2])
        for row in cells
    ]
    return Group(*map(whole, lines))


def books(report: Mapping[str, Any]) -> Iterator[RenderableType]:
    """matched = sent + held out + suppressed + quarantined, and what was sent by variant, offer, tenant."""
    rows = [
        (count(report["matched"]), "", "matched"),
        (count(report["sent"]), "=", f"sent, {count(report['acknowledged'])} of them acknowledged"),
        (count(report["held_out"]), "+", "held out"),
        *_by_reason("suppressed", report["suppressed"]),
        *_by_reason("quarantined", report["quarantined"]),
    ]
    yield section("books", columns(rows))
    if rows_aside := report["quarantined_rows"]:
        yield section("source rows that cannot be decided", columns((count(n), why) for why, n in rows_aside.items()))
    yield from split(report)
    yield from shares("offers", report["offers"])
    yield from shares("tenants", report["tenants"])


def look_next(report: Mapping[str, Any], workspace: Path | None) -> Group:
    """The commands that go on from here."""
    launch_id = report["launch_id"]
    if report["state"] == "dry_run":
        lines = [f"launch {report['campaign']}"]
    elif report.get("purged_at") or report["state"] in ("cancelled", "expired"):
        lines = [f"status {launch_id}"]
    elif report["state"] == "completed":
        lines = [f"explain {launch_id} CUSTOMER", f"events --launch {launch_id}", f"status {launch_id}"]
    else:
        lines = [f"resume {launch_id}"]
    return commands("next", [again(line, workspace) for line in lines])


def _by_reason(name: str, reasons: Mapping[str, int]) -> Iterator[tuple[str, str, str]]:
    if not reasons:
        yield "0", "+", name
    for reason, number in reasons.items():
        yield count(number), "+", f"{name}: {reason}"


def _pace(report: Mapping[str, Any]) -> list[RenderableType]:
    seconds = report["seconds"]
    rate = f", {report['sent'] / seconds['emit']:,.0f} events/s" if seconds["emit"] and report["sent"] else ""
    text = f"freeze {seconds['freeze']:,.1f} s, emit {seconds['emit']:,.1f} s{rate}, total {seconds['total']:,.1f} s"
    return ["", Text(text, style="dim")]


def _history(entries: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """The last things that happened to it."""
    left = len(entries) - _LINES
    rows = [(entry["at"], entry["what"], Text(f"by {entry['who']}", style="dim")) for entry in entries[-_LINES:]]
    title = f"history, {left} lines before these" if left > 0 else "history"
    return [section(title, columns(rows, right=0))]


def _progress(report: Mapping[str, Any]) -> str:
    if report["sent"] is None:
        return "not frozen"
    return f"{count(report['acknowledged'])} of {count(report['sent'])} events"
