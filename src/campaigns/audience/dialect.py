"""What differs between engines: the guards that give every rule its one meaning, as DuckDB writes them."""

from __future__ import annotations

from sqlglot import exp

from campaigns.audience.evaluate import LOWER_LETTERS, UPPER_LETTERS
from campaigns.audience.literals import MAX_INTERVAL_YEARS
from campaigns.audience.tree import Interval

_DAY_MICROSECONDS = 86_400_000_000
_DAYS_OF_ALL_YEARS = MAX_INTERVAL_YEARS * 366


def cast(value: exp.Expression, kind: str) -> exp.Expression:
    return exp.Cast(this=value, to=exp.DataType.build(kind))


def attempt(value: exp.Expression) -> exp.Expression:
    """NULL where an integer calculation overflows; DuckDB would abort the query."""
    return exp.Anonymous(this="TRY", expressions=[value])


def opposite(value: exp.Expression) -> exp.Expression:
    """Minus an integer. DuckDB computes -constant while it binds: outside TRY, and beyond 64 bits."""
    return exp.Sub(this=cast(exp.Literal.string("0"), "BIGINT"), expression=value)


def real(value: exp.Expression) -> exp.Expression:
    """NULL where a double is NaN. DuckDB's NaN equals itself."""
    return exp.Nullif(this=value, expression=cast(exp.Literal.string("nan"), "DOUBLE"))


def quotient(dividend: exp.Expression, divisor: exp.Expression) -> exp.Expression:
    """A double; NULL where the divisor is zero."""
    zero = cast(exp.Literal.string("0.0"), "DOUBLE")
    return exp.Div(this=dividend, expression=exp.Nullif(this=divisor, expression=zero))


def contains(members: exp.Expression, item: exp.Expression) -> exp.Expression:
    """NULL where the list or the item is; DuckDB's list_contains finds no NULL."""
    return exp.Anonymous(this="list_contains", expressions=[members, item])


def letters(value: exp.Expression, *, upper: bool) -> exp.Expression:
    """ASCII letters only; DuckDB's own lower and upper change others too."""
    pair = (LOWER_LETTERS, UPPER_LETTERS) if upper else (UPPER_LETTERS, LOWER_LETTERS)
    return exp.Anonymous(this="translate", expressions=[value, *map(exp.Literal.string, pair)])


def code_points(value: exp.Expression) -> exp.Expression:
    """DuckDB's length counts code points."""
    return exp.Anonymous(this="length", expressions=[value])


def days_between(early: exp.Expression, late: exp.Expression) -> exp.Expression:
    """Whole days, rounded down. DuckDB's // rounds towards zero: so the difference is moved above zero."""
    micros = [exp.Anonymous(this="epoch_us", expressions=[moment]) for moment in (late, early)]
    moved = exp.Add(
        this=exp.Sub(this=micros[0], expression=micros[1]),
        expression=exp.Literal.number(_DAYS_OF_ALL_YEARS * _DAY_MICROSECONDS),
    )
    days = exp.IntDiv(this=exp.Paren(this=moved), expression=exp.Literal.number(_DAY_MICROSECONDS))
    return exp.Sub(this=days, expression=exp.Literal.number(_DAYS_OF_ALL_YEARS))


def interval(span: Interval) -> exp.Expression:
    return exp.Interval(this=exp.Literal.string(str(span.amount)), unit=exp.Var(this=span.unit.upper()))


def in_years(moment: exp.Expression) -> exp.Expression:
    """NULL where a timestamp is outside years 0001 to 9999."""
    first, last = (
        cast(exp.Literal.string(bound), "TIMESTAMP") for bound in ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999")
    )
    within = exp.Between(this=moment.copy(), low=first, high=last)
    return exp.Case(ifs=[exp.If(this=within, true=moment)])
