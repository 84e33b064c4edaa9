"""Every error of a file at once, at its place, in plain words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from campaigns.definitions import CampaignFile, WorkspaceFile, load_workspace
from campaigns.errors import InvalidDefinition, Problem

Problems = Callable[[str, str], list[Problem]]


REFUSALS: dict[str, list[dict[str, str]]] = yaml.safe_load(
    (Path(__file__).parent / "refusals.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", REFUSALS["workspace.yaml"], ids=lambda case: case["new"])
def test_the_workspace_says_what_is_wrong_and_where(workspace_problems: Problems, case: dict[str, str]) -> None:
    (problem,) = workspace_problems(case["old"], case["new"])
    assert str(problem).startswith(f"workspace.yaml:{case['at']}: ")
    assert case["message"] in problem.message


@pytest.mark.parametrize("case", REFUSALS["campaigns/winback.yaml"], ids=lambda case: case["new"])
def test_the_campaign_says_what_is_wrong_and_where(campaign_problems: Problems, case: dict[str, str]) -> None:
    (problem,) = campaign_problems(case["old"], case["new"])
    assert str(problem).startswith(f"campaigns/winback.yaml:{case['at']}: ")
    assert case["message"] in problem.message


def test_an_unknown_key_inside_a_surface_names_the_allowed_one(campaign_problems: Problems) -> None:
    problems = campaign_problems("tenants: all", "tenants: {surfac: storefront}")
    assert "unknown key 'surfac'; did you mean 'surface'?; allowed: surface" in [p.message for p in problems]


def test_every_error_of_a_file_is_reported_at_once_in_the_order_of_its_lines(acme: Path) -> None:
    text = (acme / "workspace.yaml").read_text()
    for old, new in (
        ("ledger:", "ledgr:"),
        ("America/New_York", "Mars/Olympus"),
        ("{count: orders,", "{count: ordrs,"),
        ("within: 60 days", "within: long"),
        ("amount_cents: 1000", "amount_cents: none"),
        ("  staff:", "  lapsed:"),
    ):
        text = text.replace(old, new)
    (acme / "workspace.yaml").write_text(text)
    with pytest.raises(InvalidDefinition) as caught:
        load_workspace(acme)
    assert [problem.line for problem in caught.value.problems] == [3, 10, 17, 20, 24, 27]


def test_weights_that_are_all_zero_are_refused(acme: Path, campaign_problems: Problems) -> None:
    file = acme / "campaigns" / "winback.yaml"
    file.write_text(file.read_text().replace("{weight: 40", "{weight: 0"))
    (problem,) = campaign_problems("{weight: 20}", "{weight: 0}")
    assert problem.message == "the weights add up to 0, need at least 1"


def test_no_tenants_and_no_variants_are_refused(workspace_problems: Problems, acme: Path) -> None:
    text = (acme / "workspace.yaml").read_text()
    section = text[text.index("tenants:") : text.index("customers:")]
    (problem,) = workspace_problems(section, "tenants: {}\n")
    assert problem.message == "need at least one entry, found none"


@pytest.mark.parametrize("wrong", ["hunter2", "{value: hunter2}", "[hunter2]"])
def test_a_secret_in_the_file_is_not_repeated(workspace_problems: Problems, wrong: str) -> None:
    problems = workspace_problems("{env: CAMPAIGNS_SECRET}", wrong)
    assert problems
    assert "hunter2" not in str(InvalidDefinition(problems))


def test_a_problem_is_shown_with_its_line_underlined(winback: CampaignFile) -> None:
    problem = winback.problem(("audience", "where"), "unknown attribute 'orders_90d'", 23, 33)
    assert str(problem) == (
        "campaigns/winback.yaml:6:33: unknown attribute 'orders_90d'\n"
        "      where: in_segment(lapsed) and orders_90d >= 1 and email_opt_in\n"
        "                                    ^^^^^^^^^^"
    )


def test_a_problem_may_be_that_of_a_key(workspace: WorkspaceFile) -> None:
    problem = workspace.problem(("segments", "staff"), "a cycle", on_key=True)
    assert (problem.line, problem.column, problem.length) == (24, 3, len("staff"))


def test_a_place_that_the_file_does_not_have_is_that_of_what_holds_it(winback: CampaignFile) -> None:
    problem = winback.problem(("experiment", "unit"), "missing")
    assert (problem.line, problem.column, problem.length) == (9, 1, len("experiment"))


def test_a_line_too_wide_to_show_is_not_shown(acme: Path) -> None:
    file = acme / "workspace.yaml"
    file.write_text(file.read_text().replace("last_order_at < ", "x" * 100_000 + " < "))
    problem = load_workspace(acme).problem(("segments", "lapsed"), "too long", 100_003, 100_005)
    assert (problem.line, problem.column, problem.excerpt) == (23, 100_014, "")
