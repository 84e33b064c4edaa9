"""YAML in: bounded, with places, and nothing that surprises."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns.definitions.source_text import SourceText, decode
from campaigns.definitions.tree import plain, read_tree
from campaigns.errors import InvalidDefinition


def read(text: str) -> Any:
    tree, problems = read_tree(SourceText("f.yaml", text))
    assert not problems
    return plain(tree)


def refused(text: str) -> list[str]:
    """The problems of a text as `line:column message`."""
    try:
        _, problems = read_tree(SourceText("f.yaml", text))
    except InvalidDefinition as error:
        problems = list(error.problems)
    return [f"{problem.line}:{problem.column} {problem.message}" for problem in problems]


def test_only_the_core_schema_gives_plain_text_another_meaning() -> None:
    text = "[no, on, 2017-01-01, 12:30, 1_000, true, ~, 7, 0x1f, 0o17, 1.5, 1e3, 'true', \"7\", yes]"
    assert read(text) == [
        *("no", "on", "2017-01-01", "12:30", "1_000", True, None),
        *(7, 31, 15, 1.5, 1000.0, "true", "7", "yes"),
    ]


def test_a_key_is_always_text() -> None:
    assert read("{1: a, true: b, null: c, 2017-01-01: d}") == {
        "1": "a",
        "true": "b",
        "null": "c",
        "2017-01-01": "d",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb:\n  c: 2\na: 3\n", "4:1 key 'a' is written twice; the first is in line 1"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "2:5 merge keys (<<) are not supported; write the keys out"),
        (
            "a: !!python/object:os.system x",
            "1:4 tag 'tag:yaml.org,2002:python/object:os.system' is not supported",
        ),
        ("a: 1\n\tb: 2\n", "2:1 a tab cannot indent; use spaces"),
        ("a: [1, 2\nb: 3\n", "2:2 not valid YAML"),
        ("a: b: c\n", "1:5 not valid YAML"),
        ("a: *nobody\n", "1:4 alias *nobody has no anchor &nobody before it"),
        ("a: &x [*x]\n", "1:8 alias *x contains itself"),
        ("a: 1\n---\nb: 2\n", "2:1 a second document starts here"),
        ("? [a, b]\n: 1\n", "1:3 a key must be text"),
        ("a: 9223372036854775808", "1:4 the number needs more than 64 bits"),
        (f"a: {'9' * 5000}", "1:4 the number needs more than 64 bits"),
        ("a: 1e999", "1:4 the number is too large"),
        ("a: .inf", "1:4 .inf is not a finite number"),
        ('a: "x\\0"', "1:4 the text has a NUL"),
        ("", "1:1 the file is empty"),
        ("# only a comment\n", "1:1 the file is empty"),
        ("---\n", "1:1 the file is empty"),
    ],
)
def test_what_is_refused_says_where_and_why(text: str, problem: str) -> None:
    (found,) = refused(text)
    assert problem in found.replace("not valid YAML: a tab", "a tab")


def test_an_alias_repeats_its_anchor() -> None:
    assert read("a: &x {b: [1, 2]}\nc: *x\n") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


def test_aliases_that_explode_are_refused_at_once() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
    )
    (problem,) = refused(bomb)
    assert "more than 100,000 values once its aliases are expanded" in problem


def test_deep_nesting_is_refused_whether_written_or_made_of_aliases() -> None:
    assert "nested more than 50 levels deep" in refused("[" * 100_000)[0]
    tower = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 60))
    assert "nests more than 50 levels deep" in refused(tower)[0]


def test_fifty_levels_are_allowed() -> None:
    value = read("[" * 50 + "]" * 50)
    for _ in range(49):
        (value,) = value
    assert value == []


def test_one_fault_does_not_hide_the_next() -> None:
    assert len(refused("a: 1\na: 2\nb: .nan\nc: !x y\n<<: {}\n")) == 4


def test_invalid_utf_8_names_the_byte() -> None:
    with pytest.raises(InvalidDefinition, match=r"f\.yaml: not valid UTF-8: byte 0xff at offset 4"):
        decode("f.yaml", b"a: '\xff'\n")


def test_a_control_character_is_shown_by_its_number() -> None:
    with pytest.raises(InvalidDefinition, match=r"f\.yaml:2:4: control character U\+001B is not allowed"):
        decode("f.yaml", b"a: 1\nb: \x1b[31m\n")


def test_more_than_ten_megabytes_are_refused() -> None:
    with pytest.raises(InvalidDefinition, match="larger than 10 MB"):
        decode("f.yaml", b" " * (10 * 1024 * 1024 + 1))


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode("f.yaml", b"\xef\xbb\xbfa: 1").text == "a: 1"
