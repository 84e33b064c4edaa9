"""An error inside a rule is underlined where the author wrote it, however the rule is quoted or folded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.definitions.source_text import SourceText
from campaigns.definitions.spans import span
from campaigns.definitions.tree import Mapping, Scalar, read_tree


def locate(text: str, wanted: str) -> tuple[int, int, str]:
    """Line, column and written text of `wanted` inside the value of the key `rule`."""
    source = SourceText("f.yaml", text)
    tree, _ = read_tree(source)
    assert isinstance(tree, Mapping)
    scalar = tree.values["rule"]
    assert isinstance(scalar, Scalar)
    at = scalar.text.index(wanted)
    start, end = span(source, scalar, at, at + len(wanted))
    problem = source.problem("x", start, end)
    return problem.line, problem.column, text[start:end]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("rule: a and wrong = 1\n", (1, 13, "wrong")),
        ("rule: a and\n  b and\n\n  wrong = 1\n", (4, 3, "wrong")),
        ("rule: 'a = ''x'' and wrong = 1'\n", (1, 22, "wrong")),
        ("rule: 'a = ''x''   \n    and wrong = 1'\n", (2, 9, "wrong")),
        ('rule: "a = \\"x\\" \\u00e9 and wrong"\n', (1, 29, "wrong")),
        ('rule: "a and \\\n    b and\n   wrong"\n', (3, 4, "wrong")),
        ("rule: |\n  a and\n   b and\n\n  wrong = 1\n", (5, 3, "wrong")),
        ("rule: |2-\n    a and\n  wrong = 1\n", (3, 3, "wrong")),
        ("rule: >\n  a and\n  b and\n\n  c and\n    more\n  wrong = 1\n\n", (7, 3, "wrong")),
        ("rule: >-\n\n  a and\n  wrong = 1", (4, 3, "wrong")),
        ("{other: [x], rule: a and wrong}\n", (1, 26, "wrong")),
        ("rule: naïve = '🎁' and wrong\r\nnext: 1\r\n", (1, 23, "wrong")),
        ("rule: a and\r\n  wrong\r\n", (2, 3, "wrong")),
    ],
)
def test_the_place_is_followed_back_through_every_style(text: str, place: tuple[int, int, str]) -> None:
    assert locate(text, "wrong") == place


def test_an_error_at_the_end_of_a_rule_points_behind_its_last_character() -> None:
    source = SourceText("f.yaml", "rule: a and\n")
    tree, _ = read_tree(source)
    assert isinstance(tree, Mapping)
    rule = tree.values["rule"]
    assert isinstance(rule, Scalar)
    assert span(source, rule, 5, 5) == (11, 12)


WORDS = st.lists(st.text("ab'\" ü🎁\\", min_size=1, max_size=6), min_size=1, max_size=6)


@given(WORDS, st.sampled_from("|>"), st.integers(1, 6), st.integers(0, 2))
def test_every_character_of_a_block_is_found_where_it_was_written(
    words: list[str], style: str, indentation: int, blank_lines: int
) -> None:
    pad, gap = " " * indentation, "\n" * (blank_lines + 1)
    body = gap.join(f"{pad}x{word}" for word in words)
    _every_character_is_itself(f"rule: {style}\n{body}\nnext: 1\n")


@given(WORDS, st.integers(1, 6), st.integers(0, 2))
def test_every_character_of_a_quoted_text_is_found_where_it_was_written(
    words: list[str], indentation: int, blank_lines: int
) -> None:
    gap = "\n" * (blank_lines + 1) + " " * indentation
    body = gap.join(words).replace("'", "''")
    _every_character_is_itself(f"rule: '{body}'\nnext: 1\n")


def _every_character_is_itself(text: str) -> None:
    source = SourceText("f.yaml", text)
    tree, _ = read_tree(source)
    assert isinstance(tree, Mapping)
    scalar = tree.values["rule"]
    assert isinstance(scalar, Scalar)
    for at, character in enumerate(scalar.text):
        start, _ = span(source, scalar, at, at + 1)
        assert text[start] == character or (text[start] == "\n" and character == " ")
