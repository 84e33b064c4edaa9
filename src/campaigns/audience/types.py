"""The types of rule values, and which of them may meet in one operation."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Type(StrEnum):
    """What a value of a rule is. The text of a member is the word used in messages."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TEXT_LIST = "list of text"
    INTERVAL = "interval"


NUMERIC = frozenset({Type.INTEGER, Type.NUMBER})
TEMPORAL = frozenset({Type.DATE, Type.TIMESTAMP})
ORDERED = NUMERIC | TEMPORAL | {Type.TEXT}
SCALAR = ORDERED | {Type.BOOLEAN}


def common(types: Iterable[Type]) -> Type | None:
    """Return the type in which values of these types compare, or None if they do not.

    An integer meets a number as number (a double), a date meets a timestamp as timestamp (its midnight, UTC).
    """
    found = frozenset(types)
    if len(found) == 1:
        return next(iter(found))
    if found == NUMERIC:
        return Type.NUMBER
    if found == TEMPORAL:
        return Type.TIMESTAMP
    return None
