"""Whatever the bytes of a file: records, or a refusal that names the file. Nothing else ever escapes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.definitions import load_campaign, load_workspace
from campaigns.errors import InvalidDefinition, Problem

ACME = Path(__file__).parent / "acme"
FILES = ("workspace.yaml", "campaigns/winback.yaml")
TOKENS = [
    *("{", "}", "[", "]", ":", ": ", "- ", "'", '"', "|", ">", "?", "#", "\\", "~", "null", "true", "ß", "🎁"),
    *("&a ", "*a", "!x ", "<<: ", "? ", "%YAML 9.9\n", "---\n", "\t", "\n", "\r", "\x00", "\x1b"),
    *(".nan", "-1", "1e400", "9" * 30, "\u2028", "\ufeff"),
]

bounded = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def problems(root: Path) -> list[Problem]:
    """What is wrong with the files; anything but a refusal escapes."""
    try:
        load_campaign(load_workspace(root), "winback")
    except InvalidDefinition as error:
        return list(error.problems) or [Problem("")]
    return []


def attempt(root: Path, file: str, content: bytes) -> None:
    for name in FILES:
        shutil.copyfile(ACME / name, root / name)
    (root / file).write_bytes(content)
    for problem in problems(root):
        assert problem.file in FILES
        assert problem.message
        assert str(problem).encode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "campaigns").mkdir()
    return tmp_path


@bounded
@given(st.sampled_from(FILES), st.binary(max_size=200))
def test_random_bytes(root: Path, file: str, content: bytes) -> None:
    attempt(root, file, content)


@bounded
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 20), st.sampled_from(TOKENS)), max_size=4),
)
def test_mutations_of_the_example(root: Path, file: str, edits: list[tuple[int, int, str]]) -> None:
    text = (ACME / file).read_text(encoding="utf-8")
    for at, removed, token in edits:
        position = at % (len(text) + 1)
        text = text[:position] + token + text[position + removed :]
    attempt(root, file, text.encode())


@bounded
@given(st.sampled_from(FILES), st.integers(0, 3000), st.integers(0, 255))
def test_a_flipped_byte(root: Path, file: str, at: int, byte: int) -> None:
    content = bytearray((ACME / file).read_bytes())
    content[at % len(content)] = byte
    attempt(root, file, bytes(content))
