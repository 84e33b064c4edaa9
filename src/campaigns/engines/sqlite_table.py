"""A table of a SQLite database as Arrow batches: DuckDB's own scanner is not part of its wheel."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from campaigns.engines.port import ResolvedSource
from campaigns.errors import InvalidData

_ROWS = 50_000


class SqliteTable(NamedTuple):
    """A table's schema and its rows, read when they are asked for."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class _Kind(NamedTuple):
    """How values of a declared type are read; `read` raises ValueError or TypeError for what does not fit."""

    declared: str
    type: pa.DataType
    need: str
    read: Callable[[object], object]


def read_sqlite_table(path: Path, table: str, source: ResolvedSource) -> SqliteTable:
    """All columns but BLOBs, in bounded memory.

    Raises InvalidData when the file or the table cannot be read; while the batches are read, when a value does not
    fit its column's declared type or is not valid UTF-8. Messages name the place, never the value.
    """
    with _translated(source):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        declared = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
    if not declared:
        connection.close()
        raise InvalidData(f"{source.name}: {source.shown} has no table {table!r}")
    kinds = {name: kind for name, type_ in declared if (kind := _kind(type_)) is not None}
    schema = pa.schema([(name, kind.type) for name, kind in kinds.items()])
    return SqliteTable(schema, _batches(connection, table, kinds, source))


def _batches(
    connection: sqlite3.Connection, table: str, kinds: dict[str, _Kind], source: ResolvedSource
) -> Iterator[pa.RecordBatch]:
    columns = ", ".join(_identifier(name) for name in kinds)
    start = 1
    try:
        with _translated(source):
            cursor = connection.execute(f"SELECT {columns} FROM {_identifier(table)}")  # noqa: S608 - quoted identifiers
            while rows := cursor.fetchmany(_ROWS):
                values = zip(*rows, strict=True)
                arrays = [
                    pa.array(_read(column, name, kind, start, source), kind.type)
                    for column, (name, kind) in zip(values, kinds.items(), strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, names=list(kinds))
                start += len(rows)
    finally:
        connection.close()


def _read(column: tuple[object, ...], name: str, kind: _Kind, start: int, source: ResolvedSource) -> list[object]:
    found: list[object] = []
    for value in column:
        try:
            found.append(None if value is None else kind.read(value))
        except (TypeError, ValueError):
            raise InvalidData(
                f"{source.name}: {source.shown}: column {name!r}, row {start + len(found)}: "
                f"need {kind.need}, found {_WORDS.get(type(value), type(value).__name__)}"
            ) from None
    return found


def _kind(declared: str) -> _Kind | None:
    for kind in _KINDS:
        if re.search(kind.declared, declared.upper()):
            return kind
    return None if "BLOB" in declared.upper() else _TEXT


def _integer(value: object) -> int:
    if isinstance(value, int):
        return value
    raise TypeError


def _boolean(value: object) -> bool:
    if value in (0, 1) and isinstance(value, int):
        return bool(value)
    raise ValueError


def _real(value: object) -> float:
    if isinstance(value, int | float):
        return float(value)
    raise TypeError


def _text(value: object) -> str:
    if isinstance(value, str | int):
        return str(value)
    raise TypeError


def _timestamp(value: object) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    raise TypeError


def _date(value: object) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    raise TypeError


_TEXT = _Kind(r"CHAR|CLOB|TEXT|STRING|UUID", pa.string(), "text or an integer", _text)
_KINDS = (
    _Kind(r"BOOL", pa.bool_(), "0 or 1", _boolean),
    _Kind(r"INT", pa.int64(), "an integer", _integer),
    _TEXT,
    _Kind(r"DATETIME|TIMESTAMP", pa.timestamp("us"), "text such as 2026-06-01 12:30:00", _timestamp),
    _Kind(r"DATE", pa.date32(), "text such as 2026-06-01", _date),
    _Kind(r"REAL|FLOA|DOUB|NUM|DEC", pa.float64(), "a number", _real),
)
"""Kinds by declared type (SQLite's affinity rules, dates and booleans added); the first match wins."""

_WORDS = {str: "other text", int: "an integer", float: "a real number", bytes: "bytes"}


@contextmanager
def _translated(source: ResolvedSource) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        told = str(error).partition(" with text ")[0]  # what follows is the customer's data
        raise InvalidData(f"{source.name}: {source.shown}: {told}") from None


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
