"""The way from a character of a scalar's text back to the character in the file that wrote it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from campaigns.definitions.source_text import SourceText
from campaigns.definitions.tree import Scalar

Written = list[tuple[str, int]]
"""Characters of a value, each with the offset of the file where it is written."""

_BREAK = "\r\n\x85\u2028\u2029"
_BLANK = " \t"
_DEEPEST_DIFFERENCE = 64
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_NAMED = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip


def span(source: SourceText, scalar: Scalar, start: int, end: int | None) -> tuple[int, int]:
    """The offsets in the file of the characters [start, end) of the scalar's text.

    What cannot be followed back (which the tests have never seen) yields the whole scalar.
    """
    offsets = _offsets(source, scalar)
    if not offsets:
        return scalar.start, scalar.end
    first = offsets[min(start, len(offsets) - 1)] + (1 if start >= len(offsets) else 0)
    last = len(offsets) if end is None else min(end, len(offsets))
    return first, max(first + 1, offsets[last - 1] + 1)


def _offsets(source: SourceText, scalar: Scalar) -> list[int] | None:
    for written in _readings(source, scalar):
        characters = "".join(character for character, _ in written)
        if characters.startswith(scalar.text):
            return [offset for _, offset in written[: len(scalar.text)]]
    return None


def _readings(source: SourceText, scalar: Scalar) -> Iterator[Written]:
    """What the scalar may say; a block's indentation is found by trying: the value tells which is right."""
    if scalar.style in ("|", ">"):
        lines = _lines(source, scalar)
        first = next((text for text, _ in lines if text.strip(" ")), "")
        detected = len(first) - len(first.lstrip(" "))
        for indentation in range(detected, max(-1, detected - _DEEPEST_DIFFERENCE), -1):
            yield list(_block(lines, indentation, folded=scalar.style == ">"))
    else:
        yield _flow(source.text, scalar)


def _flow(text: str, scalar: Scalar) -> Written:
    quotes = 1 if scalar.style else 0
    position, end = scalar.start + quotes, scalar.end - quotes
    written: Written = []
    kept = 0
    while position < end:
        if text[position] in _BREAK:
            while len(written) > kept and written[-1][0] in _BLANK:
                written.pop()
            folded, position = _fold(text, position, end)
            written += folded
            kept = len(written)
        elif scalar.style == "'" and text[position] == "'":
            written.append(("'", position))
            position += 2
        elif scalar.style == '"' and text[position] == "\\":
            position = _escape(text, position, end, written)
            kept = len(written)
        else:
            written.append((text[position], position))
            position += 1
    return written


def _fold(text: str, position: int, end: int) -> tuple[Written, int]:
    """One line break is a space, each further one a newline; blanks around them vanish."""
    breaks: list[int] = []
    while position < end and text[position] in _BREAK + _BLANK:
        if text[position] in _BREAK:
            breaks.append(position)
            position += text.startswith("\r\n", position)
        position += 1
    if len(breaks) == 1:
        return [(" ", breaks[0])], position
    return [("\n", offset) for offset in breaks[1:]], position


def _escape(text: str, position: int, end: int, written: Written) -> int:
    """Read the escape at `position` and return what follows it; an escaped line break joins two lines."""
    match = _ESCAPE.match(text, position)
    code = match[0][1:] if match else ""
    if code in ("\n", "\r"):
        folded, after = _fold(text, position + 1, end)
        written += [] if folded == [(" ", position + 1)] else folded
        return after
    if len(code) > 1:
        written.append((chr(int(code[1:], 16)), position))
    else:
        written.append((_NAMED.get(code, code), position))
    return position + 1 + len(code)


def _lines(source: SourceText, scalar: Scalar) -> list[tuple[str, int]]:
    """The lines below the block's header, each with its offset."""
    starts = source.line_starts
    first, last = bisect_right(starts, scalar.start), bisect_left(starts, scalar.end)
    return [(source.line(number), starts[number]) for number in range(first, last)]


def _block(lines: list[tuple[str, int]], indentation: int, *, folded: bool) -> Iterator[tuple[str, int]]:
    """Between two lines that a folded block joins, one break is a space and each further one a newline."""
    breaks: Written = []
    joins = False
    for line, start in lines:
        content = line[indentation:]
        if content:
            if folded and joins and content[0] not in _BLANK:
                breaks = [(" ", breaks[0][1])] if len(breaks) == 1 else breaks[1:]
            yield from breaks
            yield from ((character, start + indentation + at) for at, character in enumerate(content))
            breaks = []
            joins = content[0] not in _BLANK
        breaks.append(("\n", start + len(line)))
    yield from breaks
