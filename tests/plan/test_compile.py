"""Problems of a campaign against its sources: all at once, each with file:line:column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from campaigns.app import Campaigns
from campaigns.errors import InvalidDefinition
from support.workspaces import CAMPAIGN, WORKSPACE, customer, make_workspace, order


def problems(
    root: Path, campaign: Mapping[str, Any] | None = None, workspace: Mapping[str, Any] | None = None, **columns: Any
) -> list[str]:
    """What `validate` complains of, one line each."""
    make_workspace(
        root,
        customers=[customer("1", **columns)],
        orders=[order("1", price=1.5)],
        campaign={**CAMPAIGN, **(campaign or {})},
        workspace={**WORKSPACE, **(workspace or {})},
    )
    with pytest.raises(InvalidDefinition) as raised:
        Campaigns(root).validate()
    assert all(problem.excerpt for problem in raised.value.problems)
    return [str(problem).splitlines()[0] for problem in raised.value.problems]


def place(root: Path, file: str, text: str) -> str:
    """file:line:column of the only place where a text stands."""
    content = (root / file).read_text("utf-8")
    assert content.count(text) == 1
    before = content[: content.index(text)]
    return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "


def attributes(**more: Mapping[str, Any]) -> dict[str, Any]:
    return {"attributes": {**WORKSPACE["attributes"], **more}}


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        {"audience": {"where": "in_segment(lapsed) and orders_90x >= 1"}, "variables": {"a": "countri"}},
        {**attributes(t={"sum": "orders.department"}), "segments": {**WORKSPACE["segments"], "odd": "country > 5"}},
    )
    assert [line[: line.index(": ") + 2] for line in found] == [
        place(tmp_path, "workspace.yaml", "orders.department"),
        place(tmp_path, "workspace.yaml", "country > 5"),
        place(tmp_path, "campaigns/winback.yaml", "orders_90x"),
        place(tmp_path, "campaigns/winback.yaml", "countri"),
    ]
    assert "sum needs integer or number, found 'department' of type text" in found[0]
    assert "cannot compare text with" in found[1]
    assert "unknown attribute `orders_90x`, did you mean `orders_90d`?" in found[2]
    assert "unknown attribute `countri`, did you mean `country`?" in found[3]


@pytest.mark.parametrize(
    ("attribute", "told"),
    [
        ({"sum": "orders.nope"}, "'orders' has no usable column 'nope'; it has customer_id, department"),
        ({"avg": "orders.ordered_at"}, "avg needs integer or number, found 'ordered_at' of type timestamp"),
        ({"count": "orders", "where": "departmnt = 'X'"}, "unknown attribute `departmnt`, did you mean `department`?"),
        ({"count": "orders", "where": "in_segment(lapsed)"}, "unknown segment"),
        ({"count": "orders", "where": "total_cents"}, "a rule must be true or false"),
    ],
)
def test_an_attribute_that_cannot_be_computed(attribute: dict[str, str], told: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, None, attributes(bad=attribute))
    line = (tmp_path / "workspace.yaml").read_text().splitlines().index("  bad:") + 1 + len(attribute)
    assert found.startswith(f"workspace.yaml:{line}:")
    assert told in found


def test_an_attribute_may_not_hide_a_column(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, None, attributes(Country={"count": "orders"}))
    message = "attribute 'Country' is a column of customers already; rename it"
    assert found == place(tmp_path, "workspace.yaml", "Country:") + message


@pytest.mark.parametrize("name", ["_tenant", "_Outcome", "_passed"])
def test_names_of_the_plan_are_nobody_elses(name: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path / "a", None, attributes(**{name: {"count": "orders"}}))
    message = f"attribute {name!r}: the name is the engine's own; rename it"
    assert found == place(tmp_path / "a", "workspace.yaml", f"{name}:") + message
    (found,) = problems(tmp_path / "b", {"variables": {"x": name}}, None, **{name: "a column of customers"})
    assert found.startswith(place(tmp_path / "b", "campaigns/winback.yaml", name) + f"unknown attribute `{name}`")


def test_variables_differ_by_more_than_case(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, {"variables": {"Name": "first_name", "name": "country"}})
    message = "variable 'name' differs from 'Name' only by case"
    assert found == place(tmp_path, "campaigns/winback.yaml", "country") + message


@pytest.mark.parametrize(
    ("unit", "found"), [("nobody", "no attribute"), ("first_name_known", "boolean"), ("last_order_at", "timestamp")]
)
def test_a_unit_is_an_attribute_of_text_or_integers(unit: str, found: str, tmp_path: Path) -> None:
    message = f"unit {unit!r} must be an attribute of type integer or text, found {found}"
    campaign = {"holdout": {"key": "global", "percent": 5, "unit": unit}}
    (told,) = problems(tmp_path, campaign, first_name_known=True)
    assert told == place(tmp_path, "campaigns/winback.yaml", unit) + message


def test_an_offers_rule_is_checked_where_it_stands(tmp_path: Path) -> None:
    offers = {"ten-off": {**WORKSPACE["offers"]["ten-off"], "eligible": "tags"}}
    (found,) = problems(tmp_path, None, {"offers": {**WORKSPACE["offers"], **offers}})
    assert found.startswith(place(tmp_path, "workspace.yaml", "eligible: tags").replace(":5: ", ":15: "))


def test_a_wrong_workspace_is_told_once_however_many_campaigns_use_it(tmp_path: Path) -> None:
    segments = {**WORKSPACE["segments"], "staff": "contains(tags, 5)"}
    found = problems(tmp_path, None, {"segments": segments})
    here = place(tmp_path, "workspace.yaml", "5)")
    assert len([line for line in found if line.startswith(here)]) == 1
