"""DuckDB and the reference evaluator agree on every rule and every row."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from sqlglot import exp

from campaigns.audience import Rule, Type, check, evaluate, render, truth

EXAMPLES = int(os.environ.get("RULE_EXAMPLES", "150"))
AS_OF = datetime.fromisoformat("2026-06-01 12:30:00")
BEGIN, END = datetime.fromisoformat("0001-01-01"), datetime.fromisoformat("9999-12-31 23:59:59.999999")
AS_OF_SQL = exp.Placeholder(this="as_of")
TYPES = {
    "whole": Type.INTEGER,
    "other whole": Type.INTEGER,
    "real": Type.NUMBER,
    "ratio": Type.NUMBER,
    "text": Type.TEXT,
    "name": Type.TEXT,
    "flag": Type.BOOLEAN,
    "day": Type.DATE,
    "at": Type.TIMESTAMP,
    "tags": Type.TEXT_LIST,
}
SEGMENTS = {"tagged": "'a' in tags or text like 'a%'", "late": "at < as_of - interval '45 days' and flag"}
ARROW_TYPES: dict[Type, pa.DataType] = {
    Type.INTEGER: pa.int64(),
    Type.NUMBER: pa.float64(),
    Type.TEXT: pa.string(),
    Type.BOOLEAN: pa.bool_(),
    Type.DATE: pa.date32(),
    Type.TIMESTAMP: pa.timestamp("us"),
    Type.TEXT_LIST: pa.list_(pa.string()),
}
SCHEMA = pa.schema([(name, ARROW_TYPES[type_]) for name, type_ in TYPES.items()])
CONNECTION = duckdb.connect(config={"threads": 1})

WHOLES = st.sampled_from([0, 1, -1, 2, 7, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)]) | st.integers(
    -(2**63), 2**63 - 1
)
REALS = st.sampled_from([0.0, -0.0, 1.0, 0.1, 1e308, -1e308, 5e-324, 2.0**53]) | st.floats(
    allow_nan=False, allow_infinity=False
)
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "A",
        "ab",
        "a%",
        "a_b",
        "it's",
        '"',
        "\\",
        "a\\%",
        "Ünïcödé",
        "ß",
        "İ",
        "é",
        "🎉",
        "👩‍👧",
        "a\nb",
        "Z" * 3000,
    ]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
DAYS = (
    st.sampled_from([date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29), date(2026, 6, 1), date(2026, 1, 31)])
    | st.dates()
)
TIMES = st.sampled_from([BEGIN, END, AS_OF - timedelta(days=45), AS_OF]) | st.datetimes()
VALUES: dict[Type, st.SearchStrategy[object]] = {
    Type.INTEGER: WHOLES,
    Type.NUMBER: REALS | st.sampled_from([math.nan, math.inf, -math.inf]),
    Type.TEXT: TEXTS,
    Type.BOOLEAN: st.booleans(),
    Type.DATE: DAYS,
    Type.TIMESTAMP: TIMES,
    Type.TEXT_LIST: st.lists(TEXTS | st.none(), max_size=4),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | VALUES[type_] for name, type_ in TYPES.items()}),
    min_size=8,
    max_size=24,
)
LITERALS = {
    Type.INTEGER: WHOLES.map(str),
    Type.NUMBER: REALS.map(lambda real: repr(real) if "." in repr(real) or "e" in repr(real) else f"{real}.0"),
    Type.TEXT: TEXTS.map(lambda text: "'" + text.replace("'", "''") + "'"),
    Type.BOOLEAN: st.sampled_from(["true", "false"]),
    Type.DATE: DAYS.map(lambda day: f"date '{day}'"),
    Type.TIMESTAMP: TIMES.map(lambda time: f"timestamp '{time}'") | st.just("as_of"),
}
INTERVALS = st.builds(
    "interval '{} {}'".format,
    st.integers(0, 40) | st.sampled_from([9_999, 100_000]),
    st.sampled_from(["second", "minutes", "hours", "day", "days", "weeks", "month"]),
) | st.builds("interval '{}' {}".format, st.sampled_from([0, 1, 5, 2_030, 10_000]), st.sampled_from(["year", "years"]))


def written(type_: Type, depth: int) -> st.SearchStrategy[str]:
    """Rule texts of one type, at most `depth` operators deep."""
    quoted = [f'"{name}"' if " " in name else name for name, known in TYPES.items() if known is type_]
    leaves = st.sampled_from(quoted) | LITERALS.get(type_, st.nothing())
    return leaves if depth == 0 else leaves | st.deferred(lambda: COMPOSED[type_](depth - 1))


def form(pattern: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda found: pattern.format(*found))


def wholes(depth: int) -> st.SearchStrategy[str]:
    one = written(Type.INTEGER, depth)
    return st.one_of(
        form("({} {} {})", one, st.sampled_from("+-*"), one),
        form("(- {})", one),
        form("abs({})", one),
        form("coalesce({}, {})", one, one),
        form("length({})", written(Type.TEXT, depth)),
        form("days_since({})", moments(depth)),
    )


def reals(depth: int) -> st.SearchStrategy[str]:
    one = written(Type.NUMBER, depth) | written(Type.INTEGER, depth)
    return st.one_of(
        form("({} {} {})", written(Type.NUMBER, depth), st.sampled_from("+-*/"), one),
        form("({} / {})", one, one),
        form("(- {})", written(Type.NUMBER, depth)),
        form("abs({})", written(Type.NUMBER, depth)),
        form("coalesce({}, {})", one, written(Type.NUMBER, depth)),
    )


def texts(depth: int) -> st.SearchStrategy[str]:
    one = written(Type.TEXT, depth)
    return st.one_of(form("lower({})", one), form("upper({})", one), form("coalesce({}, {})", one, one))


def moments(depth: int) -> st.SearchStrategy[str]:
    return written(Type.DATE, depth) | written(Type.TIMESTAMP, depth)


def times(depth: int) -> st.SearchStrategy[str]:
    return st.one_of(
        form("({} {} {})", moments(depth), st.sampled_from("+-"), INTERVALS),
        form("({} + {})", INTERVALS, moments(depth)),
        form("coalesce({}, {})", moments(depth), written(Type.TIMESTAMP, depth)),
    )


def truths(depth: int) -> st.SearchStrategy[str]:
    one = written(Type.BOOLEAN, depth)
    kinds = [
        written(Type.INTEGER, depth) | written(Type.NUMBER, depth),
        written(Type.INTEGER, depth),
        written(Type.TEXT, depth),
        moments(depth),
    ]
    compared = st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="])
    no = st.sampled_from(["", "not "])
    each = [
        choice
        for kind in kinds
        for choice in (
            form("({} {} {})", kind, compared, kind),
            form("({} {}between {} and {})", kind, no, kind, kind),
            form("({} {}in ({}, {}, {}))", kind, no, kind, kind, kind),
            form("({} is {}null)", kind, no),
        )
    ]
    return st.one_of(
        form("({} and {})", one, one),
        form("({} or {} or {})", one, one, one),
        form("(not {})", one),
        form("({} = {})", one, one),
        form(
            "({} {}like {})",
            written(Type.TEXT, depth),
            no,
            LITERALS[Type.TEXT] | st.sampled_from(["'%'", "'a_'", "'%a%'", "'\\%'"]),
        ),
        form("({} {}in coalesce(tags, tags))", written(Type.TEXT, depth), no),
        form("contains(tags, {})", written(Type.TEXT, depth)),
        form("({}in_segment(tagged))", no),
        form("({}in_segment(late))", no),
        st.sampled_from(["(tags is null)", "(flag is not null)"]),
        *each,
    )


COMPOSED = {
    Type.INTEGER: wholes,
    Type.NUMBER: reals,
    Type.TEXT: texts,
    Type.BOOLEAN: truths,
    Type.DATE: lambda depth: form("coalesce({}, {})", written(Type.DATE, depth), written(Type.DATE, depth)),
    Type.TIMESTAMP: times,
}
RULES = truths(3)
EXPRESSIONS = st.one_of(*(COMPOSED[type_](2) for type_ in COMPOSED))


def load(rows: Sequence[dict[str, object]]) -> None:
    """Make the rows DuckDB's table `rows`; NaN reaches a rule as NULL, as the sources deliver it."""
    clean = [{name: null_for_nan(value) for name, value in row.items()} for row in rows]
    arrow = pa.Table.from_pylist(clean, SCHEMA).append_column("place", pa.array(range(len(rows))))
    CONNECTION.register("arrow", arrow)
    CONNECTION.execute("create or replace temp table rows as from arrow")


