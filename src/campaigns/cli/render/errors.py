"""Errors and warnings on stderr: the place, the message, the line, and the offending part underlined."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from campaigns.cli.output import messages
from campaigns.errors import Problem

_INDENT = 4


def draw_error(message: str, problems: Sequence[Problem]) -> None:
    """One error; or every problem of the files with its line, where there is one."""
    console = messages()
    if any(problem.file for problem in problems):
        for problem in problems:
            for line in _problem(problem, console.width):
                console.print(line, soft_wrap=True)
    else:
        console.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
    if len(problems) > 1:
        console.print(Text(f"{len(problems):,} problems", style="bold red"))


def draw_warning(message: str) -> None:
    """Something nobody must overlook."""
    messages().print(Text.assemble(("warning: ", "bold yellow"), message), soft_wrap=True)


def _problem(problem: Problem, width: int) -> list[Text]:
    place = f"{problem.file}:{problem.line}:{problem.column}: " if problem.line else f"{problem.file}: "
    lines = [Text.assemble((place, "bold"), problem.message)]
    if problem.excerpt:
        lines += _underlined(problem, max(width - _INDENT, 2 * _INDENT))
    return lines


def _underlined(problem: Problem, width: int) -> list[Text]:
    """The line and its underline; of a wide line, the part around the offending text."""
    start = problem.column - 1
    first = max(0, start - width // 2) if cell_len(problem.excerpt) > width else 0
    shown = problem.excerpt[first : first + width]
    before, marked = shown[: start - first], shown[start - first : start - first + problem.length]
    line = Text(" " * _INDENT + shown)
    line.stylize("red", _INDENT + len(before), _INDENT + len(before) + len(marked))
    carets = "^" * max(1, cell_len(marked))
    return [line, Text(" " * (_INDENT + cell_len(before)) + carets, style="red")]
