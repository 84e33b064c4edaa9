"""Commands that check: a launch against its stream, and everything that launches depend on."""

from __future__ import annotations

import typer

from campaigns.cli.exits import EXIT, INTERNAL
from campaigns.cli.options import Json, LaunchArgument, Workspace, opened
from campaigns.cli.output import show
from campaigns.errors import Damaged


def verify(launch: LaunchArgument, workspace: Workspace = None, as_json: Json = False) -> None:
    """Prove from the stream that a launch lost and changed nothing. Exit code 9 when it did."""
    from campaigns.cli.render.verify import verify_view

    document = opened(workspace).verify(launch)
    show(document, as_json=as_json, view=verify_view)
    if not document["ok"]:
        raise typer.Exit(EXIT[Damaged])


def doctor(workspace: Workspace = None, as_json: Json = False) -> None:
    """Say what is wrong with all that launches depend on. Nothing is launched."""
    from campaigns.cli.render.doctor import doctor_view

    document = opened(workspace).doctor()
    show(document, as_json=as_json, view=doctor_view)
    codes = {each.__name__: code for each, code in EXIT.items()}
    for check in document["checks"]:
        if not check["ok"]:
            raise typer.Exit(codes.get(check["kind"], INTERNAL))
