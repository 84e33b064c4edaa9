"""The reference meaning of a rule, one customer at a time. Every engine must agree with it; None is NULL."""

from __future__ import annotations

import calendar
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from campaigns.audience.literals import LARGEST_INTEGER, SMALLEST_INTEGER
from campaigns.audience.rule import Rule
from campaigns.audience.tree import AsOf, Attribute, Call, Interval, Literal, Node, Op, Segment, Unit
from campaigns.audience.types import Type

UPPER_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOWER_LETTERS = UPPER_LETTERS.lower()
_TO_LOWER = str.maketrans(UPPER_LETTERS, LOWER_LETTERS)
_TO_UPPER = str.maketrans(LOWER_LETTERS, UPPER_LETTERS)
_DAY = timedelta(days=1)


def evaluate(rule: Rule, row: Mapping[str, object], as_of: datetime) -> object:
    """Return the value of the rule for one customer, None for NULL.

    `row` holds every attribute the rule uses, as int, float, str, bool, date, datetime, list of str, or None;
    NaN counts as NULL. `as_of` and all datetimes are UTC without a zone.
    Raises ValueError for a zoned `as_of`, KeyError for a missing attribute.
    """
    if as_of.tzinfo is not None:
        raise ValueError("as_of has a zone: give UTC without one")
    return _value(rule.tree, row, as_of)


def _value(node: Node, row: Mapping[str, object], as_of: datetime) -> object:
    match node:
        case Literal(value=value):
            return value
        case Attribute(name=name):
            return _known(row[name])
        case AsOf():
            return as_of
        case Interval():
            return node
        case Segment(tree=tree):
            assert tree is not None  # noqa: S101  (the checker inlines every segment)
            return _value(tree, row, as_of) is True
        case Call(op=Op.DAYS_SINCE, args=args):
            since = _value(args[0], row, as_of)
            return None if since is None else (as_of - _datetime(since)) // _DAY
        case Call(op=op, args=args, type=type_):
            values = [_value(arg, row, as_of) for arg in args]
            if op in _KNOWS_NULL:
                return _KNOWS_NULL[op](values)
            return None if None in values else _within(_STRICT[op](*values), type_)


def _known(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def _within(value: object, type_: Type | None) -> object:
    """A result outside its type's range is NULL."""
    if type_ is Type.INTEGER and isinstance(value, int):
        return value if SMALLEST_INTEGER <= value <= LARGEST_INTEGER else None
    return _known(value)


def _and(values: Sequence[object]) -> bool | None:
    return False if False in values else None if None in values else True


def _or(values: Sequence[object]) -> bool | None:
    return True if True in values else None if None in values else False


def _in(values: Sequence[object]) -> bool | None:
    item, *members = values
    if item is None:
        return None
    return True if item in (m for m in members if m is not None) else None if None in members else False


def _contains(values: Sequence[object]) -> bool:
    members, item = values
    return item is not None and isinstance(members, Iterable) and item in members


def _coalesce(values: Sequence[object]) -> object:
    return next((value for value in values if value is not None), None)


def _between(values: Sequence[Any]) -> bool | None:
    item, low, high = values
    if item is None:
        return None
    return _and([None if low is None else low <= item, None if high is None else item <= high])


def _like(text: str, pattern: str) -> bool:
    wild = {"%": ".*", "_": "."}
    form = "".join(wild.get(char) or re.escape(char) for char in pattern)
    return re.fullmatch(form, text, re.DOTALL) is not None


def _divide(dividend: float, divisor: float) -> float | None:
    return None if divisor == 0 else dividend / divisor


def _widen(value: object) -> object:
    return _datetime(value) if isinstance(value, date) else float(value) if isinstance(value, int) else value


def _datetime(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    assert isinstance(value, date)  # noqa: S101  (the checker admits dates and timestamps only)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001  (UTC without a zone)


def _add(left: Any, right: Any) -> object:
    return _shift(left, right, 1) if isinstance(right, Interval) else left + right


def _subtract(left: Any, right: Any) -> object:
    return _shift(left, right, -1) if isinstance(right, Interval) else left - right


def _shift(moment: datetime, by: Interval, sign: int) -> datetime | None:
    """Months and years are calendar steps, clamped to the month's last day; outside years 1 to 9999: NULL."""
    amount = sign * by.amount
    try:
        if by.unit in (Unit.MONTH, Unit.YEAR):
            months = moment.year * 12 + moment.month - 1 + amount * (12 if by.unit is Unit.YEAR else 1)
            year, month = months // 12, months % 12 + 1
            last = calendar.monthrange(year, month)[1] if 1 <= year <= 9999 else 28
            return moment.replace(year=year, month=month, day=min(moment.day, last))
        return moment + timedelta(**{f"{by.unit}s": amount})
    except (ValueError, OverflowError):
        return None


_KNOWS_NULL: dict[Op, Callable[[Sequence[Any]], object]] = {
    Op.AND: _and,
    Op.OR: _or,
    Op.IN: _in,
    Op.BETWEEN: _between,
    Op.CONTAINS: _contains,
    Op.COALESCE: _coalesce,
    Op.IS_NULL: lambda values: values[0] is None,
}
_STRICT: dict[Op, Callable[..., object]] = {
    Op.NOT: operator.not_,
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
    Op.LIKE: _like,
    Op.ADD: _add,
    Op.SUBTRACT: _subtract,
    Op.MULTIPLY: operator.mul,
    Op.DIVIDE: _divide,
    Op.NEGATE: operator.neg,
    Op.ABS: abs,
    Op.LOWER: lambda text: text.translate(_TO_LOWER),
    Op.UPPER: lambda text: text.translate(_TO_UPPER),
    Op.LENGTH: len,
    Op.WIDEN: _widen,
}
