"""One self-contained HTML page: no script, no network, no font; good on a phone, on paper, light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.analysis.report.charts import Course, Forest, courses, forest, funnel_bars, split_bars
from campaigns.analysis.report.harmless import harmless
from campaigns.analysis.report.numbers import count, instant
from campaigns.analysis.report.rows import (
    CAMPAIGN,
    HOLDOUT,
    Context,
    Row,
    against,
    group_name,
    interactions,
    main_effects,
    rows,
)
from campaigns.analysis.report.sentences import (
    alarm,
    campaign_summary,
    context_of,
    described,
    observed,
    reading,
    readings,
    remarks,
    summary,
)


@dataclass(frozen=True, slots=True)
class Effects:
    """Rows of comparisons, and their forest plot. `sequential` says whether they have that reading."""

    title: str
    against: str
    rows: list[Row]
    forest: Forest
    sequential: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group of customers and what was measured of it."""

    name: str
    customers: str
    mean: str
    deviation: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric as the page shows it."""

    name: str
    described: str
    unit: str
    complete: bool
    reading: str
    summary: list[str]
    effects: list[Effects]
    campaign: Effects | None
    campaign_summary: list[str]
    courses: list[Course]
    factors: list[Effects]
    groups: list[Group]


def html(document: Mapping[str, Any]) -> str:
    """The page of an analysis (see `campaigns.analysis.answer` for the document). The same document, the same page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("campaigns.analysis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "instant": instant, "prose": _prose}
    return environment.get_template("page.html").render(_page(harmless(document)))


def _page(document: Mapping[str, Any]) -> dict[str, Any]:
    metrics = [_measured(document, each) for each in document["metrics"]]
    return {
        "document": document,
        "sure": f"{document['confidence'] * 100:g} %",
        "alarm": alarm(document),
        "remarks": remarks(document),
        "readings": readings(document),
        "metrics": metrics,
        "funnel": funnel_bars(document),
        "split": split_bars(document),
        "observed": observed(document),
        "by": _by(document),
    }


def _measured(document: Mapping[str, Any], metric: Mapping[str, Any]) -> Measured:
    context = context_of(document, metric)
    compared, held_out = against(metric, holdout=False), against(metric, holdout=True)
    control = document["control"]
    return Measured(
        name=metric["metric"],
        described=described(metric),
        unit=context.numbers.unit,
        complete=context.complete,
        reading=reading(metric),
        summary=summary(document, metric),
        effects=_effects(f"Against {control}", control, rows(metric, compared, context), context),
        campaign=next(iter(_effects("Against the holdout", HOLDOUT, rows(metric, held_out, context), context)), None),
        campaign_summary=campaign_summary(document, metric),
        courses=courses(metric, context.numbers),
        factors=[
            *_effects("Main effects", "", main_effects(metric, context), context),
            *_effects("Interactions of two factors", "", interactions(metric, context), context),
        ],
        groups=_groups(metric, context),
    )


def _effects(title: str, other: str, found: Sequence[Row], context: Context) -> list[Effects]:
    """One, or none where there is nothing to show."""
    if not found:
        return []
    drawn = forest(found, context.numbers)
    return [Effects(title, other, list(found), drawn, any(mark.sequential for mark in drawn.marks))]


def _groups(metric: Mapping[str, Any], context: Context) -> list[Group]:
    return [
        Group(
            group_name(name),
            count(group.get("n")),
            context.numbers.value(group.get("mean")),
            context.numbers.value(group.get("standard_deviation")),
        )
        for name, group in metric["groups"].items()
    ]


def _by(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each value of the attribute its customers, and of each metric what a small table has room for."""
    by = document["by"]
    return [
        {
            "value": "(no value)" if each["value"] is None else each["value"],
            "customers": each["customers"],
            "metrics": [(metric, _short_rows(document, metric)) for metric in each["metrics"]],
        }
        for each in (by["values"] if by else [])
    ]


def _short_rows(document: Mapping[str, Any], metric: Mapping[str, Any]) -> list[tuple[str, Row]]:
    """Every variant against control, and the campaign against the holdout; with what each is compared to."""
    chosen = [each for each in metric["comparisons"] if each["against"] != HOLDOUT or each["treated"] == CAMPAIGN]
    names = [each["against"] for each in chosen]
    return list(zip(names, rows(metric, chosen, context_of(document, metric)), strict=True))


def _prose(text: str) -> str:
    """A sentence whose percent signs stay with their numbers at the end of a line."""
    return text.replace(" %", "\u00a0%")
