"""Where results and messages go: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Document = Mapping[str, Any]
_PADDING = re.compile(r" +$", re.MULTILINE)


def show(document: Document, *, as_json: bool, view: Callable[[Document], RenderableType]) -> None:
    """One JSON document, or the same drawn for people."""
    if as_json:
        write_json(document)
    else:
        from rich.console import Group

        console = results()
        with console.capture() as captured:
            console.print(Group(view(document)), crop=False)  # a command or an id is there to be copied whole
        sys.stdout.write(_PADDING.sub("", captured.get()))
        sys.stdout.flush()


def write_json(document: Document) -> None:
    """The document on stdout, as UTF-8 whatever the locale says."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False).encode() + b"\n")
    sys.stdout.buffer.flush()


def results() -> Console:
    """Rich's console on stdout; plain text where it is no terminal."""
    return _console(stderr=False)


def messages() -> Console:
    """Rich's console on stderr."""
    return _console(stderr=True)


def abandon_stdout() -> None:
    """Nobody reads stdout any more: what is still buffered for it goes nowhere, quietly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)
