"""Columns of a source as values of rules: whatever the type, a launch never aborts."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from sqlglot import exp

from campaigns.audience import Type
from campaigns.plan.columns import column_type, identity, instant, typed

CONNECTION = duckdb.connect(config={"threads": 1})
CONNECTION.execute("SET TimeZone = 'UTC'")
COLUMN = exp.column("x", quoted=True)


def described(values: str) -> str:
    row = CONNECTION.execute(f"DESCRIBE SELECT x FROM {values}").fetchone()
    assert row is not None
    return str(row[1])


def evaluated(values: str, value: exp.Expression | None) -> list[str | None]:
    assert value is not None
    rows = CONNECTION.execute(f"SELECT CAST({value.sql('duckdb')} AS VARCHAR) FROM {values}").fetchall()
    return [row[0] for row in rows]


def unnest(*values: str) -> str:
    """A relation with the values as column x; computed at run time, so that nothing is folded away."""
    return f"(SELECT unnest([{', '.join(values)}]) AS x)"


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("1::TINYINT", Type.INTEGER),
        ("1::UBIGINT", Type.INTEGER),
        ("1::HUGEINT", Type.INTEGER),
        ("1.5::FLOAT", Type.NUMBER),
        ("1.5::DECIMAL(18,2)", Type.NUMBER),
        ("'a'", Type.TEXT),
        ("'a'::ENUM('it''s', 'a')", Type.TEXT),
        ("uuid()", Type.TEXT),
        ("true", Type.BOOLEAN),
        ("DATE '2026-01-01'", Type.DATE),
        ("now()", Type.TIMESTAMP),
        ("now()::TIMESTAMP_S", Type.TIMESTAMP),
        ("now()::TIMESTAMP_NS", Type.TIMESTAMP),
        ("['a']", Type.TEXT_LIST),
        ("NULL", None),
        ("[1]", None),
        ("{'a b': 1}", None),
        ("MAP {'a': 1}", None),
        ("'a'::BLOB", None),
        ("TIME '01:00:00'", None),
        ("INTERVAL 1 DAY", None),
        ("'{}'::JSON", None),
        ("'1'::BIT", None),
        ("1::VARIANT", None),
        ("union_value(n := 1)", None),
    ],
)
def test_every_type_is_known_or_left_alone(value: str, type_: Type | None) -> None:
    assert column_type(described(f"(SELECT {value} AS x)"), "duckdb") == type_


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (unnest("9223372036854775807::UBIGINT", "18446744073709551615", "NULL"), ["9223372036854775807", None, None]),
        (unnest("1::HUGEINT << 100", "-7"), [None, "-7"]),
        (unnest("'nan'::DOUBLE", "'inf'::DOUBLE", "'-0.0'::DOUBLE", "1.5"), [None, "inf", "-0.0", "1.5"]),
        (unnest("'nan'::FLOAT", "0.5::FLOAT"), [None, "0.5"]),
        (
            unnest("DATE '5000000-01-01'", "'infinity'", "'-infinity'", "'0001-01-01'", "'0001-12-31 (BC)'"),
            [None, None, None, "0001-01-01", None],
        ),
        (
            unnest("'infinity'::TIMESTAMP", "'200000-01-01'", "'9999-12-31 23:59:59.999999'"),
            [None, None, "9999-12-31 23:59:59.999999"],
        ),
        (unnest("'2026-01-01 00:00:00+02:00'::TIMESTAMPTZ", "'-infinity'"), ["2025-12-31 22:00:00", None]),
        (unnest("'2026-01-01'::TIMESTAMP_S", "'290000-01-01'"), ["2026-01-01 00:00:00", None]),
        (unnest("'2026-01-01'::TIMESTAMP_MS", "'infinity'"), ["2026-01-01 00:00:00", None]),
        (unnest("'2026-01-01 00:00:00.123456'::TIMESTAMP_NS"), ["2026-01-01 00:00:00.123456"]),
        (unnest("1.25::DECIMAL(18,2)"), ["1.25"]),
    ],
)
def test_what_rules_cannot_hold_is_null(values: str, found: list[Any]) -> None:
    assert evaluated(values, typed(COLUMN, described(values), "duckdb")) == found


def test_a_time_that_no_timestamp_holds_is_null_and_stops_nothing() -> None:
    values = unnest("DATE '5000000-01-01'", "'2026-01-01'")
    assert evaluated(values, instant(COLUMN, described(values), "duckdb")) == [None, "2026-01-01 00:00:00"]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (unnest("7", "-7", "NULL"), ["7", "-7", None]),
        (unnest("(1::UHUGEINT << 127)"), [str(2**127)]),
        (unnest("123456789012345678::DECIMAL(18,0)", "0"), ["123456789012345678", "0"]),
        (unnest("'007'", "''"), ["007", ""]),
        (unnest("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::UUID"), ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
        (unnest("'b'::ENUM('a', 'b')"), ["b"]),
        ("(SELECT NULL AS x)", [None]),
    ],
)
def test_an_id_is_its_text(values: str, found: list[str | None]) -> None:
    assert evaluated(values, identity(COLUMN, described(values), "duckdb")) == found


@pytest.mark.parametrize(
    "value", ["1.0::DOUBLE", "1::FLOAT", "1.5::DECIMAL(18,1)", "true", "DATE '2026-01-01'", "'a'::BLOB", "'1'::JSON"]
)
def test_anything_else_is_no_id(value: str) -> None:
    assert identity(COLUMN, described(f"(SELECT {value} AS x)"), "duckdb") is None
