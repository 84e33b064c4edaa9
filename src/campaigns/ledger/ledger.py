"""The ledger: which launches exist, who owns them, how far the stream has acknowledged, and the books."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, case, func, insert, select, update

from campaigns.errors import Conflict, Damaged
from campaigns.ledger import rows
from campaigns.ledger.claims import LEASE_SECONDS, create, refuse_other_definition, take_over
from campaigns.ledger.database import HASTY, open_database, reading_options, translated
from campaigns.ledger.fence import expired, fenced, working
from campaigns.ledger.owner import Owner
from campaigns.ledger.records import FINAL, HALTED, Entry, Launch, NewLaunch, Shard, State
from campaigns.ledger.tables import launches, shards


class Ledger:
    """Opened on a URL of SQLAlchemy's; see `open_database` for the errors of opening.

    Every write of a launcher carries the epoch of its claim in the same statement: once another launcher has
    claimed the launch, the first one's writes raise Conflict and change nothing. Once somebody has paused or cancelled
    the launch, they raise Stopped and change nothing; only `checkpoint` and `release` go on.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    # Reading

    def find(self, launch_id: str) -> Launch | None:
        """The launch, or None."""
        with self._reading() as connection:
            return rows.find(connection, launch_id)

    def all(self) -> list[Launch]:
        """Every launch, the newest first."""
        query = select(launches.c.launch_id).order_by(launches.c.created_at.desc(), launches.c.launch_id)
        with self._reading() as connection:
            return [rows.existing(connection, found) for found in connection.execute(query).scalars().all()]

    def clock(self) -> float:
        """Now by the clock that leases go by, in seconds since the epoch."""
        with self._reading() as connection:
            return float(connection.execute(select(rows.ledger_clock(connection))).scalar_one())

    def last_completed(self, campaign: str, before: str) -> Launch | None:
        """The campaign's launch that was completed last, other than the launch `before`; None when there is none."""
        query = (
            select(launches.c.launch_id)
            .where(launches.c.campaign == campaign, launches.c.launch_id != before)
            .where(launches.c.state == State.COMPLETED)
            .order_by(launches.c.completed_at.desc(), launches.c.launch_id)
            .limit(1)
        )
        with self._reading() as connection:
            found = connection.execute(query).scalar()
            return None if found is None else rows.find(connection, found)

    def audit(self, launch_id: str) -> list[Entry]:
        """Who did what with the launch, the oldest first; empty when there is no such launch."""
        with self._reading() as connection:
            return rows.history(connection, launch_id)

    # Claiming

    def claim(self, new: NewLaunch, owner: Owner) -> Launch:
        """Own the launch, creating it on the first call; a completed one is returned as it is, unowned.

        Raises Conflict when the id belongs to another campaign, version or explicit as_of, or a live launcher owns
        it; Stopped when it was paused, was cancelled or has expired.
        """
        with self._writing() as connection:
            found = rows.find(connection, new.launch_id, lock=True)
            if found is None and create(connection, new, owner):
                return rows.existing(connection, new.launch_id)
            found = found or rows.existing(connection, new.launch_id, lock=True)
            refuse_other_definition(found, new)
            taken = take_over(connection, found, owner, new.rate, resuming=False)
        return _unless_expired(taken)

    def resume(self, launch_id: str, owner: Owner, *, rate: int | None = None) -> Launch:
        """Own an existing launch as it was frozen, also a paused one. `rate`, events a second, replaces its own.

        Raises NotFound when there is none, else as `claim` does.
        """
        with self._writing() as connection:
            found = rows.existing(connection, launch_id, lock=True)
            taken = take_over(connection, found, owner, rate, resuming=True)
        return _unless_expired(taken)

    # What people want

    def pause(self, launch_id: str, who: str) -> Launch:
        """Stop the launch until somebody resumes it. A launcher at work drains what it is publishing, and lets go.

        Pausing a paused launch changes nothing. Raises NotFound, and Conflict when it ended or failed.
        """
        return self._halt(launch_id, who, State.PAUSED, impossible=FINAL | {State.FAILED})

    def cancel(self, launch_id: str, who: str) -> Launch:
        """Stop the launch for good. A launcher at work drains what it is publishing, and lets go.

        Cancelling a cancelled launch changes nothing. Raises NotFound, and Conflict when it is completed or expired.
        """
        return self._halt(launch_id, who, State.CANCELLED, impossible=FINAL)

    def _halt(self, launch_id: str, who: str, state: State, impossible: set[State]) -> Launch:
        with self._writing() as connection:
            found = rows.existing(connection, launch_id, lock=True)
            if found.state == state:
                return found
            if found.state in impossible:
                raise Conflict(f"launch {launch_id!r} is {found.state}: it cannot be {state} any more")
            # The epoch stays: the launcher at work may still record what the stream acknowledged.
            fenced(connection, found, update(launches).values(state=state))
            rows.record(connection, launch_id, found.epoch, who, state)
            return rows.existing(connection, launch_id)

    def confirm(self, launch: Launch, who: str) -> None:
        """Record that a person wants this launch, however many customers it reaches."""
        with self._writing() as connection:
            working(connection, launch, update(launches).values(confirmed_at=rows.now()))
            rows.record(connection, launch.launch_id, launch.epoch, who, "confirmed")

    def mark_purged(self, launch: Launch, *, cancel: bool) -> None:
        """Record that the launch's personal data is gone; an unfinished launch becomes cancelled.

        Raises the epoch, so that a launcher that only seemed dead cannot go on.
        """
        values: dict[str, Any] = {"purged_at": rows.now(), "epoch": launch.epoch + 1, "error": None}
        if cancel:
            values["state"] = State.CANCELLED
        with self._writing() as connection:
            fenced(connection, launch, update(launches).values(values))
            _record(connection, launch, "purged")

    # What a launcher at work records

    def renew(self, launch: Launch) -> None:
        """Extend the lease of this claim."""
        with self._writing() as connection:
            working(connection, launch, update(launches).values(lease_until=_lease(connection)))

    def advance(self, launch: Launch, state: State, note: str = "") -> None:
        """Enter a state."""
        with self._writing() as connection:
            working(connection, launch, update(launches).values(state=state, error=None))
            _record(connection, launch, note or str(state))

    def validate_snapshot(
        self, launch: Launch, manifest: str, books: Mapping[str, Any], found: Sequence[Shard], seconds: float
    ) -> None:
        """Make the snapshot's files valid: from here on the launch is decided. The files must be durable before."""
        values = {
            "manifest": manifest,
            "books": json.dumps(books),
            "state": State.EMITTING,
            "seconds": json.dumps({**launch.seconds, "freeze": seconds}),
        }
        parts = [
            {
                "launch_id": launch.launch_id,
                "shard": shard.shard,
                "lane": shard.lane,
                "decisions": shard.decisions,
                "sends": shard.sends,
                "checkpoint": 0,
                "acknowledged": 0,
            }
            for shard in found
        ]
        with self._writing() as connection:
            working(connection, launch, update(launches).values(values))
            if parts:
                connection.execute(insert(shards), parts)
            _record(connection, launch, "frozen")

    def begin_emission(self, launch: Launch, stream: str, stream_identity: str) -> None:
        """Record which very stream acknowledges from here on.

        Raises Damaged when another one acknowledged events already: they would be lost without a word.
        """
        if launch.acknowledged and launch.stream_identity != stream_identity:
            raise Damaged(
                f"launch {launch.launch_id!r}: the stream that acknowledged {launch.acknowledged} of its events is "
                "gone, another one is in its place; restore the stream, or give the launch up with "
                f"`campaigns purge {launch.launch_id} --confirm`"
            )
        with self._writing() as connection:
            working(connection, launch, update(launches).values(stream=stream, stream_identity=stream_identity))

    def checkpoint(self, launch: Launch, shard: int, lane: int, row: int, acknowledged: int) -> None:
        """The lane's rows before `row` of the file are done, `acknowledged` more events. Only after the stream's word.

        Also of a launch that was paused or cancelled meanwhile: the events are out. Raises Conflict as every write.
        On SQLite it waits for no disk: a loss of power may undo it, and then events are repeated, never lost.
        """
        here = (shards.c.launch_id == launch.launch_id, shards.c.shard == shard, shards.c.lane == lane)
        moved = update(shards).where(*here).values(checkpoint=row, acknowledged=shards.c.acknowledged + acknowledged)
        with self._writing(hasty=True) as connection:
            fenced(connection, launch, update(launches).values(lease_until=_lease(connection)))
            if connection.execute(moved).rowcount != 1:
                raise Damaged(f"launch {launch.launch_id!r}: the ledger has no lane {lane} of shard {shard}")

    def complete(self, launch: Launch, seconds: Mapping[str, float]) -> None:
        """Close the books. Raises Damaged, and completes nothing, when they do not add up."""
        values = {
            "state": State.COMPLETED,
            "completed_at": rows.now(),
            "seconds": json.dumps({**launch.seconds, **seconds}),
            "host": None,
            "pid": None,
        }
        sums = select(func.sum(shards.c.decisions), func.sum(shards.c.sends), func.sum(shards.c.acknowledged))
        with self._writing() as connection:
            working(connection, launch, update(launches).values(values))
            # Counted after the row is ours: nobody else moves a checkpoint now. An error takes the completion back.
            counted = connection.execute(sums.where(shards.c.launch_id == launch.launch_id)).one()
            _check_books(launch, *(int(value or 0) for value in counted))
            _record(connection, launch, "completed")

    def release(self, launch: Launch, error: str | None = None, *, failed: bool = False) -> None:
        """Let go of a launch that is not complete, so that anyone may resume it at once.

        `error` may name customers: it is kept until the launch goes on or is purged, and stays out of the audit. A
        launch that was paused or cancelled meanwhile stays so, also when it `failed`.
        """
        values: dict[str, Any] = {"host": None, "pid": None, "error": rows.storable(error) if error else None}
        if failed:
            kept = launches.c.state.in_(HALTED | FINAL)
            values["state"] = case((kept, launches.c.state), else_=State.FAILED)
        with self._writing() as connection:
            fenced(connection, launch, update(launches).values(values))
            _record(connection, launch, "failed" if failed else "released")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One consistent look: never a row of before a commit beside a row of after it."""
        with translated(), self._engine.execution_options(**reading_options(self._engine)).begin() as connection:
            yield connection

    @contextmanager
    def _writing(self, *, hasty: bool = False) -> Iterator[Connection]:
        with translated(), self._engine.execution_options(**{HASTY: hasty}).begin() as connection:
            yield connection


def _unless_expired(launch: Launch) -> Launch:
    """Called after the commit: that it expired is recorded, whatever is told then."""
    if launch.state == State.EXPIRED:
        raise expired(launch.launch_id, launch.expires_at)
    return launch


def _lease(connection: Connection) -> Any:
    return rows.ledger_clock(connection) + LEASE_SECONDS


def _record(connection: Connection, launch: Launch, what: str) -> None:
    rows.record(connection, launch.launch_id, launch.epoch, str(Owner.current()), what)


def _check_books(launch: Launch, decisions: int, sends: int, acknowledged: int) -> None:
    books = launch.books or {}
    counted = books["sent"] + books["held_out"] + sum(books["suppressed"].values()) + sum(books["quarantined"].values())
    if not (books["matched"] == counted == decisions and books["sent"] == sends == acknowledged):
        raise Damaged(
            f"launch {launch.launch_id!r}: the books do not close: matched {books['matched']}, decided {counted}, "
            f"in the snapshot {decisions}; to send {books['sent']}, in the snapshot {sends}, "
            f"acknowledged {acknowledged}"
        )
