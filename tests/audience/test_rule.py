"""A rule splits into the parts that its `and` joins: the steps of a funnel."""

from __future__ import annotations

from campaigns.audience import Type, check, conjuncts

TYPES = dict.fromkeys(("a", "b", "c", "d"), Type.BOOLEAN)
SEGMENTS = {"both": "c and d"}


def test_the_parts_keep_their_own_text_and_names() -> None:
    parts = conjuncts(check('a and (b  or not c) and in_segment("both") AND (a and d)', TYPES, SEGMENTS))

    assert [part.text for part in parts] == ["a", "(b  or not c)", 'in_segment("both")', "(a and d)"]
    assert [part.attributes for part in parts] == [{"a"}, {"b", "c"}, {"c", "d"}, {"a", "d"}]
    assert [part.segments for part in parts] == [set(), set(), {"both"}, set()]


def test_a_rule_without_a_conjunction_is_its_own_only_part() -> None:
    rule = check("a or b and c", TYPES, SEGMENTS)

    assert conjuncts(rule) == [rule]
