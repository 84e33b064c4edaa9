"""An error becomes its text on stderr, with --json also a document on stdout, and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import typer

from campaigns.cli.exits import EXIT, INTERNAL, USAGE, nearest
from campaigns.cli.output import abandon_stdout, write_json
from campaigns.errors import InvalidDefinition, Problem

USAGE_ERROR: type[Any] = typer.BadParameter.__bases__[0]
"""Typer's own class of what is wrong with arguments; it has no public name."""


def tell(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong and return the exit code. With CAMPAIGNS_DEBUG set an unexpected error is raised again."""
    if isinstance(error, BrokenPipeError):
        abandon_stdout()
        return EXIT[BrokenPipeError]
    if isinstance(error, USAGE_ERROR):
        error.show(file=sys.stderr)
        return _documented("Usage", error.format_message(), (), USAGE, as_json=as_json)
    from campaigns.cli.render.errors import draw_error

    known = nearest(error)
    if known is None and os.environ.get("CAMPAIGNS_DEBUG"):
        raise error
    problems = error.problems if isinstance(error, InvalidDefinition) else ()
    message = _message(error, known)
    draw_error(message, problems)
    kind = "Unavailable" if known is OSError else known.__name__ if known else "Internal"
    return _documented(kind, message, problems, EXIT[known] if known else INTERNAL, as_json=as_json)


def _message(error: BaseException, known: type[BaseException] | None) -> str:
    if known is None:
        return f"internal error: {type(error).__name__}: {error}, please report"
    if known is KeyboardInterrupt:
        return "interrupted"
    if isinstance(error, InvalidDefinition):
        return "\n".join(str(replace(problem, excerpt="")) for problem in error.problems)
    if isinstance(error, OSError):
        return ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def _documented(kind: str, message: str, problems: Sequence[Problem], code: int, *, as_json: bool) -> int:
    if as_json:
        places = [
            {"file": each.file, "line": each.line, "column": each.column, "message": each.message}
            for each in problems
            if each.file
        ]
        write_json({"error": {"kind": kind, "message": message, "problems": places}, "exit_code": code})
    return code
