"""The text of the whole plan: a reviewer sees what a change does to the query.

Write the file anew with `PIN_PLANS=1 pytest tests/plan/test_plan_text.py`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.plan import Plan
from campaigns.plan.columns import RESERVED
from support.workspaces import AS_OF, customer, make_workspace, order

PINNED = Path(__file__).with_name("winback.duckdb.sql")
HIDDEN = "a text that must stay one"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of the campaign that the documentation shows."""
    make_workspace(tmp_path, customers=[customer("1")], orders=[order("1")])
    (tmp_path / ".campaigns").mkdir()
    (tmp_path / ".campaigns" / "secret").write_text(HIDDEN)
    return Campaigns(tmp_path).plan("winback", as_of=AS_OF)


def test_the_text_is_pinned(plan: Plan) -> None:
    found = plan.decide().text + "\n"
    if os.environ.get("PIN_PLANS"):
        PINNED.write_text(found, "utf-8")
    assert found == PINNED.read_text("utf-8")


def test_every_stage_is_a_step_of_the_query_in_order_of_evaluation(plan: Plan) -> None:
    names = re.findall(r'^(?:WITH|\),) "?([a-z_]+)"? AS \($', plan.decide().text, re.MULTILINE)
    assert names == [
        "customers",
        "identified",
        "orders_by_customer",
        "attributes",
        "audience",
        "buckets",
        "assigned",
        "offered",
        "decided",
        "decisions",
    ]


def test_an_event_table_is_read_once(plan: Plan) -> None:
    assert plan.decide().text.count('"source"."events_orders"') == 1


def test_the_clock_and_the_secret_are_parameters(plan: Plan) -> None:
    query = plan.decide()
    assert query.parameters["as_of"] == AS_OF.replace(tzinfo=None)
    assert set(query.parameters) == {"as_of", "secret_inner", "secret_outer"}
    shown = repr(query) + repr(plan) + query.text + plan.funnel().text
    assert HIDDEN not in shown
    assert not re.search(r"now\(|current_|random\(|uuid\(", query.text, re.I)


def test_all_own_columns_are_reserved(plan: Plan) -> None:
    own = set(re.findall(r'"(_[a-z_]+)"', plan.decide().text + plan.funnel().text))
    assert own
    assert own <= RESERVED
