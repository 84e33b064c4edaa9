"""A plan's SQL, readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.syntax import Syntax
from rich.text import Text

from campaigns.cli.render.parts import whole


def plan_view(document: Mapping[str, Any]) -> Text:
    """Each query under its name, coloured on a terminal, never wrapped: it may be piped into a file."""
    text = "\n\n".join(f"-- {query['name']}\n{query['sql']};" for query in document["queries"])
    coloured = Syntax("", "sql", theme="ansi_dark").highlight(text)
    coloured.rstrip()
    return whole(coloured)
