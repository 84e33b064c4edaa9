"""An analysis and a power calculation on a terminal."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console, RenderableType

from campaigns.cli.render.analysis import alarms, analysis_view, assignments_view
from campaigns.cli.render.power import power_view
from support.analyses import SAMPLES, factorial, healthy, incomplete, mismatch, power_document


def drawn(what: RenderableType, width: int = 80) -> str:
    file = io.StringIO()
    Console(file=file, width=width, markup=False, highlight=False, emoji=False).print(what)
    return file.getvalue()


def flat(what: RenderableType) -> str:
    return " ".join(drawn(what).split())


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", list(SAMPLES))
def test_a_view_fits_and_does_nothing_to_the_terminal(name: str, width: int) -> None:
    shown = drawn(analysis_view(SAMPLES[name]()), width)
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", shown)


def test_a_mismatch_leads_and_marks_every_result() -> None:
    shown = drawn(analysis_view(mismatch()))
    assert shown.startswith("✗ DO NOT TRUST THESE RESULTS: SAMPLE-RATIO MISMATCH\n")
    assert shown.count("not to be trusted") == sum(len(each["comparisons"]) for each in mismatch()["metrics"])
    assert "▲" not in shown
    assert "DO NOT TRUST" in alarms(mismatch())[0]


def test_a_healthy_analysis_raises_no_alarm() -> None:
    assert alarms(healthy()) == []
    assert alarms(incomplete()) == ["launch w1 is still emitting"]


def test_both_readings_stand_under_each_other() -> None:
    lines = drawn(analysis_view(healthy())).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  a  "))
    assert lines[first].split() == ["a", "+0.9", "points", "0.6", "to", "1.2", "fixed,", "p", "<", "0.0001"]
    assert "0.4 to 1.4  sequential" in lines[first + 1]


def test_the_plot_is_drawn_where_there_is_room_for_it() -> None:
    assert "●" not in drawn(analysis_view(healthy()), 80)
    plotted = [line for line in drawn(analysis_view(healthy()), 120).splitlines() if "●" in line]
    assert len(plotted) == sum(len(each["comparisons"]) for each in healthy()["metrics"])
    assert len({line.index("│") for line in plotted[:1]}) == 1


def test_an_open_window_says_when_the_fixed_reading_becomes_valid() -> None:
    shown = flat(analysis_view(incomplete()))
    assert "Only the sequential reading is valid now. The fixed one is valid from 2026-06-15 00:00 UTC" in shown
    assert "not yet" in shown


def test_factors_and_attributes_have_their_parts() -> None:
    shown = drawn(analysis_view(factorial()))
    assert "main effects of the factors" in shown
    assert "subject=b with incentive=free" in shown
    assert "(no value)" in drawn(analysis_view(SAMPLES["by_tenant"]()))


def test_power_tells_the_smallest_effect_and_the_customers_it_takes() -> None:
    shown = flat(power_view(power_document()))
    assert "effects of at least 0.4 points (14 % of the average) would be found" in shown
    assert "an effect of 5.0 % needs 374,210 customers in both together" in shown
    assert "50,000 customers, 2026-05-18 00:00 UTC to 2026-06-01 00:00 UTC" in shown


def test_power_warns_when_nothing_can_be_learnt() -> None:
    nothing: dict[str, Any] = {"mde_absolute": None, "mde_relative": None, "customers_needed": None}
    [compared] = power_document()["comparisons"]
    document = power_document(comparisons=[compared | nothing], warnings=["nobody\x1b[31m"])
    shown = flat(power_view(document))
    assert "no effect can be found" in shown
    assert "cannot be found with any number of customers" in shown
    assert r"warning: 'nobody\x1b[31m'" in shown


def test_assignments_tell_how_many_and_where() -> None:
    document = {
        "experiment": "incentive",
        "customers": {"control": 1_200, "a": 1_190},
        "files": ["out/assignments.parquet"],
    }
    assert drawn(assignments_view(document)).splitlines()[1:] == [
        "  1,200  control",
        "  1,190  a      ",
        "  out/assignments.parquet",
    ]
