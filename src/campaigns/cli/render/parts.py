"""What all views are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from campaigns.cli.output import results

BAR = 24
MOST = 10
_EIGHTHS = " ▏▎▍▌▋▊▉"


def count(number: int | None) -> str:
    """A number with thousands separators; a dash when it is not known yet."""
    return "–" if number is None else f"{number:,}"


def bar(part: int, whole: int) -> Text:
    """A bar as long as the part of the whole, in eighths of a character; never empty for more than nothing."""
    eighths = 0 if not whole else max(round(part / whole * BAR * 8), 1 if part else 0)
    full, rest = divmod(eighths, 8)
    return Text("█" * full + (_EIGHTHS[rest] if rest else ""), style="cyan")


def columns(rows: Iterable[Sequence[RenderableType]], *, right: int = 1) -> Padding:
    """Rows under each other: `right` columns of numbers, then text; only the last column wraps."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table_rows = list(rows)
    for number in range(len(table_rows[0]) if table_rows else 0):
        last = number == len(table_rows[0]) - 1
        table.add_column(justify="right" if number < right else "left", no_wrap=not last, overflow="fold")
    for row in table_rows:
        table.add_row(*row)
    return indented(table)


def spoken(text: str) -> str:
    """Text from data as a terminal may show it: with quotes and escapes where it is not plain words."""
    return text if text.isprintable() and text == text.strip() != "" else repr(text)


def mark(ok: bool) -> Text:
    """A check mark or a cross; words where the terminal cannot show them."""
    symbol = "✓" if ok else "✗"
    try:
        symbol.encode(results().encoding)
    except UnicodeEncodeError:
        symbol = "ok" if ok else "NO"
    return Text(symbol, style="green" if ok else "bold red")


def marked(ok: bool, title: str) -> Text:
    """A verdict behind its mark."""
    return Text.assemble(mark(ok), " ", (title, "bold" if ok else "bold red"))


def indented(what: RenderableType) -> Padding:
    """Two characters to the right."""
    return Padding(what, (0, 0, 0, 2), expand=False)


def section(title: str, *body: RenderableType) -> Group:
    """A titled part of a view, with an empty line before it."""
    return Group("", Text(title, style="bold"), *body)


def shares(title: str, counts: Mapping[str, int]) -> list[RenderableType]:
    """Each name with its count, its share and a bar; the largest when there are many. Nothing for no counts."""
    if not counts:
        return []
    total = sum(counts.values())
    largest = sorted(counts, key=lambda name: (-counts[name], name))
    named = list(counts) if len(counts) <= MOST else largest[:MOST]
    rows: list[Sequence[RenderableType]] = [
        (count(counts[name]), f"{counts[name] / total:.1%}", bar(counts[name], total), name) for name in named
    ]
    if rest := largest[MOST:]:
        left = sum(counts[name] for name in rest)
        rows.append((count(left), f"{left / total:.1%}", bar(left, total), Text(f"{len(rest):,} more", style="dim")))
    return [section(title, columns(rows, right=2))]


def commands(title: str, lines: Iterable[str]) -> Group:
    """Commands to type, one a line, never wrapped: they are there to be copied."""
    return section(title, *(whole(Text(f"  {line}", style="green")) for line in lines))


def whole(text: Text) -> Text:
    """The text with its lines as they are, however narrow the terminal."""
    text.no_wrap, text.overflow = True, "ignore"
    return text
