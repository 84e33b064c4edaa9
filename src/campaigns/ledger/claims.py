"""Who gets a launch: the rules of `claim` and `resume`, each inside the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from campaigns.errors import Conflict, Stopped
from campaigns.ledger.fence import expired, fenced, stopped
from campaigns.ledger.owner import Owner, person
from campaigns.ledger.records import Launch, NewLaunch, State, is_past
from campaigns.ledger.rows import existing, ledger_clock, now, record
from campaigns.ledger.tables import launches

LEASE_SECONDS = 30.0
"""A launcher that has not renewed its lease for this long may be replaced, wherever it runs."""


def create(connection: Connection, new: NewLaunch, owner: Owner) -> bool:
    """Insert the launch; False when another launcher was faster. Raises Stopped when it has expired before it began."""
    if is_past(new.expires_at, connection.execute(select(ledger_clock(connection))).scalar_one()):
        raise expired(new.launch_id, new.expires_at)
    row = insert(launches).values(
        launch_id=new.launch_id,
        campaign=new.campaign,
        campaign_version=new.campaign_version,
        as_of=new.as_of,
        stream=new.stream,
        definition=new.definition,
        state=State.CLAIMED,
        epoch=1,
        created_at=now(),
        expires_at=new.expires_at,
        rate=new.rate,
        **_ownership(connection, owner),
    )
    try:
        with connection.begin_nested():
            connection.execute(row)
    except IntegrityError:  # waited for the faster one's commit: its row is there now. Never on SQLite, see `find`
        return False
    record(connection, new.launch_id, 1, str(owner), "claimed")
    return True


def refuse_other_definition(found: Launch, new: NewLaunch) -> None:
    """Raise Conflict when the id belongs to another campaign, version or explicit as_of."""
    for name, was, asked in (
        ("campaign", found.campaign, new.campaign),
        ("definition", found.campaign_version, new.campaign_version),
        ("as_of", found.as_of, new.as_of if new.explicit_as_of else found.as_of),
    ):
        if was != asked:
            raise Conflict(
                f"launch {found.launch_id!r} exists with {name} {was}, not {asked}; "
                "resume it as it is, or choose another launch id"
            )


def take_over(connection: Connection, found: Launch, owner: Owner, rate: int | None, *, resuming: bool) -> Launch:
    """The launch with a new epoch and owner; a completed or expired one without, as it is by then.

    `found` must have been read with its row locked. Raises Conflict while a live launcher owns the launch, Stopped
    when it was cancelled, or paused and a person did not ask to resume it.
    """
    if found.state in {State.COMPLETED, State.EXPIRED}:
        return found
    if found.state == State.CANCELLED:
        raise Stopped(f"launch {found.launch_id!r} is cancelled")
    if found.state == State.PAUSED and not resuming and not found.past_expiry:
        # A scheduler that tries again must not undo what a person wanted.
        raise Stopped(f"{stopped(connection, found)}; `campaigns resume {found.launch_id}` goes on with it")
    if live := found.live_owner():
        raise Conflict(f"launch {found.launch_id!r} is being worked on by {live}")
    if found.past_expiry:
        fenced(connection, found, update(launches).values(state=State.EXPIRED, host=None, pid=None))
        record(connection, found.launch_id, found.epoch, str(owner), "expired")
    else:
        _own(connection, found, owner, rate)
    return existing(connection, found.launch_id)


def _own(connection: Connection, found: Launch, owner: Owner, rate: int | None) -> None:
    values: dict[str, Any] = {"epoch": found.epoch + 1, **_ownership(connection, owner)}
    if rate is not None:
        values["rate"] = rate
    paused = found.state == State.PAUSED
    if paused or found.state == State.FAILED:  # a launcher is at work again: it may be paused
        values["state"] = State.CLAIMED
    fenced(connection, found, update(launches).values(values))
    who, what = (person(), "resumed") if paused else (str(owner), "claimed again")
    record(connection, found.launch_id, found.epoch + 1, who, what)


def _ownership(connection: Connection, owner: Owner) -> dict[str, Any]:
    return {
        "host": owner.host,
        "pid": owner.pid,
        "process_started": owner.started,
        "lease_until": ledger_clock(connection) + LEASE_SECONDS,
    }
