"""The time in which something counts, as an author writes it: from `start` until before `end`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from campaigns.definitions.instants import format_instant, parse_instant
from campaigns.definitions.records import Record, found, refusal
from campaigns.errors import InvalidDefinition

_NEED = "need a date or time such as 2026-06-01 or 2026-06-01T00:00:00Z"


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise refusal(f"{_NEED}, found {found(value)}")
    try:
        return parse_instant(value)
    except InvalidDefinition:
        raise refusal(f"{_NEED}, found {found(value)}") from None


Instant = Annotated[
    datetime,
    PlainValidator(_instant),
    PlainSerializer(format_instant, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["2026-06-01", "2026-06-01T00:00:00Z"]}),
]


class Period(Record):
    """Without `start` it has always counted, without `end` it always will."""

    start: Instant | None = Field(default=None, description="The first instant at which it counts; default always.")
    end: Instant | None = Field(default=None, description="From when on it counts no more; default never.")

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.start and self.end and self.start >= self.end:
            raise refusal(f"need an end after the start, found {format_instant(self.end)}", "end")
        return self

    def covers(self, instant: datetime) -> bool:
        """Whether it counts at this instant."""
        return (self.start is None or self.start <= instant) and (self.end is None or instant < self.end)

    def meets(self, other: Period) -> bool:
        """Whether there is an instant at which both count."""
        return (self.start is None or other.end is None or self.start < other.end) and (
            other.start is None or self.end is None or other.start < self.end
        )

    @property
    def dates(self) -> str:
        """In words, such as `from 2026-01-01T00:00:00Z until 2026-07-01T00:00:00Z`."""
        parts = [
            f"{word} {format_instant(instant)}"
            for word, instant in (("from", self.start), ("until", self.end))
            if instant
        ]
        return " ".join(parts) or "always"
