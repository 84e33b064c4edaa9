"""Spans of time as an author writes them: `90 days`."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from campaigns.definitions.records import found, refusal

Unit = Literal["second", "minute", "hour", "day", "week", "month", "year"]

_SECONDS: dict[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_MONTHS: dict[str, int] = {"month": 1, "year": 12}
_LONGEST_SECONDS = 36_525 * 86_400
_LONGEST_MONTHS = 1_200
_PATTERN = rf"([1-9][0-9]{{0,9}}) +({'|'.join(get_args(Unit))})s?"


@dataclass(frozen=True, slots=True)
class Duration:
    """A positive number of one unit, at most 100 years.

    Months and years are calendar steps: they keep the day of the month, or clamp to the month's last day.
    """

    amount: int
    unit: Unit

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit):
            raise ValueError(f"duration unit {self.unit!r}: use {', '.join(get_args(Unit))}")
        if self.amount <= 0:
            raise ValueError(f"duration {self}: need an amount of at least 1")
        size, longest = (
            (self.amount * _MONTHS[self.unit], _LONGEST_MONTHS)
            if self.unit in _MONTHS
            else (self.amount * _SECONDS[self.unit], _LONGEST_SECONDS)
        )
        if size > longest:
            raise ValueError(f"duration {str(self)!r}: need at most 100 years")

    @classmethod
    def parse(cls, text: str) -> Duration:
        """`90 days`, `1 month`: raise ValueError if the text is anything else."""
        match = re.fullmatch(_PATTERN, text)
        if match is None:
            raise ValueError(f"need a duration such as '90 days' ({', '.join(get_args(Unit))}), found {found(text)}")
        unit: Any = match[2]
        return cls(int(match[1]), unit)

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}" + ("" if self.amount == 1 else "s")

    def before(self, moment: datetime) -> datetime:
        """The moment this much earlier, never before year 1."""
        return self._shift(moment, -1)

    def after(self, moment: datetime) -> datetime:
        """The moment this much later, never after year 9999."""
        return self._shift(moment, 1)

    def _shift(self, moment: datetime, sign: int) -> datetime:
        try:
            if self.unit in _MONTHS:
                return _add_months(moment, sign * self.amount * _MONTHS[self.unit])
            return moment + timedelta(seconds=sign * self.amount * _SECONDS[self.unit])
        except (OverflowError, ValueError):
            edge = datetime.max if sign > 0 else datetime.min  # noqa: DTZ901 - gets its zone in the next line
            return edge.replace(tzinfo=moment.tzinfo)

    @classmethod
    def _validate(cls, value: object) -> Duration:
        if isinstance(value, Duration):
            return value
        if not isinstance(value, str):
            raise refusal(f"need a duration such as '90 days', found {found(value)}")
        try:
            return cls.parse(value)
        except ValueError as error:
            raise refusal(str(error)) from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_PATTERN}$", "examples": ["90 days", "1 month"]}


def _add_months(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    last_day = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))
