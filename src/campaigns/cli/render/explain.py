"""Why a customer did or did not get it, told as a story."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from campaigns.cli.render.parts import columns, section, spoken

_YES, _NO, _UNKNOWN = ("✓", "green"), ("✗", "red"), ("?", "yellow")
_OUTCOMES = {
    "send": "got an event",
    "holdout": "was held out",
    "suppressed": "was suppressed",
    "quarantined": "was quarantined",
    "not_matched": "did not match",
}
_WOULD = {
    "send": "would get an event",
    "holdout": "would be held out",
    "suppressed": "would be suppressed",
    "quarantined": "would be quarantined",
    "not_matched": "does not match",
}


def explain_view(document: Mapping[str, Any]) -> Group:
    """The answer first, then each part of it in the order of evaluation."""
    return Group(
        *_answer(document),
        *_audience(document),
        *_exclusions(document),
        *(part for holdout in document["holdouts"] for part in _holdout(holdout)),
        *_experiment(document["experiment"], document["decision"]),
        *_offer(document),
        *_variables(document["decision"]),
    )


def _answer(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    frozen, decision = document["frozen"], document["decision"]
    verb = (_OUTCOMES if frozen else _WOULD)[document["outcome"]]
    reason = f" ({decision['reason']})" if decision and decision["reason"] else ""
    subject = f"launch {document['launch_id']}" if frozen else f"campaign {document['campaign']}"
    who = f"{spoken(document['customer'])} of {document['tenant']} {verb}{reason}"
    yield Text.assemble((who, "bold"))
    yield Text(f"{subject}, as of {document['as_of']}", style="dim")
    if frozen:
        yield Text("the decision is frozen; the values below are today's", style="dim")


def _audience(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    if document["rule"] is None:
        yield section("audience", columns([(_mark(None), "the customer is no longer in the sources")], right=0))
        return
    rows = [(_mark(part["result"]), part["part"], _values(part)) for part in document["rule"]]
    yield section("audience", columns(_told(rows), right=0))


def _exclusions(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    if document["exclusions"]:
        rows = [
            (_mark(not part["excluded"]), f"{'' if part['excluded'] else 'not '}in {part['segment']}", _values(part))
            for part in document["exclusions"]
        ]
        yield section("exclusions", columns(_told(rows), right=0))


def _told(rows: list[tuple[Text, str, str]]) -> Iterator[tuple[RenderableType, RenderableType]]:
    """The part, and under it the values: side by side they would not fit a narrow terminal."""
    for mark, part, values in rows:
        yield mark, Text.assemble(part, (f"\n  {values}" if values else "", "dim"))


def _holdout(holdout: Mapping[str, Any]) -> Iterator[RenderableType]:
    below = holdout["below"]
    share = f"held out are slices below {below}" if below else "everyone is held out"
    verdict = {True: "held out", False: "not held out", None: "cannot be bucketed: the unit is missing"}
    told = Text.assemble(verdict[holdout["held_out"]], (f"\n  {_slice(holdout)}; {share}", "dim"))
    rows = [(_mark(None if holdout["held_out"] is None else not holdout["held_out"]), told)]
    yield section(f"holdout {holdout['key']} ({holdout['percent']:g} %)", columns(rows, right=0))


def _experiment(experiment: Mapping[str, Any] | None, decision: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    """Where the customer lies in each bucket space; and what counts instead, if anything does."""
    if experiment is None:
        return
    in_question = decision is not None and decision["outcome"] in ("send", "quarantined")
    title = f"experiment {experiment['key']}" + ("" if in_question else " (if there were an event)")
    if decision and decision.get("variant") and (decision.get("forced") or decision.get("sticky")):
        why = "forced" if decision.get("forced") else "kept from an earlier launch"
        yield section(title, Text(f"  {decision['variant']}: {why}"))
        return
    if experiment["allocation"]:
        yield _space(f"allocation {', '.join(experiment['allocation']['ranges'])}", experiment["allocation"])
    if experiment["test"]:
        yield _space(f"test ({experiment['test']['share']:g} %)", experiment["test"])
    for factor, drawn in (experiment["factors"] or {"": experiment}).items():
        told = Text(f"  {_slice({**drawn, 'unit': experiment['unit']})}", style="dim")
        yield section(f"{title}: {factor}" if factor else title, told, columns(_arms(drawn), right=0))


def _space(title: str, found: Mapping[str, Any]) -> RenderableType:
    verdict = {True: "inside", False: "outside", None: "cannot be bucketed: the unit is missing"}[found["inside"]]
    told = Text.assemble(verdict, (f"\n  slice {found['slice']}", "dim") if found["slice"] else "")
    return section(title, columns([(_mark(found["inside"]), told)], right=0))


def _arms(drawn: Mapping[str, Any]) -> list[tuple[RenderableType, RenderableType, RenderableType]]:
    rows: list[tuple[RenderableType, RenderableType, RenderableType]] = []
    start: str | None = "00000000"
    for variant, below in drawn["below"].items():
        chosen = variant == drawn["variant"]
        share = "has no share" if start is None or below == start else _range(start, below)
        rows.append((Text("→" if chosen else " ", style="green"), Text(variant, style="bold" if chosen else ""), share))
        start = below
    return rows


def _range(start: str, below: str | None) -> str:
    return f"slices from {start}" + (f" to below {below}" if below else "")


def _offer(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    offer, decision = document["offer"], document["decision"]
    if offer is None:
        if document["outcome"] == "send":
            yield section(
                "offer", columns([(" ", "none for this variant" if document["experiment"] else "none")], right=0)
            )
        return
    told = [f"{offer['offer']}: {'given' if offer['given'] else offer['reason']}"]
    if offer["eligible"]:
        told.append(f"eligible: {offer['eligible']}")
    if decision and decision.get("code"):
        told.append(f"code {decision['code']}, " + _expiry(decision["expires_at"]))
    first, *rest = told
    text = Text.assemble(first, ("".join(f"\n  {line}" for line in rest), "dim"))
    yield section("offer", columns([(_mark(offer["given"]), text)], right=0))


def _expiry(instant: str | None) -> str:
    return f"expires {instant}" if instant else "never expires"


def _variables(decision: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    if decision and decision["outcome"] == "send" and decision.get("variables"):
        rows = [(name, Text(_written(value))) for name, value in decision["variables"].items()]
        yield section("variables", columns(rows, right=0))


def _mark(result: bool | None) -> Text:
    return Text(*(_UNKNOWN if result is None else _YES if result else _NO))


def _values(part: Mapping[str, Any]) -> str:
    unknown = "; NULL, which is no match" if part.get("result", True) is None else ""
    return ", ".join(f"{name} = {_written(value)}" for name, value in part["values"].items()) + unknown


def _slice(bucketed: Mapping[str, Any]) -> str:
    unit = "a missing unit" if bucketed["unit"] is None else spoken(bucketed["unit"])
    return f"slice {bucketed['slice'] or 'unknown'} of {unit}"


def _written(value: Any) -> str:
    return value if isinstance(value, str) else "NULL" if value is None else json.dumps(value, ensure_ascii=False)
