"""Attributes: named values per customer, aggregated over an event table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, cast, get_args

from pydantic import ConfigDict, Field, model_validator

from campaigns.definitions.durations import Duration
from campaigns.definitions.records import Expression, Key, Matching, Record, refusal

Aggregate = Literal["count", "sum", "min", "max", "avg", "exists"]
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)

EventColumn = Annotated[
    str,
    Matching(r"[a-z0-9][a-z0-9_-]*\.[^\x00-\x1f\x7f]+", "an event table and its column, such as orders.total_cents"),
]


def exactly_one(used: Sequence[str], allowed: Sequence[str]) -> None:
    """Refuse anything but one of the allowed keys."""
    if len(used) != 1:
        raise refusal(f"need exactly one of {', '.join(allowed)}, found {' and '.join(used) or 'none'}")


class OverEvents(Record):
    """One aggregate over an event table, written `aggregate: table` or `aggregate: table.column`."""

    @property
    def aggregate(self) -> str:
        """The one aggregate that is used."""
        raise NotImplementedError

    @property
    def events(self) -> str:
        """The key of the event table that is aggregated."""
        return self._argument.split(".", 1)[0]

    @property
    def column(self) -> str | None:
        """The aggregated column; None for `count` and `exists`, which look at rows."""
        _, dot, column = self._argument.partition(".")
        return column if dot else None

    @property
    def _argument(self) -> str:
        return cast("str", getattr(self, self.aggregate))


class Attribute(OverEvents):
    """Exactly one aggregate over the events before `as_of`.

    Over no events `count` and `sum` are 0, `exists` is false, `min`, `max` and `avg` are NULL.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [aggregate]} for aggregate in AGGREGATES]})

    count: Key | None = Field(default=None, description="The event table whose rows are counted.")
    exists: Key | None = Field(default=None, description="The event table: true if it has at least one row.")
    sum: EventColumn | None = Field(default=None, description="`table.column`: the sum of the column.")
    min: EventColumn | None = Field(default=None, description="`table.column`: the smallest value of the column.")
    max: EventColumn | None = Field(default=None, description="`table.column`: the largest value of the column.")
    avg: EventColumn | None = Field(default=None, description="`table.column`: the mean of the column.")
    where: Expression | None = Field(
        default=None,
        description="A rule over the columns of the event table: only rows for which it is true count.",
    )
    within: Duration | None = Field(
        default=None,
        description="Only events from `as_of - within` count; without it, all events before `as_of`.",
    )

    @model_validator(mode="after")
    def _one_aggregate(self) -> Attribute:
        exactly_one(self._used(), AGGREGATES)
        return self

    def _used(self) -> list[Aggregate]:
        return [aggregate for aggregate in AGGREGATES if getattr(self, aggregate) is not None]

    @property
    def aggregate(self) -> Aggregate:
        """The one aggregate that is used."""
        return self._used()[0]
