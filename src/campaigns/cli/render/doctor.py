"""What doctor found, a line each, with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from campaigns.cli.render.parts import mark


def doctor_view(document: Mapping[str, Any]) -> Group:
    """Every check, and the verdict."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(3):
        table.add_column(no_wrap=number == 0, overflow="fold")
    for check in document["checks"]:
        table.add_row(mark(check["ok"]), check["check"], _told(check))
    wrong = sum(not check["ok"] for check in document["checks"])
    verdict: RenderableType = Text("all is well") if not wrong else Text(f"{wrong:,} of the checks failed", style="red")
    return Group(table, "", verdict)


def _told(check: Mapping[str, Any]) -> Text:
    """What was found, and the advice below it; red where something is wrong."""
    found = Text(check["found"], style="" if check["ok"] else "red")
    return found.append(f"\n{check['advice']}", style="dim") if check["advice"] else found