def query(sql: str) -> list[object]:
    names = {"as_of": AS_OF} if "$as_of" in sql else {}
    return [value for (value,) in CONNECTION.execute(sql, names).fetchall()]


def null_for_nan(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def column(name: str) -> exp.Expression:
    return exp.column(name, quoted=True)


def values(rule: Rule) -> list[object]:
    """The rule's value for every row, as DuckDB finds it."""
    return query(f"select {render(rule, column, AS_OF_SQL).sql('duckdb')} from rows order by place")


def matches(rule: Rule) -> list[object]:
    """The places of the rows that DuckDB keeps when the rule is its filter."""
    return query(f"select place from rows where {truth(rule, column, AS_OF_SQL).sql('duckdb')} order by place")


bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@bounded
@given(text=RULES, rows=ROWS)
def test_a_rule_means_the_same_in_duckdb_and_in_the_reference(text: str, rows: list[dict[str, object]]) -> None:
    rule = check(text, TYPES, SEGMENTS)
    expected = [evaluate(rule, row, AS_OF) for row in rows]

    load(rows)

    assert values(rule) == expected
    assert matches(rule) == [place for place, value in enumerate(expected) if value is True]


@bounded
@given(text=EXPRESSIONS, rows=ROWS)
def test_an_expression_means_the_same_in_duckdb_and_in_the_reference(text: str, rows: list[dict[str, object]]) -> None:
    rule = check(text, TYPES, SEGMENTS, want=None)
    expected = [evaluate(rule, row, AS_OF) for row in rows]

    load(rows)
    found = values(rule)

    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


EDGES: list[dict[str, object]] = [
    {**dict.fromkeys(TYPES), "real": real, "ratio": ratio, "whole": whole, "text": text, "at": at}
    for real, ratio in itertools.product([None, math.nan, math.inf, -math.inf, -0.0, 1e308], repeat=2)
    for whole, text, at in [(0, "", BEGIN), (-(2**63), "É🎉", END), (2**63 - 1, "a%", AS_OF), (None, None, None)]
]


@pytest.mark.parametrize(
    "text",
    [
        "real - ratio",
        "real * ratio + 1",
        "real / ratio",
        "abs(real + ratio) * 0",
        "coalesce(real - ratio, 7)",
        "(real - ratio) is null",
        "whole / real",
        "whole + whole - whole",
        "whole + 9223372036854775807 - 9223372036854775807",
        "0 in (whole, -1 + (whole + 9223372036854775807))",
        "-whole",
        "abs(whole) * 2",
        "- (- whole)",
        "at + interval '1 month' - interval '1 month'",
        "days_since(at)",
        "length(text)",
        "text like '_%' or text is null",
    ],
)
def test_the_edges_of_every_type_agree(text: str) -> None:
    rule = check(text, TYPES, SEGMENTS, want=None)

    load(EDGES)

    assert values(rule) == [evaluate(rule, row, AS_OF) for row in EDGES]
