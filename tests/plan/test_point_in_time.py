"""Attributes over events: only what had happened before `as_of` counts, to the microsecond."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from campaigns.app import Campaigns
from support.workspaces import AS_OF, WORKSPACE, customer, make_workspace, order

TICK = timedelta(microseconds=1)


def value(root: Path, attribute: dict[str, Any], orders: Sequence[dict[str, Any]], replaced: str = "") -> Any:
    """The attribute of customer 1 of `marketplace`, as the event carries it.

    `replaced` is a query whose rows stand in for the orders'.
    """
    campaign = {
        "campaign": "look",
        "tenants": "all",
        "channel": "email",
        "audience": {"where": "country = 'US'"},
        "variables": {"value": "value"},
    }
    workspace = {**WORKSPACE, "attributes": {"value": attribute}, "segments": {}, "offers": {}}
    people = [customer("1"), customer("1", "corner-grocer", country="FR")]
    make_workspace(root, customers=people, orders=orders, campaign=campaign, workspace=workspace)
    if replaced:
        duckdb.execute(f"COPY ({replaced}) TO '{root}/data/orders.parquet'")
    (event,) = Campaigns(root).preview("look", as_of=AS_OF)["sample_events"]
    return event["data"]["variables"]["value"]


def at(*moments: timedelta, **values: Any) -> list[dict[str, Any]]:
    return [{**order("1", **values), "ordered_at": AS_OF - moment} for moment in moments]


def test_as_of_itself_is_the_future_and_the_window_begins_with_its_first_instant(tmp_path: Path) -> None:
    window = timedelta(days=90)
    orders = at(timedelta(0), TICK, -TICK, window, window + TICK, window - TICK)
    assert value(tmp_path, {"count": "orders", "within": "90 days"}, orders) == 3


def test_without_a_window_all_of_the_past_counts(tmp_path: Path) -> None:
    assert value(tmp_path, {"count": "orders"}, at(timedelta(0), TICK, timedelta(days=700_000))) == 2


def test_months_are_calendar_months(tmp_path: Path) -> None:
    """Three months before the 1st of June is the 1st of March: 92 days."""
    orders = at(timedelta(days=92), timedelta(days=92) + TICK)
    assert value(tmp_path, {"count": "orders", "within": "3 months"}, orders) == 1


def test_another_tenants_events_never_count(tmp_path: Path) -> None:
    orders = [order("1", "corner-grocer"), order("1", "corner-grocer"), order("1")]
    assert value(tmp_path, {"count": "orders"}, orders) == 1


def test_an_event_without_a_time_never_counts(tmp_path: Path) -> None:
    assert value(tmp_path, {"exists": "orders"}, [{**order("1"), "ordered_at": None}]) is False


@pytest.mark.parametrize(
    ("aggregate", "column", "nothing"),
    [
        ("count", "", 0),
        ("exists", "", False),
        ("sum", ".total_cents", 0),
        ("sum", ".price", 0.0),
        ("min", ".total_cents", None),
        ("max", ".department", None),
        ("avg", ".total_cents", None),
    ],
)
def test_over_no_events(aggregate: str, column: str, nothing: object, tmp_path: Path) -> None:
    found = value(tmp_path, {aggregate: f"orders{column}"}, [order("2", price=1.5)])
    assert json.dumps(found) == json.dumps(nothing)


@pytest.mark.parametrize(
    ("aggregate", "cents", "found"),
    [
        ("sum", [2**62, 2**62], None),
        ("sum", [2**62, 2**62, -1], 2**63 - 1),
        ("sum", [None, 5], 5),
        ("sum", [None], 0),
        ("avg", [1, 2, None], 1.5),
        ("avg", [2**62, 2**62], float(2**62)),
        ("min", [3, None, -7], -7),
        ("max", [None], None),
    ],
)
def test_integers(aggregate: str, cents: list[int | None], found: object, tmp_path: Path) -> None:
    orders = [order("1", total_cents=amount) for amount in cents]
    assert value(tmp_path, {aggregate: "orders.total_cents"}, orders) == found


@pytest.mark.parametrize(
    ("aggregate", "prices", "found"),
    [
        ("sum", [0.5, math.nan, None], 0.5),
        ("sum", [math.inf, -math.inf], None),
        ("sum", [1e308, 1e308], None),
        ("avg", [math.nan], None),
        ("max", [math.nan, -1.5], -1.5),
        ("min", [math.nan, 2.5], 2.5),
    ],
)
def test_numbers_without_nan(aggregate: str, prices: list[float | None], found: object, tmp_path: Path) -> None:
    orders = [order("1", price=price) for price in [*prices]]
    assert value(tmp_path, {aggregate: "orders.price"}, orders) == found


@pytest.mark.parametrize(
    "times",
    [
        "TIMESTAMP 'infinity', '-infinity', '200000-01-01', '2026-05-01'",
        "DATE '5000000-01-01', 'infinity', '-infinity', '2026-05-01'",
        "'2026-06-01 01:00:00+02:00'::TIMESTAMPTZ, '2026-05-31 23:30:00-01:00', 'infinity', '-infinity'",
        "'2026-05-01'::TIMESTAMP_S, '290000-01-01', NULL, NULL",
    ],
    ids=["timestamp", "date", "zoned", "seconds"],
)
def test_times_beyond_the_calendar_never_count(times: str, tmp_path: Path) -> None:
    rows = f"SELECT '1' AS customer_id, 'marketplace' AS tenant_id, unnest([{times}]) AS ordered_at"
    assert value(tmp_path, {"count": "orders"}, [], rows) == 1


def test_a_condition_sees_one_event_at_a_time(tmp_path: Path) -> None:
    where = "department = 'DAIRY' and ordered_at > as_of - interval '2 days'"
    orders = [order("1", days=days, department=name) for days in (1, 3) for name in ("DAIRY", "MEAT", None)]
    assert value(tmp_path, {"sum": "orders.total_cents", "where": where}, orders) == 2500


def test_decimals_add_up_exactly(tmp_path: Path) -> None:
    """Ten times 0.1 as doubles is 0.9999999999999999: a rule `spend >= 1` would miss the customer."""
    dimes = f"""
        SELECT 'marketplace' AS tenant_id, '1' AS customer_id, 0.1::DECIMAL(10, 2) AS total_cents,
               TIMESTAMP '{AS_OF - TICK:%Y-%m-%d %H:%M:%S}' AS ordered_at
        FROM range(10)
    """
    assert value(tmp_path, {"sum": "orders.total_cents"}, at(TICK), dimes) == 1.0
