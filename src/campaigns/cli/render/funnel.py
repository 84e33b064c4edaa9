"""What a launch would do: the funnel as bars, the counts, and a few events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from campaigns.cli.render.parts import bar, columns, commands, count, indented, section, shares


def preview_view(document: Mapping[str, Any], command: str) -> Group:
    """The whole preview; `command` prints it as JSON."""
    return Group(
        *headline(f"{document['campaign']}: what a launch would do", document["as_of"]),
        funnel(document["funnel"]),
        *split(document),
        *shares("offers", document["offers"]),
        *shares("tenants", document["tenants"]),
        *_learning(document["power"] or []),
        *_samples(document["sample_events"]),
        commands("everything, with the whole events", [command]),
    )


def headline(title: str, as_of: str) -> list[Text]:
    """What is shown, and as of when."""
    return [Text(title, style="bold"), Text(f"as of {as_of}", style="dim")]


def funnel(steps: Sequence[Mapping[str, Any]]) -> Group:
    """How many are left after each step of the evaluation."""
    whole = steps[0]["left"]
    return section("funnel", columns((count(step["left"]), bar(step["left"], whole), step["step"]) for step in steps))


def split(document: Mapping[str, Any]) -> list[RenderableType]:
    """Customers per variant, and whether that agrees with the weights."""
    p_value = document["split_p_value"]
    agreement = "" if p_value is None else f"  (agreement with the weights: p = {p_value:.2g})"
    return shares(f"variants{agreement}", document["variants"])


def _learning(powers: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """The smallest effect of each variant that each metric would show."""
    if not powers:
        return []
    rows = [
        (
            "-" if each["mde_relative"] is None else f"{each['mde_relative']:.1%}".replace("%", " %"),
            power["metric"],
            who,
        )
        for power in powers
        for each in power["comparisons"]
        for who in [f"{each['treated']} against {each['against']}"]
    ]
    warned = [Text.assemble(("warning: ", "bold yellow"), each) for each in _once(powers)]
    return [section("the smallest effect that would be found (80 % power)", columns(rows), *warned)]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}".replace("%", " %")


def _once(powers: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{power['metric']}: {warning}" for power in powers for warning in power["warnings"]]


def _samples(events: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    return [section("sample events", *(_sample(event["data"]) for event in events))] if events else []


def _sample(data: Mapping[str, Any]) -> RenderableType:
    offer = data["offer"]
    parts = [f"variant {data['variant']}"] if data["variant"] else []
    parts.append(f"offer {offer['offer']}" if offer else "no offer")
    who = Text.assemble((data["customer_id"], "bold"), f" of {data['tenant_id']}: {', '.join(parts)}")
    values = [f"code {offer['code']}"] if offer else []
    values += [f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in data["variables"].items()]
    return indented(Group(who, indented(Text(", ".join(values), style="dim")))) if values else indented(who)
