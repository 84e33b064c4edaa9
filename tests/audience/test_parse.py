"""What the grammar allows, and what it refuses at which place."""

from __future__ import annotations

import time

import pytest

from campaigns.audience import Node, RuleError, parse
from campaigns.audience.tree import AsOf, Attribute, Call, Interval, Literal, Segment

ACCEPTED = [
    ("a and b or not c", "(or (and a b) (not c))"),
    ("a and b and (c and d)", "(and a b (and c d))"),
    ("not a = 1", "(not (= a 1))"),
    ("a + b * -c - 2 > 0", "(> (- (+ a (* b (unary - c))) 2) 0)"),
    ("a between 1 and 2 and b not between -3 and - 4", "(and (between a 1 2) (not (between b -3 -4)))"),
    ("a not in (1, 'it''s')", '(not (in a 1 "it\'s"))'),
    ("a is not null or b is null", "(or (not (is null a)) (is null b))"),
    ("'vip' in tags and contains(tags, 'x')", "(and (contains tags 'vip') (contains tags 'x'))"),
    ("name not like 'a%'", "(not (like name 'a%'))"),
    ("COALESCE(a, 1.5e3) <> 0 AND a != 1", "(and (<> (coalesce a 1500.0) 0) (<> a 1))"),
    ("at < as_of - interval '45 days'", "(< at (- as_of 45 day))"),
    ("at < as_of - interval '2' Weeks", "(< at (- as_of 2 week))"),
    ('in_segment(lapsed) or in_segment("new-parents")', "(or @lapsed @new-parents)"),
    ('"Fav. colour" = \'"\'', "(= Fav. colour '\"')"),
    ("show = true and date = date '2024-02-29'", "(and (= show True) (= date 2024-02-29))"),
    ("a = -9223372036854775808", "(= a -9223372036854775808)"),
    ("a -1 = 2", "(= (- a 1) 2)"),
    ("at = timestamp '2026-01-01 10:00:00.5'", "(= at 2026-01-01 10:00:00.500000)"),
]


def drawn(node: Node) -> str:
    match node:
        case Call(op=op, args=args):
            return f"({op} {' '.join(map(drawn, args))})"
        case Literal(value=value):
            return repr(value) if isinstance(value, str) else str(value)
        case Segment(name=name):
            return f"@{name}"
        case Interval(amount=amount, unit=unit):
            return f"{amount} {unit}"
        case Attribute(name=name):
            return name
        case AsOf():
            return "as_of"


@pytest.mark.parametrize(("text", "tree"), ACCEPTED)
def test_a_rule_becomes_a_tree(text: str, tree: str) -> None:
    assert drawn(parse(text)) == tree


