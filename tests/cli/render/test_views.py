"""What people see, drawn from documents alone."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from campaigns.cli.render.errors import draw_error
from campaigns.cli.render.explain import explain_view
from campaigns.cli.render.funnel import funnel
from campaigns.cli.render.parts import bar, shares
from campaigns.errors import Problem


def drawn(*what: RenderableType, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    console.print(*what)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_bar_is_as_long_as_its_part_and_never_empty_for_something() -> None:
    assert bar(0, 0).plain == bar(0, 10).plain == ""
    assert bar(1, 1_000_000).plain == "▏"
    assert len(bar(5, 10).plain) * 2 == len(bar(10, 10).plain)


def test_the_funnel_stays_readable_when_a_rule_is_longer_than_the_line() -> None:
    long = " or ".join(f"attribute_{number} > {number}" for number in range(12))
    lines = drawn(funnel([{"step": "customers", "left": 1_234_567}, {"step": long, "left": 12}])).splitlines()
    assert lines[2].startswith("  1,234,567  ████")
    text = "  12  ▏"
    start = lines[3].index("attribute_0")
    assert lines[3].strip().startswith(text.strip())
    assert all(line[:start].strip() == "" for line in lines[4:])
    assert " ".join(line[start:].strip() for line in lines[3:]) == long


def test_of_many_tenants_the_largest_are_named_and_the_rest_is_summed() -> None:
    shown = drawn(*shares("tenants", {f"t{number:03}": number for number in range(1, 352)}))
    assert "t351" in shown
    assert "t341" not in shown
    assert "341 more" in shown
    assert f"{sum(range(1, 342)):,}" in shown


@pytest.mark.parametrize(("result", "mark"), [(True, "✓"), (False, "✗"), (None, "?")])
def test_each_part_of_the_rule_tells_its_result_and_the_values(result: bool | None, mark: str) -> None:
    shown = drawn(explain_view(_explained(result)))
    assert f"  {mark}  orders_90d >= 1" in shown
    assert ("NULL, which is no match" in shown) == (result is None)
    assert "7 of corner-grocer does not match" in shown


def test_a_customer_who_left_the_sources_still_has_a_frozen_decision() -> None:
    decision = {"outcome": "holdout", "reason": "global", "variables": {}}
    gone = {"rule": None, "exclusions": None, "frozen": True, "launch_id": "spring", "outcome": "holdout"}
    shown = drawn(explain_view({**_explained(True), **gone, "decision": decision}))
    assert "7 of corner-grocer was held out (global)" in shown
    assert "no longer in the sources" in shown


def test_a_wide_line_is_cut_around_the_part_that_is_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    excerpt = "x" * 150 + "日本 WRONG" + "y" * 50
    draw_error("", [Problem("bad", "campaigns/a.yaml", 3, 154, 5, excerpt)])
    place, line, underline = capsys.readouterr().err.splitlines()
    assert place == "campaigns/a.yaml:3:154: bad"
    # Two of the characters before are twice as wide as others on a terminal.
    assert underline.index("^") == line.index("WRONG") + 2
    assert underline.strip() == "^^^^^"


def _explained(result: bool | None) -> dict[str, Any]:
    return {
        "customer": "7",
        "tenant": "corner-grocer",
        "campaign": "winback",
        "launch_id": None,
        "as_of": "2026-06-01T00:00:00Z",
        "frozen": False,
        "outcome": "not_matched",
        "decision": None,
        "rule": [{"part": "orders_90d >= 1", "result": result, "values": {"orders_90d": None}}],
        "exclusions": [],
        "holdouts": [],
        "holdout": None,
        "experiment": None,
        "offer": None,
    }
