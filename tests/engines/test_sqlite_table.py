"""SQLite tables: declared types are kept, and what does not fit is refused without being shown."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from campaigns.engines.duckdb import DuckDB
from campaigns.engines.port import Query, ResolvedSource
from campaigns.errors import InvalidData

Resolve = Callable[..., ResolvedSource]
PRIVATE = "ada@private.example"


def write(path: Path, declared: str, values: list[Any], insert: str = "INSERT INTO c VALUES (?)") -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE c (x {declared})")
        connection.executemany(insert, [(value,) for value in values])
    connection.close()


@pytest.mark.parametrize(
    ("declared", "values", "type_", "found"),
    [
        ("INTEGER", [7, -(2**63), None], "BIGINT", [7, -(2**63), None]),
        ("VARCHAR(20)", ["007", "", None], "VARCHAR", ["007", "", None]),
        ("", ["a", 5], "VARCHAR", ["a", "5"]),
        ("BOOLEAN", [1, 0, None], "BOOLEAN", [True, False, None]),
        ("REAL", [1.5, 2, math.inf], "DOUBLE", [1.5, 2.0, math.inf]),
        ("DECIMAL(10,2)", [1.25], "DOUBLE", [1.25]),
        ("DATE", ["2026-06-01"], "DATE", [date(2026, 6, 1)]),
        (
            "DATETIME",
            ["2026-06-01 12:30:00", "2026-06-01T12:30:00+02:00", "2026-06-01"],
            "TIMESTAMP",
            [datetime(2026, 6, 1, 12, 30), datetime(2026, 6, 1, 10, 30), datetime(2026, 6, 1)],  # noqa: DTZ001
        ),
    ],
)
def test_a_column_has_its_declared_type(
    declared: str, values: list[Any], type_: str, found: list[Any], engine: DuckDB, resolve: Resolve, tmp_path: Path
) -> None:
    write(tmp_path / "base.sqlite", declared, values)
    assert engine.attach("customers", resolve("base.sqlite", "c")) == {"x": type_}
    assert [row["x"] for row in engine.rows(Query("FROM source.customers"))] == found


@pytest.mark.parametrize(
    ("declared", "value", "told"),
    [
        ("INTEGER", PRIVATE, "need an integer, found other text"),
        ("INTEGER", 1.5, "need an integer, found a real number"),
        ("BOOLEAN", PRIVATE, "need 0 or 1"),
        ("BOOLEAN", 2, "need 0 or 1"),
        ("REAL", PRIVATE, "need a number"),
        ("TEXT", PRIVATE.encode(), "need text or an integer, found bytes"),
        ("DATE", PRIVATE, "need text such as 2026-06-01"),
        ("DATETIME", 1767225600, "need text such as 2026-06-01 12:30:00, found an integer"),
    ],
)
def test_a_value_that_does_not_fit_is_placed_and_not_shown(
    declared: str, value: object, told: str, engine: DuckDB, resolve: Resolve, tmp_path: Path
) -> None:
    write(tmp_path / "base.sqlite", declared, [None, value])
    with pytest.raises(InvalidData) as raised:
        engine.attach("customers", resolve("base.sqlite", "c"))
    assert str(raised.value).startswith(f"customers: base.sqlite: column 'x', row 2: {told}")
    assert PRIVATE not in str(raised.value)


def test_text_that_is_not_utf8_names_the_file_and_the_column(engine: DuckDB, resolve: Resolve, tmp_path: Path) -> None:
    write(tmp_path / "base.sqlite", "TEXT", [PRIVATE.encode() + b"\xff"], "INSERT INTO c VALUES (CAST(? AS TEXT))")
    with pytest.raises(InvalidData, match=r"customers: base\.sqlite: .*UTF-8.*'x'") as raised:
        engine.attach("customers", resolve("base.sqlite", "c"))
    assert PRIVATE not in str(raised.value)


def test_more_rows_than_one_batch_arrive(engine: DuckDB, resolve: Resolve, tmp_path: Path) -> None:
    write(tmp_path / "base.sqlite", "INTEGER", list(range(120_001)))
    engine.attach("customers", resolve("base.sqlite", "c"))
    assert engine.rows(Query("SELECT count(*) AS n, sum(x)::BIGINT AS s FROM source.customers")) == [
        {"n": 120_001, "s": 120_000 * 120_001 // 2}
    ]


def test_blobs_are_left_out_and_names_are_quoted(engine: DuckDB, resolve: Resolve, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "base.sqlite") as connection:
        connection.execute('CREATE TABLE "a ""b""; c" ("x ""y" TEXT, photo BLOB)')
    connection.close()
    assert engine.attach("customers", resolve("base.sqlite", 'a "b"; c')) == {'x "y': "VARCHAR"}


def test_a_missing_table_and_a_broken_file_are_told(engine: DuckDB, resolve: Resolve, tmp_path: Path) -> None:
    write(tmp_path / "base.sqlite", "TEXT", [])
    with pytest.raises(InvalidData, match=r"customers: base\.sqlite has no table 'nope'"):
        engine.attach("customers", resolve("base.sqlite", "nope"))
    (tmp_path / "broken.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    with pytest.raises(InvalidData, match=r"customers: broken\.sqlite: file is not a database"):
        engine.attach("customers", resolve("broken.sqlite", "c"))


def test_the_database_is_not_changed(engine: DuckDB, resolve: Resolve, tmp_path: Path) -> None:
    write(tmp_path / "base.sqlite", "TEXT", ["a"])
    before = (tmp_path / "base.sqlite").read_bytes()
    engine.attach("customers", resolve("base.sqlite", "c"))
    assert (tmp_path / "base.sqlite").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["base.sqlite"]
