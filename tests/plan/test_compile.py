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
    root: Path, campaign: Mapping[str, Any] | None = None, workspace: Mapping[str, Any] | None = None, **columns: object
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


def attributes(**more: Mapping[str, Any]) -> dict[str, Any]:
    return {"attributes": {**WORKSPACE["attributes"], **more}}


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        {"audience": {"where": "in_segment(lapsed) and\n orders_9d >= 1"}, "variables": {"a": "countri"}},
        {**attributes(t={"sum": "orders.department"}), "segments": {**WORKSPACE["segments"], "odd": "country > 5"}},
    )
    assert [line.split(": ")[0] for line in found] == [
        "workspace.yaml:32:10",
        "workspace.yaml:36:8",
        "campaigns/winback.yaml:7:6",
        "campaigns/winback.yaml:27:6",
    ]
    assert "sum needs integer or number, found 'department' of type text" in found[0]
    assert "cannot compare text with" in found[1]
    assert "unknown attribute `orders_9d`, did you mean `orders_90d`?" in found[2]
    assert "unknown attribute `countri`, did you mean `country`?" in found[3]


@pytest.mark.parametrize(
    ("attribute", "told"),
    [
        ({"sum": "orders.nope"}, "'orders' has no usable column 'nope'; it has customer_id, department"),
        ({"avg": "orders.ordered_at"}, "avg needs integer or number, found 'ordered_at' of type timestamp"),
        ({"count": "orders", "where": "departmnt = 'X'"}, "unknown attribute `departmnt`, did you mean `department`?"),
        ({"count": "orders", "where": "in_segment(lapsed)"}, "unknown segment"),
        ({"count": "orders", "where": "total_cents"}, "boolean"),
    ],
)
def test_an_attribute_that_cannot_be_computed(attribute: dict[str, str], told: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, None, attributes(bad=attribute))
    line = (tmp_path / "workspace.yaml").read_text().splitlines().index("  bad:") + 1 + len(attribute)
    assert found.startswith(f"workspace.yaml:{line}:")
    assert told in found


def test_an_attribute_may_not_hide_a_column(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, None, attributes(Country={"count": "orders"}))
    assert found == "workspace.yaml:31:3: attribute 'Country' is a column of customers already; rename it"


@pytest.mark.parametrize("name", ["_tenant", "_Outcome", "_passed"])
def test_names_of_the_plan_are_nobody_elses(name: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path / "a", None, attributes(**{name: {"count": "orders"}}))
    assert found == f"workspace.yaml:31:3: attribute {name!r}: the name is the engine's own; rename it"
    (found,) = problems(tmp_path / "b", {"variables": {"x": name}}, **{name: "a column of customers"})
    assert found.startswith(f"campaigns/winback.yaml:26:6: unknown attribute `{name}`")


def test_variables_differ_by_more_than_case(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, {"variables": {"Name": "first_name", "name": "country"}})
    assert found == "campaigns/winback.yaml:27:9: variable 'name' differs from 'Name' only by case"


@pytest.mark.parametrize(
    ("unit", "found"), [("nobody", "no attribute"), ("email_opt_in", "boolean"), ("last_order_at", "timestamp")]
)
def test_a_unit_is_an_attribute_of_text_or_integers(unit: str, found: str, tmp_path: Path) -> None:
    message = f"unit {unit!r} must be an attribute of type integer or text, found {found}"
    assert problems(tmp_path, {"holdout": {"key": "global", "percent": 5, "unit": unit}}) == [
        f"campaigns/winback.yaml:11:9: {message}"
    ]


def test_an_offers_rule_is_checked_where_it_stands(tmp_path: Path) -> None:
    offers = {"ten-off": {**WORKSPACE["offers"]["ten-off"], "eligible": "country"}}
    (found,) = problems(tmp_path, None, {"offers": {**WORKSPACE["offers"], **offers}})
    assert found.startswith("workspace.yaml:39:15: ")


def test_a_wrong_workspace_is_told_once_however_many_campaigns_use_it(tmp_path: Path) -> None:
    segments = {**WORKSPACE["segments"], "staff": "contains(tags, 5)"}
    found = problems(tmp_path, None, {"segments": segments})
    assert len([line for line in found if line.startswith("workspace.yaml:33:")]) == 1
