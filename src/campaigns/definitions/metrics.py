"""Metrics: what a campaign is judged by, measured per customer over events after the exposure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, model_validator

from campaigns.definitions.attributes import EventColumn, OverEvents, exactly_one
from campaigns.definitions.durations import Duration
from campaigns.definitions.records import Expression, Key, Record, refusal

Measuring = Literal["exists", "count", "sum"]
MEASURES: tuple[Measuring, ...] = get_args(Measuring)

_ONE_OF: dict[str, Any] = {"oneOf": [{"required": [measure]} for measure in MEASURES]}


class Measure(OverEvents):
    """Exactly one aggregate over a customer's events. Over no events it is 0; values that are NULL add nothing."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF)

    exists: Key | None = Field(default=None, description="The event table: 1 if the customer has at least one row.")
    count: Key | None = Field(default=None, description="The event table whose rows are counted.")
    sum: EventColumn | None = Field(default=None, description="`table.column`: the sum of the column.")
    where: Expression | None = Field(
        default=None,
        description="A rule over the columns of the event table: only rows for which it is true count.",
    )

    @model_validator(mode="after")
    def _one_measure(self) -> Measure:
        exactly_one([name for name in MEASURES if getattr(self, name) is not None], MEASURES)
        return self

    @property
    def aggregate(self) -> Measuring:
        """The one aggregate that is used."""
        return next(name for name in MEASURES if getattr(self, name) is not None)

    def __str__(self) -> str:
        return f"{self.aggregate} {self._argument}" + (f" where {self.where}" if self.where else "")


class Ratio(Record):
    """The sum of one measure over all customers, divided by the sum of another."""

    numerator: Measure = Field(description="What is divided.")
    denominator: Measure = Field(description="What it is divided by.")


class Metric(Record):
    """Exactly one measure, or a ratio of two, of the events within a time after the customer's exposure."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in (*MEASURES, "ratio")]},
    )

    exists: Key | None = Field(default=None, description="The event table: the share of customers with a row of it.")
    count: Key | None = Field(default=None, description="The event table whose rows are counted.")
    sum: EventColumn | None = Field(default=None, description="`table.column`: the sum of the column.")
    ratio: Ratio | None = Field(default=None, description="The sum of one measure divided by the sum of another.")
    where: Expression | None = Field(
        default=None,
        description="A rule over the columns of the event table: only rows for which it is true count.",
    )
    within: Duration = Field(description="Only events from the exposure until this much later count.")
    covariate: Duration | None = Field(
        default=None,
        description="The same measure over this time before the exposure makes the interval narrower (CUPED).",
    )
    winsorize: Annotated[float, Field(strict=True, ge=50, lt=100, allow_inf_nan=False)] | None = Field(
        default=None,
        description="A percentile such as 99.9: customers' values above it count as much as it. Default: none.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Metric:
        kinds = (*MEASURES, "ratio")
        used = [name for name in kinds if getattr(self, name) is not None]
        exactly_one(used, kinds)
        if self.ratio is not None and self.where is not None:
            raise refusal("a ratio has its rules in numerator and denominator, found one beside it", "where")
        if self.winsorize is not None and used[0] not in ("count", "sum"):
            raise refusal(f"only count and sum can be winsorized, found {used[0]}", "winsorize")
        return self

    @property
    def parts(self) -> Mapping[str, Measure]:
        """What is measured of each customer: `value`, for a ratio also `denominator`."""
        if self.ratio is not None:
            return {"value": self.ratio.numerator, "denominator": self.ratio.denominator}
        return {"value": Measure(exists=self.exists, count=self.count, sum=self.sum, where=self.where)}

    def path(self, part: str) -> tuple[str, ...]:
        """Where a part is written, from the metric down."""
        return () if self.ratio is None else ("ratio", "numerator" if part == "value" else part)

    @property
    def events(self) -> frozenset[str]:
        """The keys of the event tables that are measured."""
        return frozenset(measure.events for measure in self.parts.values())

    @property
    def what(self) -> str:
        """What is measured, in words."""
        return f"{' / '.join(map(str, self.parts.values()))} within {self.within}"
