"""The documentation as data: pages with their code blocks, links, anchors, and the tree they draw."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
_TREE_LINE = re.compile(r"^(?P<indent>(?:│   |    )*)(?:├── |└── )(?P<name>\S+)(?:  +(?P<note>\S.*))?$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and where it begins."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def lines(self) -> list[str]:
        """The lines that say something."""
        return [line for line in self.text.splitlines() if line.strip()]


@dataclass(frozen=True)
class Page:
    """A Markdown file; `name` is its path in the repository."""

    name: str

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return ROOT / self.name

    @cached_property
    def tokens(self) -> list[Token]:
        """The page as CommonMark with tables."""
        return MarkdownIt("commonmark").enable("table").parse(self.path.read_text(encoding="utf-8"))

    @property
    def blocks(self) -> list[Block]:
        """Every fenced block, in order."""
        return [
            Block(self.name, (token.map or [0])[0] + 1, token.info.strip(), token.content)
            for token in self.tokens
            if token.type in ("fence", "code_block")
        ]

    @property
    def links(self) -> list[str]:
        """The targets of all links and images, as written."""
        return [
            str(target)
            for token in self.tokens
            for child in token.children or ()
            if (target := child.attrGet("href") or child.attrGet("src"))
        ]

    @property
    def headings(self) -> list[tuple[int, str]]:
        """(level, text) of every heading, in order."""
        return [
            (int(token.tag[1]), following.content)
            for token, following in zip(self.tokens, self.tokens[1:], strict=False)
            if token.type == "heading_open"
        ]

    @property
    def anchors(self) -> set[str]:
        """What `#...` may name on this page: headings in lower case, hyphens for spaces, no punctuation."""
        seen: Counter[str] = Counter()
        found = set()
        for _, heading in self.headings:
            slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return found


def pages() -> list[Page]:
    """README and every page of `docs`, by name."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    return [Page("README.md"), *(Page(path.relative_to(ROOT).as_posix()) for path in docs)]


def blocks(*languages: str) -> list[Block]:
    """Every block of the documentation in one of the languages."""
    return [block for page in pages() for block in page.blocks if block.language in languages]


def drawn_tree(block: Block) -> Iterator[tuple[str, str]]:
    """(path, note) of every entry of a drawn tree, whose first line is its root.

    Raises ValueError for a line that is no part of a tree.
    """
    root, *lines = block.lines
    parents = [root.split()[0].rstrip("/")]
    for line in lines:
        found = _TREE_LINE.match(line)
        if found is None:
            raise ValueError(f"{block}: not a line of a tree: {line!r}")
        depth = len(found["indent"]) // 4 + 1
        parents[depth:] = [found["name"].rstrip("/")]
        yield "/".join(parents), found["note"] or ""


def tracked_texts() -> dict[str, str]:
    """Every text file that is in the repository or would be, by path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    texts = {}
    for name in filter(None, listed.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" not in content:
            texts[name] = content.decode(errors="replace")
    return texts
