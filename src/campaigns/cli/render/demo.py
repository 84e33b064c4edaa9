"""The demo: real households in, events out, and where to look next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

from rich.console import Group
from rich.text import Text

from campaigns.cli.render.analysis import analysis_view
from campaigns.cli.render.books import closed_view
from campaigns.cli.render.funnel import funnel
from campaigns.cli.render.parts import columns, commands, count, section, shares, whole


def demo_view(document: Mapping[str, Any], directory: Path) -> Group:
    """What is in the workspace, the funnel, a sample event, the books, the answer."""
    event = json.dumps(document["sample_event"], ensure_ascii=False, indent=2)
    return Group(
        Text.assemble(("✓ ", "green"), f"workspace {directory}: real grocery purchases of 2017"),
        columns((count(number), "rows", file) for file, number in document["rows"].items()),
        *shares("households by tenant", document["households"]),
        funnel(document["funnel"]),
        section("a sample event", whole(Text(indent(event, "  ")))),
        "",
        closed_view(document["launch"]),
        section(
            "what the experiment has shown",
            Text("Nobody was ever sent anything: an honest analysis of the months after finds no effect.", style="dim"),
        ),
        analysis_view(document["analysis"]),
        commands("next", document["next"]),
    )
