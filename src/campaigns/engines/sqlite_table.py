"""A table of a SQLite database as an Arrow stream: DuckDB's own scanner is not part of its wheel."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from campaigns.engines.port import ResolvedSource
from campaigns.errors import InvalidData

_ROWS = 50_000
_TYPES: tuple[tuple[str, pa.DataType], ...] = (
    (r"BOOL", pa.bool_()),
    (r"INT", pa.int64()),
    (r"CHAR|CLOB|TEXT|STRING|UUID", pa.string()),
    (r"DATETIME|TIMESTAMP", pa.timestamp("us")),
    (r"DATE", pa.date32()),
    (r"REAL|FLOA|DOUB|NUM|DEC", pa.float64()),
)
"""Declared type (SQLite's affinity rules, dates and booleans added) to Arrow type, first match wins."""


def read_sqlite_table(path: Path, table: str, source: ResolvedSource) -> pa.RecordBatchReader:
    """All columns but BLOBs, in bounded memory.

    Raises InvalidData when the table does not exist; while reading, when a value does not fit its column's declared
    type or is not valid UTF-8.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    declared = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
    if not declared:
        raise InvalidData(f"{source.name}: {source.shown} has no table {table!r}")
    schema = pa.schema([(name, kind) for name, type_ in declared if (kind := _arrow_type(type_)) is not None])
    return pa.RecordBatchReader.from_batches(schema, _batches(connection, table, schema, source))


def _arrow_type(declared: str) -> pa.DataType | None:
    for pattern, kind in _TYPES:
        if re.search(pattern, declared.upper()):
            return kind
    return None if "BLOB" in declared.upper() else pa.string()


def _batches(
    connection: sqlite3.Connection, table: str, schema: pa.Schema, source: ResolvedSource
) -> Iterator[pa.RecordBatch]:
    columns = ", ".join(_identifier(name) for name in schema.names)
    try:
        cursor = connection.execute(f"SELECT {columns} FROM {_identifier(table)}")  # noqa: S608 - quoted identifiers
        while rows := cursor.fetchmany(_ROWS):
            arrays = [_array([row[index] for row in rows], field, source) for index, field in enumerate(schema)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    except sqlite3.Error as error:
        raise InvalidData(f"{source.name}: {source.shown}: {error}") from error
    finally:
        connection.close()


def _array(values: list[object], field: Any, source: ResolvedSource) -> Any:
    try:
        if pa.types.is_boolean(field.type):
            values = [None if value is None else bool(value) for value in values]
        elif pa.types.is_timestamp(field.type):
            values = [datetime.fromisoformat(value) if isinstance(value, str) else value for value in values]
        elif pa.types.is_date(field.type):
            values = [date.fromisoformat(value) if isinstance(value, str) else value for value in values]
        return pa.array(values, field.type)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidData(f"{source.name}: {source.shown}: column {field.name!r} ({field.type}): {error}") from error


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
