"""An analysis on a terminal: the alarm first, then who takes part, then each metric with both readings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from campaigns.analysis.report.harmless import harmless
from campaigns.analysis.report.numbers import Numbers, instant
from campaigns.analysis.report.rows import Row, against, group_name, interactions, main_effects, rows
from campaigns.analysis.report.scale import Scale, scale_over
from campaigns.analysis.report.sentences import (
    alarm,
    campaign_summary,
    context_of,
    described,
    funnel,
    observed,
    reading,
    remarks,
    summary,
)
from campaigns.cli.render.parts import bar, columns, count, indented, marked, section, whole

_PLOT = 31
_WIDEST = 10_000
_MARKS = {1: ("▲ ", "bold green"), -1: ("▼ ", "bold magenta"), 0: ("", "")}


def analysis_view(document: Mapping[str, Any]) -> Group:
    """The whole analysis; see `campaigns.analysis.answer` for the document."""
    shown = harmless(document)
    return Group(*_head(shown), *_customers(shown), *_metrics(shown), *_by(shown))


def alarms(document: Mapping[str, Any]) -> list[str]:
    """What nobody must overlook, also where the result goes to a program."""
    shown = harmless(document)
    return [": ".join(alarm(shown))] * (not shown["trusted"]) + list(shown["warnings"])


def assignments_view(document: Mapping[str, Any]) -> Group:
    """How many customers were written, and where."""
    shown = harmless(document)
    return Group(
        Text.assemble(
            ("✓ ", "green"), f"experiment {shown['experiment']}: one row per customer with the first exposure"
        ),
        columns((count(number), name) for name, number in shown["customers"].items()),
        *(whole(Text(f"  {file}")) for file in shown["files"]),
    )


def _head(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    if told := alarm(document):
        yield marked(False, told[0])
        yield indented(Text(told[1], style="red"))
        yield ""
    yield Text(f"experiment {document['experiment']}, compared with {document['control']}", style="bold")
    yield Text(f"outcomes until {instant(document['as_of'])}", style="dim")
    for remark in remarks(document):
        yield Text.assemble(("note: ", "bold yellow"), remark)


def _customers(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    launches = [
        (count(each["assigned"]), f"assigned by {each['launch_id']} of {each['campaign']}, {each['state']}")
        for each in document["launches"]
    ]
    yield section("launches", columns(launches))
    steps = funnel(document)
    most = max(number for _, number in steps)
    yield section("customers", columns((count(number), bar(number, most), name) for name, number in steps))
    split = document["split"]
    arms = [
        (count(number), bar(number, max(split["observed"].values())), _expected(name, split["expected"]))
        for name, number in split["observed"].items()
    ]
    yield section(f"variants: {observed(document)}", columns(arms))


def _expected(name: str, expected: Mapping[str, float]) -> str:
    return name if name not in expected else f"{name}, expected {expected[name]:,.0f}"


def _metrics(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    for metric in document["metrics"]:
        yield from _metric(document, metric)


def _metric(document: Mapping[str, Any], metric: Mapping[str, Any]) -> Iterator[RenderableType]:
    context = context_of(document, metric)
    stamp = "" if context.trusted else "  NOT TO BE TRUSTED"
    yield section("")
    yield Text.assemble((metric["metric"], "bold underline"), (stamp, "bold red"))
    yield Text(described(metric), style="dim")
    for sentence in summary(document, metric):
        yield Text(sentence)
    for sentence in campaign_summary(document, metric):
        yield Text(f"The campaign itself: {sentence}")
    if context.trusted:
        yield Text(reading(metric), style="dim" if context.complete else "bold yellow")
    control = rows(metric, against(metric, holdout=False), context)
    holdout = rows(metric, against(metric, holdout=True), context)
    yield section("groups", columns(_groups(metric, context.numbers), right=2))
    yield from _effects(f"against {document['control']}", control, early=not context.complete)
    title = "against the holdout: the effect of the campaign itself, intention to treat"
    yield from _effects(title, holdout, early=not context.complete)
    yield from _effects("main effects of the factors", main_effects(metric, context), early=not context.complete)
    yield from _effects("interactions of two factors", interactions(metric, context), early=not context.complete)


def _groups(metric: Mapping[str, Any], numbers: Numbers) -> Iterator[tuple[str, str, str]]:
    for name, group in metric["groups"].items():
        yield count(group.get("n")), numbers.value(group.get("mean")), group_name(name)


def _effects(title: str, found: Sequence[Row], *, early: bool) -> Iterator[RenderableType]:
    if found:
        yield section(title, indented(_Effects(found, early=early)))


class _Effects:
    """Comparisons, each with both readings under each other; with a plot where there is room."""

    def __init__(self, found: Sequence[Row], *, early: bool) -> None:
        self._rows, self._early = found, early

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        known = [row.bounds.known for row in self._rows if row.bounds.known]
        if known:
            table = self._table(scale_over((min(each), max(each)) for each in known))
            if Measurement.get(console, options.update(max_width=_WIDEST), table).maximum <= options.max_width:
                yield table
                return
        yield self._table(None)

    def _table(self, scale: Scale | None) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(overflow="fold")
        table.add_column(justify="right", no_wrap=True)
        for _ in range(2 if scale is None else 3):
            table.add_column(no_wrap=True)
        for row in self._rows:
            words = Text.assemble(row.label, "\n", _verdict(row))
            plot = [] if scale is None else [_plot(row, scale)]
            table.add_row(words, f"{row.difference}\n{row.relative}", *_readings(row, early=self._early), *plot)
        return table


def _readings(row: Row, *, early: bool) -> tuple[Text, Text]:
    """The fixed interval with its p-value after Holm, and below it the one that is valid at every look."""
    style = "dim" if early else ""
    fixed = f"fixed, p {row.p_value_adjusted}" + (" not yet" if early else "")
    more = bool(row.sequential)
    bounds = Text.assemble((row.fixed, style), f"\n{row.sequential}" if more else "")
    return bounds, Text.assemble((fixed, style), "\nsequential" if more else "")


def _verdict(row: Row) -> tuple[str, str]:
    sign, style = _MARKS[row.direction]
    return f"{sign}{row.verdict}", style or ("bold red" if "trusted" in row.verdict else "dim")


def _plot(row: Row, scale: Scale) -> Text:
    """The interval as a thick line on the thin one of the sequential reading; a bar stands for no difference."""
    found, cells = row.bounds, [" "] * _PLOT
    for low, high, line in ((found.sequential_low, found.sequential_high, "─"), (found.low, found.high, "━")):
        if low is not None and high is not None:
            start, end = _cell(low, scale), _cell(high, scale)
            cells[start : end + 1] = line * (end + 1 - start)
    cells[_cell(0, scale)] = "│"
    if found.estimate is not None:
        cells[_cell(found.estimate, scale)] = "●"
    return Text("".join(cells), style="cyan")


def _cell(number: float, scale: Scale) -> int:
    return round(scale.at(number) / 100 * (_PLOT - 1))


def _by(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    by = document["by"]
    if by is None:
        return
    yield section("")
    yield Text(f"by {by['attribute']}", style="bold underline")
    yield Text("where many groups are looked at, some differ by chance", style="dim")
    for each in by["values"]:
        value = "(no value)" if each["value"] is None else each["value"]
        sizes = ", ".join(f"{count(number)} {name}" for name, number in each["customers"].items())
        yield section(value, indented(Text(sizes, style="dim")), indented(_small(document, each["metrics"])))


def _small(document: Mapping[str, Any], metrics: Iterable[Mapping[str, Any]]) -> Table:
    """A line for each metric and variant: the difference, the interval that is valid now, and what it shows."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(4):
        table.add_column(justify="right" if number == 1 else "left", no_wrap=number in (1, 2), overflow="fold")
    for metric in metrics:
        context = context_of(document, metric)
        for row in rows(metric, against(metric, holdout=False), context):
            told, style = _verdict(row)
            table.add_row(f"{metric['metric']}, {row.label}", row.difference, row.valid, Text(told, style=style))
    return table
