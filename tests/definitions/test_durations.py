"""`90 days`, and what it is added to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from campaigns.definitions import Duration


@pytest.mark.parametrize("text", ["1 second", "2 minutes", "36 hours", "90 days", "1 week", "18 months", "2 years"])
def test_a_duration_reads_as_it_is_written(text: str) -> None:
    assert str(Duration.parse(text)) == text


def test_the_plural_is_optional() -> None:
    assert Duration.parse("90 day") == Duration(90, "day")
    assert Duration.parse("1 days") == Duration(1, "day")


@pytest.mark.parametrize("text", ["90", "90 dys", "0 days", "-1 days", "1.5 days", "days", " 90 days", "90 days\n", ""])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="need a duration such as '90 days'"):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["36526 days", "101 years", "1201 months", "9999999999 seconds"])
def test_more_than_a_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="need at most 100 years"):
        Duration.parse(text)


def test_days_are_24_hours_and_months_are_calendar_steps() -> None:
    moment = datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert Duration(90, "day").before(moment) == datetime(2025, 12, 31, 12, tzinfo=UTC)
    assert Duration(1, "month").before(moment) == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert Duration(25, "month").before(moment) == datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert Duration(1, "month").after(moment) == datetime(2026, 4, 30, 12, tzinfo=UTC)
    assert Duration(1, "year").after(datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2029, 2, 28, tzinfo=UTC)


def test_the_calendar_ends_but_the_call_does_not_fail() -> None:
    assert Duration(100, "year").before(datetime(50, 1, 1, tzinfo=UTC)) == datetime(1, 1, 1, tzinfo=UTC)
    late = datetime(9999, 12, 1, tzinfo=UTC)
    for duration in (Duration(2, "month"), Duration(60, "day")):
        assert duration.after(late) == datetime.max.replace(tzinfo=UTC)


def test_an_impossible_duration_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Duration(0, "day")
    with pytest.raises(ValueError, match="'fortnight': use second, minute"):
        Duration(1, "fortnight")  # type: ignore[arg-type]
