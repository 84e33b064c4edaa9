"""Ranges of a bucket space as an author writes them: `0-40%`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from campaigns.definitions.records import found, refusal

WHOLE = 10_000
"""Basis points of everything."""

_PERCENT = r"(?:100(?:\.0{1,2})?|[0-9]{1,2}(?:\.[0-9]{1,2})?)"
_PATTERN = rf"({_PERCENT})%? ?- ?({_PERCENT})%"
_NEED = "need a range of percent such as 0-40% (0 to 100, at most two decimals)"


class Range(NamedTuple):
    """From `low` up to but not including `high`, in basis points: 0 to 10000."""

    low: int
    high: int

    @classmethod
    def parse(cls, value: object) -> Range:
        """`0-40%`. Raises a refusal for anything else, and for a range that holds nothing."""
        if isinstance(value, Range):
            return value
        match = re.fullmatch(_PATTERN, value) if isinstance(value, str) else None
        if match is None:
            raise refusal(f"{_NEED}, found {found(value)}")
        low, high = (round(float(text) * 100) for text in match.groups())
        if low >= high:
            raise refusal(f"{_NEED}, found {found(value)}, which is empty")
        return cls(low, high)

    def __str__(self) -> str:
        return f"{self.low / 100:g}-{self.high / 100:g}%"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.parse, serialization=core_schema.to_string_ser_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_PATTERN}$", "examples": ["0-40%", "12.5-37.5%"]}


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) and not isinstance(value, Range) else (Range.parse(value),)


Ranges = Annotated[tuple[Range, ...], BeforeValidator(_listed, json_schema_input_type=Range | tuple[Range, ...])]
"""One range, or a list of them."""


def overlaps(first: Iterable[Range], second: Iterable[Range]) -> list[Range]:
    """Where they meet, in order."""
    others = list(second)
    return sorted(
        Range(max(one.low, other.low), min(one.high, other.high))
        for one in first
        for other in others
        if max(one.low, other.low) < min(one.high, other.high)
    )


def without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """What is left of ranges when others are taken away, in order."""
    left = list(ranges)
    for other in taken:
        left = [
            part
            for one in left
            for part in (Range(one.low, min(one.high, other.low)), Range(max(one.low, other.high), one.high))
            if part.low < part.high
        ]
    return sorted(left)
