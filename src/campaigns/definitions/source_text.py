"""The text of a definition file, and the way from an offset in it to the line an author sees."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from campaigns.errors import InvalidDefinition, Problem

MAXIMUM_BYTES = 10 * 1024 * 1024
_WIDEST_EXCERPT = 240
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class SourceText:
    """A file's text; `file` is its name relative to the workspace."""

    file: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset of the first character of each line."""
        return [0, *(match.end() for match in _BREAK.finditer(self.text))]

    def offset(self, line: int, column: int) -> int:
        """The offset of a place whose line and column count from 0."""
        if line >= len(self.line_starts):
            return len(self.text)
        return min(self.line_starts[line] + column, len(self.text))

    def line(self, number: int) -> str:
        """The line with that number, counting from 0, without its break."""
        return self.text[self.line_starts[number] : self._line_end(number)]

    def _line_end(self, number: int) -> int:
        if number + 1 == len(self.line_starts):
            return len(self.text)
        following = self.line_starts[number + 1]
        return following - (2 if self.text.startswith("\r\n", following - 2) else 1)

    def problem(self, message: str, start: int, end: int) -> Problem:
        """A problem at the offsets [start, end), underlined as far as its first line goes.

        A place too far to the right to be shown has no excerpt.
        """
        number = bisect_right(self.line_starts, start) - 1
        first, last = self.line_starts[number], self._line_end(number)
        column, length = start - first, max(1, min(end, last) - start)
        shown = self.text[first : min(last, first + _WIDEST_EXCERPT)] if column + length <= _WIDEST_EXCERPT else ""
        excerpt = shown.replace("\t", " ").rstrip()
        return Problem(message, self.file, number + 1, column + 1, length, excerpt)


def decode(file: str, content: bytes) -> SourceText:
    """The text of a file.

    Raise InvalidDefinition if it is larger than 10 MB, not UTF-8 (naming the byte) or has control characters.
    """
    if len(content) > MAXIMUM_BYTES:
        raise InvalidDefinition([Problem("the file is larger than 10 MB", file)])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = content[error.start]
        where = f"byte 0x{byte:02x} at offset {error.start}"
        raise InvalidDefinition([Problem(f"not valid UTF-8: {where}; save the file as UTF-8", file)]) from None
    source = SourceText(file, text)
    if match := _FORBIDDEN.search(text):
        character = f"control character U+{ord(match[0]):04X}"
        raise InvalidDefinition([source.problem(f"{character} is not allowed", match.start(), match.end())])
    return source
