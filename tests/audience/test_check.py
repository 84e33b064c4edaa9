"""The checker resolves names, agrees types and inlines segments; it reports everything it finds at once."""

from __future__ import annotations

import time

import pytest

from campaigns.audience import RuleError, Type, check

TYPES = {
    "orders": Type.INTEGER,
    "spend": Type.NUMBER,
    "name": Type.TEXT,
    "vip": Type.BOOLEAN,
    "joined": Type.DATE,
    "seen_at": Type.TIMESTAMP,
    "tags": Type.TEXT_LIST,
}
SEGMENTS = {
    "lapsed": "seen_at < as_of - interval '45 days'",
    "staff": "contains(tags, 'staff')",
    "lapsed_staff": "in_segment(lapsed) and in_segment(staff) and vip",
}


def found(text: str, segments: dict[str, str] = SEGMENTS, want: Type | None = Type.BOOLEAN) -> list[tuple[str, str]]:
    with pytest.raises(RuleError) as refused:
        check(text, TYPES, segments, want)
    return [(text[error.start : error.end], error.message) for error in refused.value.errors]


def test_a_rule_knows_the_attributes_and_segments_it_uses_also_through_segments() -> None:
    rule = check("in_segment(lapsed_staff) and orders > 1", TYPES, SEGMENTS)

    assert rule.type is Type.BOOLEAN
    assert rule.attributes == {"orders", "seen_at", "tags", "vip"}
    assert rule.segments == {"lapsed_staff", "lapsed", "staff"}


def test_every_error_of_a_rule_is_reported_at_once_in_the_order_of_the_text() -> None:
    assert found("nam = 'x' and abs(orders, 1) > 2 and tags = 'x' and in_segment(lapsd)") == [
        ("nam", "unknown attribute `nam`, did you mean `name`?"),
        ("abs(orders, 1)", "`abs` takes 1 argument, found 2"),
        ("tags = 'x'", "cannot compare list of text with text: write 'x' in tags, or contains(tags, 'x')"),
        ("in_segment(lapsd)", "unknown segment `lapsd`, did you mean `lapsed`?"),
    ]


WRONG = [
    ("name > 1", "name > 1", "cannot compare text with integer: write the number without quotes"),
    (
        "seen_at > '2026-01-01'",
        "seen_at > '2026-01-01'",
        "cannot compare timestamp with text: write date '2026-01-31' or timestamp '2026-01-31 00:00:00'",
    ),
    ("vip < true", "vip < true", "`<` takes integer, number, text, date or timestamp, found boolean"),
    (
        "vip between false and true",
        "vip between false and true",
        "`between` takes integer, number, text, date or timestamp, found boolean",
    ),
    ("orders in (1, 'a')", "orders in (1, 'a')", "cannot compare integer with text: write the number without quotes"),
    ("orders", "orders", "a rule must be true or false; this is of type integer"),
    ("vip and orders", "orders", "`and` takes boolean, found integer"),
    ("not name", "name", "`not` takes boolean, found text"),
    ("'x' in name", "name", "`contains` takes list of text, found text"),
    ("1 in tags", "1", "`contains` takes text, found integer"),
    ("name like name", "name", "the pattern of `like` must be a text in single quotes"),
    ("orders like '1'", "orders", "`like` takes text, found integer"),
    ("seen_at - joined > 1", "seen_at - joined", "cannot subtract a date or timestamp from another: use days_since(t)"),
    (
        "seen_at + 1 > seen_at",
        "seen_at + 1",
        "cannot calculate with timestamp with integer: add an interval, as in t + interval '7 days'",
    ),
    ("interval '1 day' > interval '1 hour'", "interval '1 day' > interval '1 hour'", "cannot compare interval"),
    ("-name = 'x'", "-name", "cannot calculate with text"),
    ("length(tags) > 1", "tags", "`length` takes text, found list of text"),
    (
        "coalesce(orders, name) = 1",
        "coalesce(orders, name)",
        "`coalesce` takes values of one type, found integer with text",
    ),
    ("coalesce(orders) = 1", "coalesce(orders)", "`coalesce` takes 2 or more arguments, found 1"),
    ("days_since(orders) > 1", "orders", "`days_since` takes date or timestamp, found integer"),
    ("lower() = 'x'", "lower()", "`lower` takes 1 argument, found 0"),
]


@pytest.mark.parametrize(("text", "place", "message"), WRONG)
def test_types_that_do_not_agree_are_refused_at_their_place(text: str, place: str, message: str) -> None:
    assert found(text) == [(place, message)]


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("orders + 1", Type.INTEGER),
        ("orders + spend", Type.NUMBER),
        ("orders / 2", Type.NUMBER),
        ("coalesce(name, 'there')", Type.TEXT),
        ("coalesce(joined, seen_at)", Type.TIMESTAMP),
        ("joined + interval '1 day'", Type.TIMESTAMP),
        ("interval '1 day' + joined", Type.TIMESTAMP),
        ("days_since(joined)", Type.INTEGER),
        ("joined", Type.DATE),
        ("tags", Type.TEXT_LIST),
        ("orders > 1.5", Type.BOOLEAN),
    ],
)
def test_an_expression_has_the_type_of_its_value(text: str, type_: Type) -> None:
    assert check(text, TYPES, SEGMENTS, want=None).type is type_


def test_an_interval_alone_is_no_value() -> None:
    message = "an interval alone is not a value: add it to a timestamp"
    assert found("interval '1 day'", want=None) == [("interval '1 day'", message)]


def test_a_cycle_of_segments_is_shown() -> None:
    segments = {"a": "in_segment(b)", "b": "vip or in_segment(a)"}

    assert found("in_segment(a)", segments) == [("in_segment(a)", "segments form a cycle: a -> b -> a")]


def test_a_broken_segment_is_an_error_at_its_use_which_names_it() -> None:
    segments = {"outer": "in_segment(broken)", "broken": "name > 1"}

    assert found("vip and in_segment(outer)", segments) == [
        (
            "in_segment(outer)",
            "segment `broken` has an error: cannot compare text with integer: write the number without quotes",
        )
    ]


def test_segments_that_multiply_are_refused_before_they_are_written_out() -> None:
    segments = {f"s{i}": " or ".join([f"in_segment(s{i + 1})"] * 9) for i in range(9)} | {"s9": "vip"}
    began = time.monotonic()

    [(_, message)] = found("in_segment(s0)", segments)

    assert "too large with its segments written out" in message
    assert time.monotonic() - began < 2


def test_segments_in_a_long_row_are_refused() -> None:
    segments = {f"s{i}": f"in_segment(s{i + 1})" for i in range(40)} | {"s40": "vip"}

    [(_, message)] = found("in_segment(s0)", segments)

    assert message.endswith("segments use each other more than 16 deep")


def test_guards_that_multiply_are_refused() -> None:
    text = "spend"
    for _ in range(16):
        text = f"(coalesce({text}, 0) / spend)"

    [(_, message)] = found(f"{text} > 1")

    assert message.startswith("too large with its segments written out")
