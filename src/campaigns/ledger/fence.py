"""The fence: a launcher's writes count only while its claim is the newest, and nobody has stopped the launch."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Update, and_

from campaigns.errors import CampaignsError, Conflict, Stopped
from campaigns.ledger.records import HALTED, Launch, State
from campaigns.ledger.rows import find, history
from campaigns.ledger.tables import launches


def fenced(connection: Connection, launch: Launch, statement: Update) -> None:
    """Update the launch's row only while this claim's epoch is the newest. Raises Conflict.

    Always the first write of a transaction: it holds the row until the end, so all that follows is fenced as well.
    """
    if connection.execute(statement.where(_mine(launch))).rowcount != 1:
        raise _taken_over(launch)


def working(connection: Connection, launch: Launch, statement: Update) -> None:
    """As `fenced`, and only while the launch is neither paused nor cancelled nor expired. Raises Stopped too."""
    going_on = launches.c.state.not_in(HALTED)
    if connection.execute(statement.where(and_(_mine(launch), going_on))).rowcount != 1:
        found = find(connection, launch.launch_id)
        raise stopped(connection, found) if found and found.epoch == launch.epoch else _taken_over(launch)


def stopped(connection: Connection, found: Launch) -> CampaignsError:
    """Why a launch that is paused, cancelled or expired does not go on."""
    if found.state == State.EXPIRED:
        return expired(found.launch_id, found.expires_at)
    entries = history(connection, found.launch_id)
    who = next((entry.who for entry in reversed(entries) if entry.what in {found.state, "purged"}), "somebody")
    return Stopped(f"launch {found.launch_id!r} was {found.state} by {who}")


def expired(launch_id: str, expires_at: str | None) -> Stopped:
    """Why a launch that came too late does not go on."""
    return Stopped(
        f"launch {launch_id!r} expired at {expires_at}: it may be neither started nor resumed; "
        "launch the campaign anew, under another launch id"
    )


def _mine(launch: Launch) -> ColumnElement[bool]:
    return and_(launches.c.launch_id == launch.launch_id, launches.c.epoch == launch.epoch)


def _taken_over(launch: Launch) -> Conflict:
    return Conflict(f"launch {launch.launch_id!r} was taken over by another launcher")
