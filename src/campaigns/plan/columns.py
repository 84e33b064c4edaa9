"""A source's column as a value of the rule language: its type, and the expression that gives it its meaning.

What rules may rely on is settled here: integers are 64-bit, numbers are doubles without NaN, timestamps are UTC
microseconds within years 1 to 9999, everything else is NULL.
"""

from __future__ import annotations

from sqlglot import exp

from campaigns.audience import Type

RESERVED = frozenset(
    {
        "as_of",
        "_tenant",
        "_customer",
        "_variant_digest",
        "_allocation_digest",
        "_test_digest",
        "_forced",
        "_kept",
        "_blocked",
        "_sticky",
        "_outcome",
        "_reason",
        "_assigned",
        "_variant",
        "_candidate",
        "_passed_over",
        "_too_large",
        "_passed",
    }
)
"""Names, in any case, of the plan's own columns: a source's column of that name would be taken for them."""

_RESERVED_PREFIXES = ("_holdout_digest_", "_factor_")


def is_reserved(name: str) -> bool:
    """Whether a column of the plan has, or may have, this name."""
    return name.casefold() in RESERVED or name.casefold().startswith(_RESERVED_PREFIXES)


_T = exp.DataType.Type
_INTEGERS = {_T.TINYINT, _T.SMALLINT, _T.INT, _T.BIGINT, _T.UTINYINT, _T.USMALLINT, _T.UINT}
_WIDE_INTEGERS = {_T.UBIGINT, _T.INT128, _T.UINT128}
_TEXTS = {_T.VARCHAR, _T.TEXT, _T.CHAR, _T.NVARCHAR, _T.UUID, _T.ENUM}
_TIMESTAMPS = {
    _T.TIMESTAMP,
    _T.TIMESTAMPNTZ,
    _T.TIMESTAMPTZ,
    _T.TIMESTAMPLTZ,
    _T.TIMESTAMP_S,
    _T.TIMESTAMP_MS,
    _T.TIMESTAMP_NS,
}
_EXACT_DIGITS = 18
"""Decimals this wide add up without overflow over more rows than there can be."""

_ONLY_NULL = '"NULL"'
"""DuckDB's type of a column without any value; SQLGlot cannot read it."""


def column_type(sql_type: str, dialect: str) -> Type | None:
    """The rule language's type of a column; None for a type that rules cannot use (a struct, a blob, only NULL)."""
    if sql_type == _ONLY_NULL:
        return None
    type_ = exp.DataType.build(sql_type, dialect=dialect)
    kind = type_.this
    if kind in _INTEGERS | _WIDE_INTEGERS:
        return Type.INTEGER
    if kind in {_T.FLOAT, _T.DOUBLE, _T.DECIMAL}:
        return Type.NUMBER
    if kind in _TEXTS:
        return Type.TEXT
    if kind == _T.BOOLEAN:
        return Type.BOOLEAN
    if kind in {_T.DATE, _T.DATE32}:
        return Type.DATE
    if kind in _TIMESTAMPS:
        return Type.TIMESTAMP
    if kind in {_T.LIST, _T.ARRAY} and type_.expressions and type_.expressions[0].this in _TEXTS:
        return Type.TEXT_LIST
    return None


def typed(column: exp.Expression, sql_type: str, dialect: str) -> exp.Expression:
    """The column as rules see it. The type must be one that `column_type` knows."""
    type_ = exp.DataType.build(sql_type, dialect=dialect)
    kind = type_.this
    if kind in {_T.BIGINT, _T.BOOLEAN, _T.VARCHAR, _T.TEXT}:
        return column
    if kind in _INTEGERS:
        return exp.cast(column, _T.BIGINT)
    if kind in _WIDE_INTEGERS:
        return exp.TryCast(this=column, to=exp.DataType.build("BIGINT"), safe=True)
    if kind in {_T.FLOAT, _T.DOUBLE}:
        value = column if kind == _T.DOUBLE else exp.cast(column, _T.DOUBLE)
        return exp.Case().when(exp.Not(this=exp.IsNan(this=column.copy())), value)
    if kind == _T.DECIMAL:
        return exp.cast(column, _T.DOUBLE)
    if kind in _TEXTS:
        return exp.cast(column, _T.VARCHAR)
    if kind in {_T.DATE, _T.DATE32}:
        return _within_years(column, "DATE", "0001-01-01", "9999-12-31")
    if kind in _TIMESTAMPS:
        low, high = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"
        return _within_years(instant(column, sql_type, dialect), "TIMESTAMP", low, high)
    return exp.cast(column, "VARCHAR[]", dialect="duckdb")


def instant(column: exp.Expression, sql_type: str, dialect: str) -> exp.Expression:
    """A time or date column as a UTC timestamp, of any year; NULL where a timestamp cannot hold it."""
    kind = exp.DataType.build(sql_type, dialect=dialect).this
    if kind in {_T.TIMESTAMP, _T.TIMESTAMPNTZ}:
        return column
    if kind in {_T.TIMESTAMPTZ, _T.TIMESTAMPLTZ, _T.TIMESTAMP_NS}:
        return exp.cast(column, _T.TIMESTAMP)
    return exp.TryCast(this=column, to=exp.DataType.build("TIMESTAMP"), safe=True)


def summand(column: exp.Expression, sql_type: str, dialect: str) -> exp.Expression:
    """The column as `sum` and `avg` add it up: a decimal of at most 18 digits exactly, whatever the order of rows."""
    type_ = exp.DataType.build(sql_type, dialect=dialect)
    exact = type_.this == _T.DECIMAL and type_.expressions and int(type_.expressions[0].name) <= _EXACT_DIGITS
    return column if exact else typed(column, sql_type, dialect)


def identity(column: exp.Expression, sql_type: str, dialect: str) -> exp.Expression | None:
    """An id column as text: integers become their decimal text. None for a type that cannot be an id (a float)."""
    if sql_type == _ONLY_NULL:
        return exp.cast(column, _T.VARCHAR)
    type_ = exp.DataType.build(sql_type, dialect=dialect)
    kind = type_.this
    if kind in {_T.VARCHAR, _T.TEXT}:
        return column
    if kind in _INTEGERS | _WIDE_INTEGERS | _TEXTS:
        return exp.cast(column, _T.VARCHAR)
    if kind == _T.DECIMAL and len(type_.expressions) == 2 and type_.expressions[1].name == "0":
        return exp.cast(exp.cast(column, _T.INT128), _T.VARCHAR)
    return None


def _within_years(column: exp.Expression, type_: str, low: str, high: str) -> exp.Expression:
    bound = exp.Between(
        this=column.copy(),
        low=exp.cast(exp.Literal.string(low), type_),
        high=exp.cast(exp.Literal.string(high), type_),
    )
    return exp.Case().when(bound, column)
