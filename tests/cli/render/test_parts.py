"""What a terminal is shown of data."""

from __future__ import annotations

import pytest

from campaigns.cli.render.parts import spoken


@pytest.mark.parametrize("text", ["c001", "marketplace/c001", "O'Brien 7", "日本", "🛒"])
def test_plain_words_are_shown_as_they_are(text: str) -> None:
    assert spoken(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", r"'\x1b[31mred\x07'"),
        ("two\nlines", r"'two\nlines'"),
        (" padded ", "' padded '"),
        ("", "''"),
    ],
)
def test_what_could_move_the_cursor_or_hide_is_quoted(text: str, shown: str) -> None:
    assert spoken(text) == shown
