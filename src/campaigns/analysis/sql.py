"""Short words for the SQL texts of an analysis; names and values are always written through these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlglot import exp


def name(identifier: str) -> str:
    """A quoted name."""
    return exp.to_identifier(identifier, quoted=True).sql("duckdb")


def text(value: str) -> str:
    """A text literal."""
    return exp.Literal.string(value).sql("duckdb")


def instant(moment: datetime) -> str:
    """A timestamp literal, in UTC."""
    return f"TIMESTAMP {text(moment.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S.%f'))}"


def files(paths: Sequence[Path]) -> str:
    """Parquet files as one table; a column that some lack is NULL there."""
    return f"read_parquet([{', '.join(text(str(path)) for path in paths)}], union_by_name = true)"


def among(values: Sequence[str]) -> str:
    """The right side of IN, for at least one value."""
    return f"({', '.join(map(text, values))})"
