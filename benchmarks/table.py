"""The published figures as a table between two markers of docs/performance.md, and the growth curve beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    table = "\n".join([*lines(figures), "", *map(_provenance, documents)])
    PAGE.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}", encoding="utf-8")
    if launched := read("launch"):
        CURVE.write_text(drawn(launched["rounds"]), encoding="utf-8")


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


def _provenance(document: dict[str, Any]) -> str:
    machine, load = document["machine"], document["load_average"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"- `{document['benchmark']}`: {document['finished_at']}, {shown(document['customers'])} customers, "
        f"load average {load['before']} before and {load['after']} after; {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}; {versions}"
    )
