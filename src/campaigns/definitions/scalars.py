"""What a plain scalar means: YAML 1.2's core schema and nothing else.

`true`, `null` and numbers are values; `no`, `on`, `2017-01-01` and `12:30` are text.
"""

from __future__ import annotations

import re

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_INTEGER = 25


def plain_value(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar. Raise ValueError for a number that no 64-bit number can hold."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _NUMBER.fullmatch(text):
        return _finite(float(text))
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number; put it in quotes if it is text")
    return text


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    value = int(text, base) if len(text) <= _LONGEST_INTEGER else None
    if value is None or not -(2**63) <= value < 2**63:
        raise ValueError("the number needs more than 64 bits; put it in quotes if it is text")
    return value


def _finite(value: float) -> float:
    if value in (float("inf"), float("-inf")):
        raise ValueError("the number is too large; put it in quotes if it is text")
    return value
