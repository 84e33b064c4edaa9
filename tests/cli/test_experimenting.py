"""`analyze`, `power` and `assignments`: what reaches the library, and where the answers go."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from campaigns.app import Campaigns
from campaigns.cli.app import app
from support.analyses import healthy, mismatch, power_document


class Library:
    """Stands for the library: remembers what it was asked, and answers with a document."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.document: dict[str, Any] = healthy()

    def __call__(self, _: Campaigns, *arguments: Any, **named: Any) -> dict[str, Any]:
        self.asked.append((*arguments, named))
        return self.document


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    for name in ("analyze", "power", "assignments"):
        monkeypatch.setattr(Campaigns, name, lambda *given, **named: made(*given, **named), raising=False)
    return made


def invoke(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--workspace", str(root)], env={"COLUMNS": "80"})


def test_analyze_hands_on_what_was_asked(library: Library, acme: Path) -> None:
    arguments = ["analyze", "incentive", "--metrics", "b, a,b", "--by", "tenant", "--as-of", "2026-07-01"]
    assert invoke(acme, *arguments).exit_code == 0
    named = {"metrics": ["b", "a"], "by": "tenant", "as_of": datetime(2026, 7, 1, tzinfo=UTC)}
    assert library.asked == [("incentive", named)]
    invoke(acme, "analyze", "incentive")
    assert library.asked[1] == ("incentive", {"metrics": None, "by": None, "as_of": None})


def test_analyze_prints_the_document_for_programs_and_a_view_for_people(library: Library, acme: Path) -> None:
    asked = invoke(acme, "analyze", "incentive", "--json")
    assert json.loads(asked.stdout) == library.document
    assert asked.stderr == ""
    assert "experiment incentive, compared with control" in invoke(acme, "analyze", "incentive").stdout


def test_a_mismatch_is_loud_for_programs_and_people(library: Library, acme: Path) -> None:
    library.document = mismatch()
    asked = invoke(acme, "analyze", "incentive", "--json")
    assert asked.stderr.startswith("warning: DO NOT TRUST THESE RESULTS")
    assert json.loads(asked.stdout)["trusted"] is False
    assert invoke(acme, "analyze", "incentive").stdout.startswith("✗ DO NOT TRUST THESE RESULTS")


@pytest.mark.usefixtures("library")
def test_analyze_writes_the_page_and_says_so_beside_the_document(acme: Path) -> None:
    file = acme / "report.html"
    asked = invoke(acme, "analyze", "incentive", "--json", "--html", str(file))
    assert json.loads(asked.stdout)["experiment"] == "incentive"
    assert str(file) in asked.stderr
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", "incentive", "--metrics", "a,,b"],
        ["analyze", "incentive", "--html", "no/such/folder/report.html"],
        ["analyze", "incentive", "--html", "."],
        ["analyze", "incentive", "--as-of", "soon"],
        ["power", "winback"],
        ["power", "winback", "--metric", "conversion", "--effect", "0"],
        ["power", "winback", "--metric", "conversion", "--effect", "nan"],
        ["assignments", "incentive"],
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(library: Library, acme: Path, arguments: list[str]) -> None:
    assert invoke(acme, *arguments).exit_code == 2
    assert library.asked == []


def test_power_hands_on_what_was_asked_and_warns_programs(library: Library, acme: Path) -> None:
    library.document = power_document(warnings=["this campaign cannot learn anything"])
    asked = invoke(acme, "power", "winback", "--metric", "conversion", "--effect", "0.05", "--json")
    assert library.asked == [("winback", "conversion", {"effect": 0.05, "as_of": None})]
    assert json.loads(asked.stdout) == library.document
    assert asked.stderr == "warning: this campaign cannot learn anything\n"


def test_assignments_hands_on_the_folder(library: Library, acme: Path) -> None:
    library.document = {"experiment": "incentive", "customers": {"a": 1}, "files": ["out/assignments.parquet"]}
    assert "out/assignments.parquet" in invoke(acme, "assignments", "incentive", "--out", "out").stdout
    assert library.asked == [("incentive", Path("out"), {})]
