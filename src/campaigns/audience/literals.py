"""Literals: from the author's spelling to a value, or an error which shows the right spelling."""

from __future__ import annotations

import math
import re
from datetime import date, datetime

from campaigns.audience.fault import RuleError
from campaigns.audience.tree import Interval, Literal, Unit
from campaigns.audience.types import Type

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
MAX_INTERVAL_YEARS = 10_000
_SECONDS = {
    Unit.SECOND: 1,
    Unit.MINUTE: 60,
    Unit.HOUR: 3_600,
    Unit.DAY: 86_400,
    Unit.WEEK: 604_800,
    Unit.MONTH: 2_629_746,
    Unit.YEAR: 31_556_952,
}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?", re.ASCII)
_AMOUNT = re.compile(r"(\d+)(?:\s+([a-zA-Z]+))?", re.ASCII)


def number(spelling: str, start: int, end: int, *, negative: bool = False) -> Literal:
    """Return an integer (digits only) or a number; `negative` when a minus sign stands before it."""
    if spelling.isdecimal():
        value = -int(spelling) if negative else int(spelling)
        if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
            raise RuleError(
                f"integer {value} is out of range: allowed are {SMALLEST_INTEGER} to {LARGEST_INTEGER}",
                start,
                end,
            )
        return Literal(value, Type.INTEGER, start, end)
    real = -float(spelling) if negative else float(spelling)
    if math.isinf(real):
        raise RuleError(f"number {spelling} is too large for a double (at most about 1.8e308)", start, end)
    return Literal(real, Type.NUMBER, start, end)


def moment(kind: str, spelling: str, start: int, end: int) -> Literal:
    """Return the value of `date '...'` or `timestamp '...'`, years 0001 to 9999, UTC."""
    form, wanted = (_DATE, "2026-01-31") if kind == "date" else (_TIMESTAMP, "2026-01-31 00:00:00")
    try:
        if form.fullmatch(spelling) is None:
            raise ValueError(spelling)
        if kind == "date":
            return Literal(date.fromisoformat(spelling), Type.DATE, start, end)
        return Literal(_timestamp(spelling), Type.TIMESTAMP, start, end)
    except ValueError:
        raise RuleError(f"{spelling!r} is not a {kind}: write {kind} '{wanted}'", start, end) from None


def _timestamp(spelling: str) -> datetime:
    whole, _, fraction = spelling.partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction.ljust(6, '0')}")


def interval(spelling: str, unit: str | None, start: int, end: int) -> Interval:
    """Return the value of `interval '45 days'` or `interval '45' day`."""
    match = _AMOUNT.fullmatch(spelling)
    word = (match and match[2]) or unit
    name = word.lower().removesuffix("s") if word else ""
    if match is None or (match[2] and unit) or name not in [*Unit]:
        allowed = ", ".join(Unit)
        raise RuleError(
            f"not an interval: write one number and one unit, as in interval '45 days' (units: {allowed})",
            start,
            end,
        )
    # Every amount within this bound can be added to every timestamp without overflow on any engine.
    if len(match[1]) > 18 or seconds(int(match[1]), Unit(name)) > seconds(MAX_INTERVAL_YEARS, Unit.YEAR):
        raise RuleError(f"interval is too long: at most {MAX_INTERVAL_YEARS} years", start, end)
    return Interval(int(match[1]), Unit(name), start, end)


def seconds(amount: int, unit: Unit) -> int:
    """Return about how many seconds a span has; months and years count by their mean length."""
    return amount * _SECONDS[unit]
