"""Short words for the SQLGlot expressions that plans are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path

from sqlglot import exp


def column(name: str, table: str | None = None) -> exp.Column:
    """A quoted column: names come from data."""
    return exp.column(name, table=table, quoted=True)


def literal(value: str | int) -> exp.Expression:
    """A text or an integer literal, escaped by the generator."""
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(value)


def timestamp(instant: datetime) -> exp.Expression:
    """A timestamp literal in UTC."""
    return exp.cast(literal(instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")), "TIMESTAMP")


def alias(value: exp.Expression, name: str) -> exp.Expression:
    """`value AS "name"`; a column that has the name already stays as it is."""
    if isinstance(value, exp.Column) and value.name == name and not value.table:
        return value
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=True))


def select(*columns: exp.Expression) -> exp.Select:
    """A SELECT of these columns."""
    return exp.Select().select(*columns)


def function(name: str, *arguments: exp.Expression) -> exp.Expression:
    """A call of an engine's function."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def total(predicate: exp.Expression) -> exp.Expression:
    """The predicate with NULL as false."""
    return exp.Coalesce(this=predicate, expressions=[exp.false()])


def total_text(value: exp.Expression) -> exp.Expression:
    """The text with NULL as empty."""
    return exp.Coalesce(this=value, expressions=[literal("")])


def all_of(*predicates: exp.Expression) -> exp.Expression:
    """The conjunction of at least one predicate."""
    return reduce(lambda left, right: exp.And(this=left, expression=right), predicates)


def any_of(*predicates: exp.Expression) -> exp.Expression:
    """The disjunction of at least one predicate, in parentheses."""
    return exp.Paren(this=reduce(lambda left, right: exp.Or(this=left, expression=right), predicates))


def parquet(files: Sequence[Path], **options: exp.Expression) -> exp.Expression:
    """The rows of Parquet files as a table."""
    paths = exp.array(*(literal(str(file)) for file in files))
    named = [exp.EQ(this=exp.to_identifier(name), expression=value) for name, value in options.items()]
    return exp.Anonymous(this="read_parquet", expressions=[paths, *named])
