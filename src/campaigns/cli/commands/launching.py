"""Commands that send, and those that hold back what is being sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.commands.looking import warn
from campaigns.cli.exits import QUARANTINED, Interrupted
from campaigns.cli.options import (
    AsOf,
    CampaignArgument,
    Json,
    LaunchArgument,
    LaunchId,
    Rate,
    Workspace,
    again,
    instant,
    opened,
)
from campaigns.cli.output import show
from campaigns.cli.signals import sigterm_sets

if TYPE_CHECKING:
    from campaigns.cli.render.progress import Progressing

Confirm = Annotated[
    bool, typer.Option("--confirm", help="Go on however many customers matched; it is recorded with your name.")
]


def launch(
    campaign: CampaignArgument,
    as_of: AsOf = None,
    launch_id: LaunchId = None,
    rate: Rate = None,
    expires: Annotated[
        datetime | None,
        typer.Option(
            metavar="T",
            parser=instant,
            help="Neither start nor resume it after this instant.  [default: the campaign's expires_after from now]",
            show_default=False,
        ),
    ] = None,
    confirm: Confirm = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but publish, and keep nothing.")] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Emit one event per matched customer. The same launch again resumes it, or prints its books."""
    with followed(workspace) as watch:
        place = opened(workspace)
        if dry_run:
            report = place.dry_run(campaign, as_of, launch_id, watch, expires=expires, confirm=confirm, stop=watch.stop)
        else:
            report = place.launch(
                campaign, as_of, launch_id, watch, rate=rate, expires=expires, confirm=confirm, stop=watch.stop
            )
    close(report, workspace, as_json=as_json)


def promote(
    launch: LaunchArgument,
    variant: Annotated[
        str | None,
        typer.Option(metavar="V", help="The winner; without it the analysis decides, where the test says so."),
    ] = None,
    as_of: AsOf = None,
    rate: Rate = None,
    confirm: Confirm = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Send the winner of a test to everybody who waited for it. Nobody gets two."""
    with followed(workspace) as watch:
        report = opened(workspace).promote(launch, variant, as_of, watch, rate=rate, confirm=confirm, stop=watch.stop)
    close(report, workspace, as_json=as_json)


def resume(
    launch: LaunchArgument,
    rate: Rate = None,
    confirm: Confirm = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Finish a paused or interrupted launch."""
    with followed(workspace) as watch:
        report = opened(workspace).resume(launch, watch, rate=rate, confirm=confirm, stop=watch.stop)
    close(report, workspace, as_json=as_json)


def pause(launch: LaunchArgument, workspace: Workspace = None, as_json: Json = False) -> None:
    """Hold a launch back until it is resumed. Whoever works on it lets go within 2 s."""
    from campaigns.cli.render.books import held_view

    show(opened(workspace).pause(launch), as_json=as_json, view=lambda shown: held_view(shown, workspace))


def cancel(launch: LaunchArgument, workspace: Workspace = None, as_json: Json = False) -> None:
    """End a launch for good within 2 s. What was emitted stays emitted."""
    from campaigns.cli.render.books import held_view

    show(opened(workspace).cancel(launch), as_json=as_json, view=lambda shown: held_view(shown, workspace))


@contextmanager
def followed(workspace: Path | None) -> Iterator[Progressing]:
    """Draw the progress of a launch; when it breaks off, say how to go on.

    SIGTERM sets the watch's `stop`. Raises Interrupted on Ctrl-C.
    """
    from campaigns.cli.render.progress import Progressing
    from campaigns.errors import Stopped, Terminated, Unavailable

    watch = Progressing()
    try:
        with sigterm_sets(watch.stop), watch:
            yield watch
    except KeyboardInterrupt:
        raise Interrupted(_broken_off("interrupted", watch.launch_id, workspace)) from None
    except Terminated:
        raise Terminated(_broken_off("terminated", watch.launch_id, workspace)) from None
    except Stopped as error:
        if watch.launch_id:  # it was paused or cancelled while we were at it
            error.add_note(_broken_off("stopped", watch.launch_id, workspace))
        raise
    except Unavailable as error:
        if watch.launch_id:
            error.add_note(f"nothing is lost; continue with: {again(f'resume {watch.launch_id}', workspace)}")
        raise


def _broken_off(how: str, launch_id: str | None, workspace: Path | None) -> str:
    """What the ledger says by now: an acknowledgement may have come between the last drawing and the end."""
    from campaigns.errors import CampaignsError

    if launch_id is None:
        return f"{how} before the launch began: no event was emitted"
    try:
        report = opened(workspace).status(launch_id)
    except CampaignsError:  # the ledger is away: how it ended is still to be told
        return f"{how}; nothing is lost\ncontinue with: {again(f'resume {launch_id}', workspace)}"
    done = (
        "before the audience was frozen: no event was emitted"
        if report["sent"] is None
        else f"after {report['acknowledged']:,} of {report['sent']:,} events were acknowledged"
    )
    if report["state"] == "cancelled":
        return f"{how} {done}; no other event of it will be"
    return f"{how} {done}; nothing is lost\ncontinue with: {again(f'resume {launch_id}', workspace)}"


def close(report: dict[str, Any], workspace: Path | None, *, as_json: bool) -> None:
    """Show a finished launch's report. Raises typer.Exit when this call finished it with anything quarantined."""
    from campaigns.cli.render.books import finished_view

    show(report, as_json=as_json, view=lambda shown: finished_view(shown, workspace))
    warn(report)
    if not report["already_complete"] and (report["quarantined"] or report["quarantined_rows"]):
        raise typer.Exit(QUARANTINED)
