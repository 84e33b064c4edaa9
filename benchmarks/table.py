"""The published figures as a table between two markers of docs/performance.md, and the growth curve beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.curve import drawn
from benchmarks.figures import Figure, shown
from benchmarks.results import read
from benchmarks.sides import ROOT

PAGE = ROOT / "docs" / "performance.md"
CURVE = ROOT / "docs" / "growth.svg"
BEGIN, END = "<!-- figures: begin (python -m benchmarks table) -->", "<!-- figures: end -->"


def rewrite(names: Iterable[str]) -> None:
    """Write the table and the curve from the published results."""
    documents = [found for name in names if (found := read(name))]
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    figures = [Figure.load(each) for document in documents for each in document["figures"]]
    parts = [*lines(figures), "", *_provenance(documents)] if documents else ["Not measured yet."]
    if launched := read("launch"):
        CURVE.write_text(drawn(launched["rounds"]), encoding="utf-8")
        parts += ["", f"![Time per customer and peak memory, by the number of customers]({CURVE.name})"]
    PAGE.write_text("\n".join([head + BEGIN, "", *parts, "", END + tail]), encoding="utf-8")


def lines(figures: Sequence[Figure]) -> list[str]:
    """A Markdown table, a line each."""
    head = ["| what | measured | against | ratio | bar | |", "| --- | ---: | --- | ---: | --- | --- |"]
    return head + [_line(figure) for figure in figures]


def _line(figure: Figure) -> str:
    against = f"{figure.against}: {shown(figure.other, figure.unit)}" if figure.other is not None else ""
    ratio = f"{shown(figure.ratio)}x" if figure.ratio is not None else ""
    cells = [figure.what, shown(figure.value, figure.unit), against, ratio, _bar(figure), _verdict(figure.met)]
    return f"| {' | '.join(cells)} |"


def _bar(figure: Figure) -> str:
    if figure.bar is None:
        return ""
    limit = shown(figure.bar.limit, figure.unit) if figure.ratio is None else f"{figure.bar.limit:g}x"
    return f"{figure.bar.kind} {limit}"


def _verdict(met: bool | None) -> str:
    return {None: "", True: "met", False: "**missed**"}[met]


def _provenance(documents: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The machines and versions, each once, then when each benchmark ran and what else was running."""
    documents = list(documents)
    yield from dict.fromkeys(f"- {_machine(document['machine'])}" for document in documents)
    for document in documents:
        others = document["others_before"]
        yield (
            f"- `{document['benchmark']}`: {document['finished_at']}, "
            f"cores {others['busy_percent']:.0f} % busy just before, load average {others['load_average']}"
        )


def _machine(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; {versions}"
