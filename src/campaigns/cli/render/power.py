"""What a campaign can learn, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from campaigns.analysis.report.harmless import harmless
from campaigns.analysis.report.numbers import Numbers, count, instant, numbers_for, percent
from campaigns.cli.render.parts import columns, section


def power_view(document: Mapping[str, Any]) -> Group:
    """The history that it rests on, and for each comparison the smallest effect that would be found."""
    shown = harmless(document)
    return Group(*_head(shown), *_history(shown), *_comparisons(shown))


def _head(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield Text(f"{document['campaign']}: what it can learn about {document['metric']}", style="bold")
    yield Text(f"{document['what']}; as of {instant(document['as_of'])}", style="dim")
    for warning in document["warnings"]:
        yield Text.assemble(("warning: ", "bold yellow"), warning)


def _history(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    found, numbers = document["history"], _numbers(document)
    period = f"customers, {instant(found['from'])} to {instant(found['to'])}"
    rows = [
        (count(found["customers"]), period),
        (numbers.value(found["mean"]), "on average"),
        (numbers.value(found["standard_deviation"]), "standard deviation"),
    ]
    yield section("history of this audience", columns(rows))


def _comparisons(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    numbers = _numbers(document)
    sure = f"power {document['power']:.0%}, alpha {document['alpha']:g}".replace("%", " %")
    for each in document["comparisons"]:
        yield section(
            f"{each['treated']} against {each['against']} ({sure})",
            columns([(count(number), name) for name, number in each["customers"].items()]),
            *(Text(f"  {told}") for told in _told(each, document["effect"], numbers)),
        )


def _told(comparison: Mapping[str, Any], effect: float | None, numbers: Numbers) -> Iterator[str]:
    least, relative = comparison["mde_absolute"], comparison["mde_relative"]
    if least is None:
        yield "no effect can be found: too few customers, or no history"
    else:
        of = "" if relative is None else f" ({percent(relative).lstrip('+')} of the average)"
        yield f"effects of at least {numbers.distance(least)}{of} would be found"
    if effect is not None:
        needed = comparison["customers_needed"]
        wanted = percent(effect).lstrip("+")
        yield (
            f"an effect of {wanted} cannot be found with any number of customers"
            if needed is None
            else f"an effect of {wanted} needs {count(needed)} customers in both together"
        )


def _numbers(document: Mapping[str, Any]) -> Numbers:
    least = [each["mde_absolute"] for each in document["comparisons"] if each["mde_absolute"] is not None]
    return numbers_for(document["kind"], least)
