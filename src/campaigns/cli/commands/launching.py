"""Commands that send: launch, and resume what was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from campaigns.cli.commands.looking import warn
from campaigns.cli.exits import QUARANTINED, Interrupted
from campaigns.cli.options import AsOf, CampaignArgument, Json, LaunchArgument, LaunchId, Workspace, again, opened
from campaigns.cli.output import show

if TYPE_CHECKING:
    from campaigns.cli.render.progress import Progressing


def launch(
    campaign: CampaignArgument,
    as_of: AsOf = None,
    launch_id: LaunchId = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Emit one event per matched customer. The same launch again resumes it, or prints its books."""
    with followed(workspace) as watch:
        report = opened(workspace).launch(campaign, as_of, launch_id, watch)
    close(report, workspace, as_json=as_json)


def resume(launch: LaunchArgument, workspace: Workspace = None, as_json: Json = False) -> None:
    """Finish a launch that was interrupted, exactly as it was frozen."""
    with followed(workspace) as watch:
        report = opened(workspace).resume(launch, watch)
    close(report, workspace, as_json=as_json)


@contextmanager
def followed(workspace: Path | None) -> Iterator[Progressing]:
    """Draw the progress of a launch; when it breaks off, say how to go on. Raises Interrupted on Ctrl-C."""
    from campaigns.cli.render.progress import Progressing
    from campaigns.errors import Unavailable

    watch = Progressing()
    try:
        with watch:
            yield watch
    except KeyboardInterrupt:
        raise Interrupted(_interruption(watch.launch_id, workspace)) from None
    except Unavailable as error:
        if watch.launch_id:
            error.add_note(f"nothing is lost; continue with: {again(f'resume {watch.launch_id}', workspace)}")
        raise


def _interruption(launch_id: str | None, workspace: Path | None) -> str:
    """What the ledger says by now: an acknowledgement may have come between the last drawing and Ctrl-C."""
    if launch_id is None:
        return "interrupted before the launch began: no event was emitted"
    report = opened(workspace).status(launch_id)
    done = (
        "before the audience was frozen: no event was emitted"
        if report["sent"] is None
        else f"after {report['acknowledged']:,} of {report['sent']:,} events were acknowledged"
    )
    return f"interrupted {done}; nothing is lost\ncontinue with: {again(f'resume {launch_id}', workspace)}"


def close(report: dict[str, Any], workspace: Path | None, *, as_json: bool) -> None:
    """Show a finished launch's report. Raises typer.Exit when this call finished it with anything quarantined."""
    from campaigns.cli.render.books import finished_view

    show(report, as_json=as_json, view=lambda shown: finished_view(shown, workspace))
    warn(report)
    if not report["already_complete"] and (report["quarantined"] or report["quarantined_rows"]):
        raise typer.Exit(QUARANTINED)
