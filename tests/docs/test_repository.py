"""What the documentation says about the repository is so, and the repository says nothing about one machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import ROOT, Page, drawn_tree, pages, tracked_texts

SECTIONS = ["Context", "Decision", "Reasons", "Rejected alternatives", "Consequences"]
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|home|root|Users|tmp)/[\w.]")
PACKAGE_INDEX = re.compile(
    r"pypi\.org|pythonhosted\.org|(?<!no-emit-)index[-]url|find[-]links|artifact[o]ry", re.IGNORECASE
)
DECISIONS = [page for page in pages() if re.match(r"docs/decisions/\d", page.name)]


@pytest.fixture
def tree() -> dict[str, str]:
    """The annotated tree of the architecture page: path and note."""
    blocks = Page("docs/architecture.md").blocks
    return dict(drawn_tree(next(block for block in blocks if block.text.startswith("src/campaigns/"))))


def test_the_tree_shows_every_package_and_module(tree: dict[str, str]) -> None:
    assert sorted(set(source_paths()) - tree.keys()) == []


def test_the_tree_shows_nothing_that_does_not_exist(tree: dict[str, str]) -> None:
    assert [path for path in tree if not (ROOT / path).exists()] == []


def test_the_tree_says_what_everything_is(tree: dict[str, str]) -> None:
    assert [path for path, note in tree.items() if not note] == []


def test_a_drawn_tree_is_read_as_it_looks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```text\na/\n├── b/      first\n│   └── c.py  second\n└── d.py  last\n```\n")
    (block,) = Page(str(page)).blocks
    assert list(drawn_tree(block)) == [("a/b", "first"), ("a/b/c.py", "second"), ("a/d.py", "last")]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_a_decision_has_the_same_sections_as_the_others(page: Page) -> None:
    (level, title), *rest = page.headings
    assert level == 1
    assert title.startswith(f"{Path(page.name).name[:4]} ")
    assert rest == [(2, section) for section in SECTIONS]


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(Path(page.name).name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("pattern", [MACHINE_PATH, PACKAGE_INDEX], ids=["machine path", "package index"])
def test_no_file_names_a_machine_or_a_package_index(pattern: re.Pattern[str]) -> None:
    found = [f"{name}: {match[0]}" for name, text in tracked_texts().items() for match in pattern.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, "open('/" + "home/ada/x')"),
        (MACHINE_PATH, "sqlite:////" + "root/ledger.db"),
        (PACKAGE_INDEX, "--extra-index" + "-url https://example.org"),
        (PACKAGE_INDEX, "https://files." + "pythonhosted" + ".org/x.whl"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


def source_paths() -> Iterator[str]:
    """Every module of the source but `__init__.py`, which its folder stands for, and every folder above one."""
    for path in (ROOT / "src" / "campaigns").rglob("*.py"):
        shown = path.parent if path.name == "__init__.py" else path
        if shown != ROOT / "src" / "campaigns":
            yield shown.relative_to(ROOT).as_posix()