FUNCTIONS = "allowed are abs, coalesce, contains, days_since, in_segment, length, lower, upper"
REFUSED = [
    ("a; drop table x", ";", "a rule is one expression: `;` and statements are not part of it"),
    ("a in (select 1)", "select", "sub-queries are not part of a rule"),
    ("read_csv('/etc/passwd')", "read_csv", f"unknown function `read_csv`: {FUNCTIONS}"),
    ("lowr(a) = 'x'", "lowr", "unknown function `lowr`: did you mean `lower`?"),
    ("nvl(a, 1) = 1", "nvl", f"unknown function `nvl`: {FUNCTIONS}"),
    ("a or 1=1 -- )", "-- )", "comments are not part of a rule"),
    ("a /* x */ = 1", "/* x */", "comments are not part of a rule"),
    ("cast(a as int) = 1", "cast", "casts are not part of a rule"),
    ("a::int = 1", "::", "casts are not part of a rule"),
    ("customers.a = 1", ".", "qualified names are not part of a rule: write the attribute alone"),
    ("a = ?", "?", "parameters are not part of a rule"),
    ("a = :x", ":", "parameters are not part of a rule"),
    ("a = @x", "@", "parameters are not part of a rule"),
    ("a = $1", "$1", "`$1` is not part of a rule"),
    ("a = $$x$$", "$$x$$", "`$$x$$` is not part of a rule"),
    ("a[1] = 1", "[", "`[` is not part of a rule"),
    ("{a}", "{", "`{` is not part of a rule"),
    ("case when a then b end", "case", "`case` is not part of a rule: combine conditions with and, or, not"),
    ("a || b = 'x'", "||", "`||` is not part of a rule: texts cannot be joined"),
    ("a == 1", "==", "`==` is not an operator: write `=`"),
    ("a = null", "null", "`null` is allowed only in `is null` and `is not null`: use `is null`"),
    ("a is true", "is", "`is` is allowed only in `is null` and `is not null`"),
    ("a like 'x' escape 'y'", "escape", "expected an operator, `and` or `or`, found `escape`"),
    ("a ilike 'x'", "ilike", "expected an operator, `and` or `or`, found `ilike`"),
    ("a = 'x' 'y'", "'y'", "expected an operator, `and` or `or`, found 'y'"),
    ("a = 1_000", "_000", "expected an operator, `and` or `or`, found `_000`"),
    ("a = 0x41", "x41", "expected an operator, `and` or `or`, found `x41`"),
    ("(a, b)", ",", "expected an operator, `and` or `or`, found `,`"),
    ("a in ()", ")", "expected a value, found `)`"),
    ("a and * b", "*", "expected a value, found `*`"),
    ("a and", "d", "expected a value, found the end of the rule"),
    ("  ", " ", "the rule is empty"),
    ("(a or b", "(", "this `(` is never closed"),
    ("a)", ")", "this `)` closes nothing"),
    ("a = 'x", "'", "this quote, or comment, is never closed"),
    ("a = b = c", "a = b", "put parentheses around this to say what is compared with what"),
    ("a = b is null", "b is null", "put parentheses around this to say what is compared with what"),
    ("a = not b", "not b", "put parentheses around this to say what is compared with what"),
    ("a between 1", "1", "this cannot be understood as a rule, near `1`"),
    ("a = 1e999", "1e999", "number 1e999 is too large for a double (at most about 1.8e308)"),
    ("d = date '2026-02-30'", "date '2026-02-30'", "'2026-02-30' is not a date: write date '2026-01-31'"),
    (
        "t = timestamp '2026-01-01'",
        "timestamp '2026-01-01'",
        "'2026-01-01' is not a timestamp: write timestamp '2026-01-31 00:00:00'",
    ),
    (
        "t > as_of - interval '99999 years'",
        "interval '99999 years'",
        "interval is too long: at most 10000 years",
    ),
    ('"" = 1', '""', "an attribute's name cannot be empty"),
    ("a = '\0'", "\0", "character U+0000 is not allowed in a rule"),
    ("a = '\ud800'", "\ud800", "character U+D800 is not allowed in a rule"),
]


@pytest.mark.parametrize(("text", "place", "message"), REFUSED)
def test_what_is_outside_the_grammar_is_refused_at_its_place(text: str, place: str, message: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse(text)

    error = refused.value
    assert (error.message, text[error.start : error.end]) == (message, place)
    assert error.errors == (error,)


@pytest.mark.parametrize(
    "spelling", ["interval '5'", "interval '-5 days'", "interval '1.5 days'", "interval '5 day' day"]
)
def test_an_interval_is_one_number_and_one_unit(spelling: str) -> None:
    with pytest.raises(RuleError, match="not an interval: write one number and one unit"):
        parse(f"t > as_of - {spelling}")


def test_an_integer_outside_64_bits_is_refused_and_the_range_is_named() -> None:
    with pytest.raises(RuleError, match=r"integer 9223372036854775808 is out of range: .* to 9223372036854775807"):
        parse("a = 9223372036854775808")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 10_000 + "a" + ")" * 10_000, "nested too deeply: at most 32 levels"),
        ("(" * 99_000, "nested too deeply: at most 32 levels"),
        ("not " * 10_000 + "a", "nested too deeply: at most 32 levels"),
        ("+".join(["a"] * 40_000), "nested too deeply: at most 64 levels"),
        ("a = '" + "x" * 1_000_000 + "'", "the rule has 1000006 characters, allowed are 100000"),
    ],
    ids=["parentheses", "open parentheses", "not", "sum", "1 MB"],
)
def test_an_attack_by_size_ends_in_a_clear_error_soon(text: str, message: str) -> None:
    began = time.monotonic()

    with pytest.raises(RuleError) as refused:
        parse(text)

    assert refused.value.message == message
    assert time.monotonic() - began < 10


def test_nesting_up_to_the_limit_works() -> None:
    assert drawn(parse("(" * 32 + "a" + ")" * 32)) == "a"
    assert drawn(parse("abs(" * 32 + "a" + ")" * 32)).count("abs") == 32


def test_a_chain_of_thousands_is_one_flat_node() -> None:
    tree = parse(" or ".join(f"a = {i}" for i in range(5_000)))

    assert isinstance(tree, Call)
    assert len(tree.args) == 5_000
