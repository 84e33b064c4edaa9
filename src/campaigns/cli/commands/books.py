"""Commands about what was launched: its books, its customers, its events, and the end of its personal data."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from campaigns.cli.options import (
    AnyLaunch,
    AsOf,
    Customer,
    Json,
    LaunchArgument,
    Subject,
    TenantOption,
    Workspace,
    opened,
)
from campaigns.cli.output import abandon_stdout, show

_CHUNK = 1 << 16


def status(launch: AnyLaunch = None, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show the books of a launch, or of all."""
    from campaigns.cli.render.books import launches_view, status_view

    place = opened(workspace)
    if launch is None:
        show({"launches": place.launches()}, as_json=as_json, view=launches_view)
    else:
        show(place.status(launch), as_json=as_json, view=lambda shown: status_view(shown, workspace))


def explain(
    subject: Subject,
    customer: Customer,
    tenant: TenantOption = None,
    as_of: AsOf = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Tell why a customer did or did not get it. Of a launch, the frozen decision is told."""
    from campaigns.cli.render.explain import explain_view
    from campaigns.launch.explain import Ambiguous

    try:
        document = opened(workspace).explain(subject, customer, tenant, as_of)
    except Ambiguous as error:
        raise typer.BadParameter(str(error), param_hint="--tenant") from None
    show(document, as_json=as_json, view=explain_view)


def events(
    launch: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the events of this launch.", show_default=False)
    ] = None,
    workspace: Workspace = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same: events are always JSON.")] = False,
) -> None:
    """Print the events on the stream, a line each. They are CloudEvents; duplicates are kept."""
    del as_json
    try:
        for event in opened(workspace).events(launch):
            sys.stdout.buffer.write(event + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        abandon_stdout()


def purge(
    launch: LaunchArgument,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Also purge an unfinished launch; that cancels it.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Remove the personal data of a launch; its books stay. Snapshot and events on the embedded stream go."""
    from campaigns.cli.render.lines import purged_view

    show(opened(workspace).purge(launch, confirmed=confirm), as_json=as_json, view=purged_view)
