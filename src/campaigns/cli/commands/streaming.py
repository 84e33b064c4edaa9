"""Commands about the stream itself."""

from __future__ import annotations

from typing import Annotated

import typer

from campaigns.cli.options import Json, Workspace, opened
from campaigns.cli.output import show

stream = typer.Typer(name="stream", help="Create the stream that events go to.", no_args_is_help=True)


@stream.callback()
def _front() -> None:
    """Keep `create` a command of its own, however few there are."""


@stream.command()
def create(
    partitions: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Partitions: how many consumers can share the work.  [default: 8; embedded: as configured]",
            show_default=False,
        ),
    ] = None,
    replication: Annotated[int, typer.Option(metavar="N", min=1, help="Copies of every event among the brokers.")] = 1,
    min_insync_replicas: Annotated[
        int, typer.Option(metavar="N", min=1, help="Copies that must be written before an event counts as durable.")
    ] = 1,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Create the workspace's stream. One that exists as asked for stays as it is."""
    from campaigns.cli.render.lines import created_view

    if min_insync_replicas > replication:
        raise typer.BadParameter(
            f"{min_insync_replicas} copies cannot be in sync where there are {replication}",
            param_hint="--min-insync-replicas",
        )
    document = opened(workspace).create_stream(partitions, replication, min_insync_replicas)
    show(document, as_json=as_json, view=created_view)
