"""The meaning of rules, by example. The agreement test holds DuckDB to the same."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest

from campaigns.audience import Type, check, evaluate

AS_OF = datetime.fromisoformat("2026-06-01 12:00:00")
ROW: dict[str, object] = {
    "yes": True,
    "no": False,
    "unknown": None,
    "orders": 7,
    "most": 2**63 - 1,
    "spend": 2.5,
    "nan": math.nan,
    "endless": math.inf,
    "name": "Émile_%",
    "missing": None,
    "joined": date(2024, 2, 29),
    "seen_at": datetime.fromisoformat("2026-05-31 12:00:01"),
    "tags": ["vip", None],
    "no_tags": None,
}
TYPES = {
    **dict.fromkeys(("yes", "no", "unknown"), Type.BOOLEAN),
    **dict.fromkeys(("orders", "most"), Type.INTEGER),
    **dict.fromkeys(("spend", "nan", "endless"), Type.NUMBER),
    **dict.fromkeys(("name", "missing"), Type.TEXT),
    **dict.fromkeys(("tags", "no_tags"), Type.TEXT_LIST),
    "joined": Type.DATE,
    "seen_at": Type.TIMESTAMP,
}
SEGMENTS = {"unsure": "unknown", "sure": "yes"}


def value(text: str) -> object:
    return evaluate(check(text, TYPES, SEGMENTS, want=None), ROW, AS_OF)


Example = tuple[str, object]
LOGIC: list[Example] = [
    ("yes and unknown", None),
    ("no and unknown", False),
    ("yes or unknown", True),
    ("no or unknown", None),
    ("not unknown", None),
    ("unknown = unknown", None),
    ("unknown is null", True),
    ("yes is not null", True),
    ("orders in (7, nan)", True),
    ("orders in (8, nan)", None),
    ("orders not in (8, nan)", None),
    ("missing in ('a')", None),
    ("orders between 1 and nan", None),
    ("orders between 8 and nan", False),
    ("orders not between 8 and nan", True),
]
NEVER_NULL: list[Example] = [
    ("'vip' in tags", True),
    ("'x' in tags", False),
    ("'x' in no_tags", False),
    ("missing in tags", False),
    ("not contains(no_tags, 'x')", True),
    ("in_segment(unsure)", False),
    ("not in_segment(unsure)", True),
    ("in_segment(sure)", True),
]
NUMBERS: list[Example] = [
    ("orders / 2", 3.5),
    ("orders / 0", None),
    ("spend / -0.0", None),
    ("most + 1", None),
    ("most + 1 - 1", None),
    ("abs(-most - 1)", None),
    ("-(-most - 1)", None),
    ("most * 1.0", 2.0**63),
    ("nan is null", True),
    ("endless - endless", None),
    ("endless > 1e308", True),
    ("coalesce(nan, 1)", 1.0),
    ("9007199254740993 = 9007199254740992.0", True),
]
TEXT: list[Example] = [
    ("lower('ÉCOLE')", "École"),
    ("upper('éa')", "éA"),
    ("length('🎉é')", 2),
    ("name like 'É%\\%'", False),
    ("name like '_mile__'", True),
    ("name like 'é%'", False),
    ("'Z' < 'a'", True),
    ("'\uffff' < '🎉'", True),
]
TIME: list[Example] = [
    ("joined + interval '1 year'", datetime.fromisoformat("2025-02-28")),
    ("timestamp '2026-03-31 08:00:00' - interval '1 month'", datetime.fromisoformat("2026-02-28 08:00:00")),
    ("date '9999-12-31' + interval '1 day'", None),
    ("date '0001-01-01' - interval '1 month'", None),
    ("joined = timestamp '2024-02-29 00:00:00'", True),
    ("days_since(seen_at)", 0),
    ("days_since(date '2026-05-30')", 2),
    ("days_since(date '2026-06-02')", -1),
    ("seen_at < as_of", True),
]


@pytest.mark.parametrize(("text", "expected"), [*LOGIC, *NEVER_NULL, *NUMBERS, *TEXT, *TIME])
def test_a_rule_means_what_is_written_down(text: str, expected: object) -> None:
    found = value(text)

    assert found == expected
    assert type(found) is type(expected)


def test_an_as_of_with_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="give UTC without one"):
        evaluate(check("yes", TYPES, SEGMENTS), ROW, datetime(2026, 6, 1, tzinfo=UTC))


def test_an_attribute_that_the_row_lacks_is_an_error_and_not_a_null() -> None:
    with pytest.raises(KeyError, match="yes"):
        evaluate(check("yes", TYPES, SEGMENTS), {}, AS_OF)
