"""The id of an event: a pure function of tenant, launch and customer, the same in SQL."""

from __future__ import annotations

import hashlib

import duckdb
import hypothesis.strategies as st
from hypothesis import given, settings
from sqlglot import exp

from campaigns.events.ids import event_id, event_id_sql

CONNECTION = duckdb.connect(config={"threads": 1})
KEYS = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,20}", fullmatch=True)
CUSTOMERS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(KEYS, KEYS, CUSTOMERS)
def test_sql_agrees_with_python(tenant: str, launch: str, customer: str) -> None:
    sql = event_id_sql(exp.column("t"), launch, exp.column("c")).sql("duckdb")
    row = CONNECTION.execute(f"SELECT {sql} FROM (SELECT $t AS t, $c AS c)", {"t": tenant, "c": customer}).fetchone()
    assert row == (event_id(tenant, launch, customer),)


def test_an_id_is_the_md5_that_its_specification_says() -> None:
    assert event_id("shop", "launch-1", "José") == hashlib.md5("shop/launch-1/José".encode()).hexdigest()  # noqa: S324


def test_tenant_launch_and_customer_all_count() -> None:
    ids = [event_id("a", "b", "c"), event_id("x", "b", "c"), event_id("a", "x", "c"), event_id("a", "b", "x")]
    assert len({*ids, event_id("a", "b", "c/d"), event_id("b", "a", "c")}) == 6
