"""The tree of a rule. The parser builds it untyped; the checker returns it typed, conversions explicit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from campaigns.audience.types import Type


class Op(StrEnum):
    """Every operator and function. The text of a member is how an author writes it."""

    AND = "and"
    OR = "or"
    NOT = "not"
    EQ = "="
    NE = "<>"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    BETWEEN = "between"
    IN = "in"
    IS_NULL = "is null"
    LIKE = "like"
    CONTAINS = "contains"
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    NEGATE = "unary -"
    COALESCE = "coalesce"
    LOWER = "lower"
    UPPER = "upper"
    LENGTH = "length"
    ABS = "abs"
    DAYS_SINCE = "days_since"
    WIDEN = "widen"  # written by the checker only: integer to number, date to timestamp


PREDICATES = frozenset(
    {Op.AND, Op.OR, Op.NOT, Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN, Op.IN, Op.IS_NULL, Op.LIKE}
)
ARITHMETIC = frozenset({Op.ADD, Op.SUBTRACT, Op.MULTIPLY, Op.DIVIDE, Op.NEGATE, Op.ABS})


class Unit(StrEnum):
    """The unit of an interval. Months and years are calendar steps that clamp to the month's last day."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the rule; timestamps are UTC without a zone."""

    value: bool | int | float | str | date | datetime
    type: Type
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """A per-customer value, by its exact name."""

    name: str
    start: int
    end: int
    type: Type | None = None


@dataclass(frozen=True, slots=True)
class AsOf:
    """The instant for which the rule is evaluated."""

    start: int
    end: int
    type: Type = Type.TIMESTAMP


@dataclass(frozen=True, slots=True)
class Interval:
    """A span of time, `amount` >= 0."""

    amount: int
    unit: Unit
    start: int
    end: int
    type: Type = Type.INTERVAL


@dataclass(frozen=True, slots=True)
class Segment:
    """`in_segment(name)`; the checker adds the segment's own checked tree."""

    name: str
    start: int
    end: int
    tree: Node | None = None
    type: Type = Type.BOOLEAN


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function on its arguments; `and` and `or` take two or more."""

    op: Op
    args: tuple[Node, ...]
    start: int
    end: int
    type: Type | None = None


Node = Literal | Attribute | AsOf | Interval | Segment | Call


def is_real_arithmetic(node: Node) -> bool:
    """Whether a checked node calculates with doubles: NaN then passes through the whole calculation."""
    return isinstance(node, Call) and node.op in ARITHMETIC and node.type is Type.NUMBER
