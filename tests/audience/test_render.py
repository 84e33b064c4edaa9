"""The SQL of rules: plain where it may be, guarded where an engine would disagree or abort."""

from __future__ import annotations

import duckdb
import pytest
from sqlglot import exp

from campaigns.audience import Type, check, render, truth

TYPES = {
    "n": Type.INTEGER,
    "x": Type.NUMBER,
    "t": Type.TEXT,
    "b": Type.BOOLEAN,
    "d": Type.DATE,
    "since": Type.TIMESTAMP,
    "tags": Type.TEXT_LIST,
}
SEGMENTS = {"lapsed": "since < as_of - interval '45 days' and 'vip' in tags"}
AS_OF = exp.Placeholder(this="as_of")


def sql(text: str) -> str:
    return render(check(text, TYPES, SEGMENTS, want=None), exp.column, AS_OF).sql("duckdb")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n >= 1 and b and t = 'it''s'", "n >= 1 AND b AND t = 'it''s'"),
        ("n in (1, -2) or not b", "n IN (1, -2) OR NOT b"),
        ("(n = 1 or b) and d >= date '2026-01-01'", "(n = 1 OR b) AND d >= CAST('2026-01-01' AS DATE)"),
        ("since < as_of - interval '45 days'", "since < ($as_of - INTERVAL '45' DAY)"),
        ("x > 0.1", "x > CAST('0.1' AS DOUBLE)"),
        ("n > 0.5", "CAST(n AS DOUBLE) > CAST('0.5' AS DOUBLE)"),
        ("n + n * 2 > 3", "TRY(n + TRY(n * CAST('2' AS BIGINT))) > 3"),
        ("x + x * x > x", "NULLIF(x + (x * x), CAST('nan' AS DOUBLE)) > x"),
        (
            "x / n",
            "NULLIF(x / NULLIF(CAST(n AS DOUBLE), CAST('0.0' AS DOUBLE)), CAST('nan' AS DOUBLE))",
        ),
        ("t is not null and t not like '%a'", "NOT (t IS NULL) AND NOT (t LIKE '%a')"),
        ("'vip' in tags", "COALESCE(LIST_CONTAINS(tags, 'vip'), FALSE)"),
    ],
)
def test_a_rule_becomes_sql_that_a_person_can_read(text: str, expected: str) -> None:
    assert sql(text) == expected


def test_a_filter_needs_no_guard_against_null_so_that_engines_can_push_it_down() -> None:
    rule = check("in_segment(lapsed) and not in_segment(lapsed)", TYPES, SEGMENTS)
    lapsed = "since < ($as_of - INTERVAL '45' DAY) AND LIST_CONTAINS(tags, 'vip')"

    assert truth(rule, exp.column, AS_OF).sql("duckdb") == f"({lapsed}) AND NOT COALESCE({lapsed}, FALSE)"


def test_the_same_column_may_be_used_many_times_and_in_two_queries() -> None:
    column = exp.column("n", table="customers")
    rule = check("n = 1 or n = 2", TYPES, SEGMENTS)

    again = [render(rule, lambda _: column, AS_OF).sql("duckdb") for _ in range(2)]

    assert again == ["customers.n = 1 OR customers.n = 2"] * 2


@pytest.mark.parametrize("quote", ["'", '"', "\\", "'; drop table t; --", "{{ x }}", "$as_of", "?", "%s", "\n"])
def test_a_text_reaches_the_engine_as_it_was_written(quote: str) -> None:
    text = "'" + quote.replace("'", "''") + "'"

    assert duckdb.execute(f"select {sql(f'coalesce({text}, {text})')}").fetchall() == [(quote,)]


def test_the_deepest_and_the_largest_rules_render_and_run() -> None:
    deep = "b"
    for _ in range(15):
        deep = f"not (b or {deep})"
    wide = " or ".join(f"n = {i}" for i in range(3_000))

    for text in (deep, wide, "+".join(["x"] * 60), "abs(" * 30 + "n" + ")" * 30):
        query = f"select {sql(text)} from (select 2999 as n, 1.0::double as x, true as b)"
        assert len(duckdb.execute(query).fetchall()) == 1
