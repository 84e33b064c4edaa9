"""Purge: a launch's personal data goes, its books stay."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from campaigns.errors import Conflict, NeedsConfirmation, Unavailable
from campaigns.events.record import launch_source
from campaigns.launch.snapshot import launch_folder
from campaigns.ledger import FINAL, Launch, Ledger
from campaigns.streams import Stream


def purge(
    launch: Launch, workspace: str, ledger: Ledger, stream: Stream, snapshots: Path, *, confirmed: bool
) -> dict[str, Any]:
    """Remove the snapshot and, on the embedded stream, the events. May be repeated.

    An unfinished launch becomes cancelled by it, so that needs confirmation. The number of events that were removed
    is null for a stream that cannot remove any: there its own retention applies.

    Raises NeedsConfirmation for an unfinished launch, Conflict for one that somebody works on.
    """
    if owner := launch.live_owner():
        raise Conflict(f"launch {launch.launch_id!r} is being worked on by {owner}")
    unfinished = launch.state not in FINAL
    if unfinished and not confirmed:
        raise NeedsConfirmation(
            f"launch {launch.launch_id!r} is {launch.state}: purging cancels it, and customers that did not get their "
            "event never will; resume it first, or say --confirm"
        )
    # Marked first: a crash below leaves a launch that nobody resumes from half a snapshot, and purge may be repeated.
    ledger.mark_purged(launch, cancel=unfinished)
    try:
        folder = launch_folder(snapshots, launch.launch_id)
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise Unavailable(f"snapshot of {launch.launch_id!r}: {error.strerror or error}") from error
    remove = getattr(stream, "purge", None)
    removed = remove(launch_source(workspace, launch.campaign, launch.launch_id)) if remove else None
    return {"launch_id": launch.launch_id, "snapshot_removed": True, "events_removed": removed}
