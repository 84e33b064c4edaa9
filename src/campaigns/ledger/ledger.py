"""The ledger: which launches exist, who owns them, how far the stream has acknowledged, and the books."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, Update, func, insert, select, update

from campaigns.errors import Conflict, Damaged, NotFound, Stopped
from campaigns.ledger.database import READING, open_database, translated
from campaigns.ledger.owner import Owner
from campaigns.ledger.tables import audit, launches, shards

LEASE_SECONDS = 30.0
"""A launcher that has not renewed its lease for this long may be replaced, wherever it runs."""


class State(StrEnum):
    """Where a launch stands."""

    CLAIMED = "claimed"
    FREEZING = "freezing"
    EMITTING = "emitting"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"


FINAL = {State.COMPLETED, State.CANCELLED, State.EXPIRED}
"""States that no attempt leaves."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of a snapshot: its decisions (rows), the events among them, and how far they are acknowledged."""

    shard: int
    decisions: int
    sends: int
    checkpoint: int = 0
    acknowledged: int = 0


@dataclass(frozen=True, slots=True)
class Launch:
    """One row of the ledger, as it was when read."""

    launch_id: str
    campaign: str
    campaign_version: str
    as_of: str
    stream: str
    stream_identity: str | None
    definition: str = field(repr=False)
    state: State
    epoch: int
    owner: Owner | None
    lease_until: float
    manifest: str | None
    books: Mapping[str, Any] | None
    seconds: Mapping[str, float]
    error: str | None
    created_at: str
    completed_at: str | None
    purged_at: str | None
    shards: tuple[Shard, ...]

    @property
    def acknowledged(self) -> int:
        """Events that the stream has acknowledged, contiguously within each shard."""
        return sum(shard.acknowledged for shard in self.shards)

    def live_owner(self) -> Owner | None:
        """Who is working on the launch now: not dead on this host, lease not over."""
        if self.owner is None or self.lease_until < time.time() or self.owner.surely_dead():
            return None
        return self.owner


@dataclass(frozen=True, slots=True)
class NewLaunch:
    """What a claim asks for. `as_of` is compared with an earlier claim's only when the caller gave it explicitly."""

    launch_id: str
    campaign: str
    campaign_version: str
    as_of: str
    stream: str
    definition: str = field(repr=False)
    explicit_as_of: bool = True


class Ledger:
    """Opened on a URL of SQLAlchemy's; see `open_database` for the errors of opening.

    Every write of a launcher carries the epoch of its claim in the same statement: once another launcher has
    claimed the launch, the first one's writes raise Conflict and change nothing.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def find(self, launch_id: str) -> Launch | None:
        """The launch, or None."""
        with self._begin(reading=True) as connection:
            return _find(connection, launch_id)

    def all(self) -> list[Launch]:
        """Every launch, the newest first."""
        with self._begin(reading=True) as connection:
            query = select(launches.c.launch_id).order_by(launches.c.created_at.desc(), launches.c.launch_id)
            found = [_find(connection, launch_id) for launch_id in connection.execute(query).scalars()]
            return [launch for launch in found if launch is not None]

    def claim(self, new: NewLaunch, owner: Owner) -> Launch:
        """Own the launch, creating it on the first call; a completed one is returned as it is, unowned.

        Raises Conflict when the id belongs to another campaign, version or explicit as_of, or a live launcher owns
        it; Stopped when it was cancelled or has expired.
        """
        with self._begin() as connection:
            found = _find(connection, new.launch_id)
            if found is None:
                _create(connection, new, owner)
            else:
                _refuse_other_definition(found, new)
                if found.state == State.COMPLETED:
                    return found
                _take_over(connection, found, owner)
            return _existing(connection, new.launch_id)

    def resume(self, launch_id: str, owner: Owner) -> Launch:
        """Own an existing launch as it was frozen. Raises NotFound when there is none, else as `claim` does."""
        with self._begin() as connection:
            found = _existing(connection, launch_id)
            if found.state == State.COMPLETED:
                return found
            _take_over(connection, found, owner)
            return _existing(connection, launch_id)

    def renew(self, launch: Launch) -> None:
        """Extend the lease of this claim. Raises Conflict when another launcher owns the launch by now."""
        with self._begin() as connection:
            _fenced(connection, launch, update(launches).values(lease_until=time.time() + LEASE_SECONDS))

    def advance(self, launch: Launch, state: State, note: str = "") -> None:
        """Enter a state. Raises Conflict when another launcher owns the launch by now."""
        with self._begin() as connection:
            _fenced(connection, launch, update(launches).values(state=state, error=None))
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
        with self._begin() as connection:
            _fenced(connection, launch, update(launches).values(values))
            if found:
                rows = [
                    {
                        "launch_id": launch.launch_id,
                        "shard": shard.shard,
                        "decisions": shard.decisions,
                        "sends": shard.sends,
                        "checkpoint": 0,
                        "acknowledged": 0,
                    }
                    for shard in found
                ]
                connection.execute(insert(shards), rows)
            _record(connection, launch, "frozen")

    def begin_emission(self, launch: Launch, stream_identity: str) -> None:
        """Record which very stream acknowledges from here on.

        Raises Damaged when another one acknowledged events already: they would be lost without a word.
        """
        if launch.acknowledged and launch.stream_identity != stream_identity:
            raise Damaged(
                f"launch {launch.launch_id!r}: the stream that acknowledged {launch.acknowledged} of its events is "
                "gone, another one is in its place; restore the stream, or give the launch up with "
                f"`campaigns purge {launch.launch_id} --confirm`"
            )
        with self._begin() as connection:
            _fenced(connection, launch, update(launches).values(stream_identity=stream_identity))

    def checkpoint(self, launch: Launch, shard: int, row: int, acknowledged: int) -> None:
        """Rows of the shard before `row` are done, `acknowledged` more events. Call only after the stream's word."""
        with self._begin() as connection:
            _fenced(connection, launch, update(launches).values(lease_until=time.time() + LEASE_SECONDS))
            connection.execute(
                update(shards)
                .where(shards.c.launch_id == launch.launch_id, shards.c.shard == shard)
                .values(checkpoint=row, acknowledged=shards.c.acknowledged + acknowledged)
            )

    def complete(self, launch: Launch, seconds: Mapping[str, float]) -> None:
        """Close the books. Raises Damaged, and completes nothing, when they do not add up."""
        with self._begin() as connection:
            counted = connection.execute(
                select(func.sum(shards.c.decisions), func.sum(shards.c.sends), func.sum(shards.c.acknowledged)).where(
                    shards.c.launch_id == launch.launch_id
                )
            ).one()
            _check_books(launch, *(int(value or 0) for value in counted))
            _fenced(
                connection,
                launch,
                update(launches).values(
                    state=State.COMPLETED,
                    completed_at=_now(),
                    seconds=json.dumps({**launch.seconds, **seconds}),
                    host=None,
                    pid=None,
                ),
            )
            _record(connection, launch, "completed")

    def release(self, launch: Launch, error: str | None = None, *, failed: bool = False) -> None:
        """Let go of a launch that is not complete, so that anyone may resume it at once.

        `error` may name customers: it is kept until the launch goes on or is purged, and stays out of the audit.
        """
        values: dict[str, Any] = {"host": None, "pid": None, "error": error}
        if failed:
            values["state"] = State.FAILED
        with self._begin() as connection:
            _fenced(connection, launch, update(launches).values(values))
            _record(connection, launch, "failed" if failed else "released")

    def mark_purged(self, launch: Launch, *, cancel: bool) -> None:
        """Record that the launch's personal data is gone; an unfinished launch becomes cancelled.

        Raises the epoch, so that a launcher that only seemed dead cannot go on.
        """
        values: dict[str, Any] = {"purged_at": _now(), "epoch": launch.epoch + 1, "error": None}
        if cancel:
            values["state"] = State.CANCELLED
        with self._begin() as connection:
            _fenced(connection, launch, update(launches).values(values))
            _record(connection, launch, "purged")

    @contextmanager
    def _begin(self, *, reading: bool = False) -> Iterator[Connection]:
        with translated(), self._engine.execution_options(**{READING: reading}).begin() as connection:
            yield connection


def _find(connection: Connection, launch_id: str) -> Launch | None:
    row = connection.execute(select(launches).where(launches.c.launch_id == launch_id)).mappings().one_or_none()
    if row is None:
        return None
    parts = connection.execute(
        select(shards).where(shards.c.launch_id == launch_id).order_by(shards.c.shard)
    ).mappings()
    found = tuple(Shard(*(part[name] for name in Shard.__slots__)) for part in parts)
    return _launch(row, found)


def _existing(connection: Connection, launch_id: str) -> Launch:
    found = _find(connection, launch_id)
    if found is None:
        raise NotFound(f"launch {launch_id!r} does not exist")
    return found


def _launch(row: RowMapping, found: tuple[Shard, ...]) -> Launch:
    owner = Owner(row["host"], row["pid"], row["process_started"]) if row["host"] else None
    return Launch(
        launch_id=row["launch_id"],
        campaign=row["campaign"],
        campaign_version=row["campaign_version"],
        as_of=row["as_of"],
        stream=row["stream"],
        stream_identity=row["stream_identity"],
        definition=row["definition"],
        state=State(row["state"]),
        epoch=row["epoch"],
        owner=owner,
        lease_until=row["lease_until"] or 0.0,
        manifest=row["manifest"],
        books=json.loads(row["books"]) if row["books"] else None,
        seconds=json.loads(row["seconds"]) if row["seconds"] else {},
        error=row["error"],
        created_at=row["created_at"],
        completed_at=row["completed_at"],
        purged_at=row["purged_at"],
        shards=found,
    )


def _create(connection: Connection, new: NewLaunch, owner: Owner) -> None:
    connection.execute(
        insert(launches).values(
            launch_id=new.launch_id,
            campaign=new.campaign,
            campaign_version=new.campaign_version,
            as_of=new.as_of,
            stream=new.stream,
            definition=new.definition,
            state=State.CLAIMED,
            epoch=1,
            created_at=_now(),
            **_ownership(owner),
        )
    )
    connection.execute(
        insert(audit).values(launch_id=new.launch_id, at=_now(), epoch=1, who=str(owner), what="claimed")
    )


def _refuse_other_definition(found: Launch, new: NewLaunch) -> None:
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


def _take_over(connection: Connection, found: Launch, owner: Owner) -> None:
    if found.state in FINAL:
        raise Stopped(f"launch {found.launch_id!r} is {found.state}")
    if live := found.live_owner():
        raise Conflict(f"launch {found.launch_id!r} is being worked on by {live}")
    # The epoch in the condition makes racing claims safe on databases without immediate transactions too.
    _fenced(connection, found, update(launches).values(epoch=found.epoch + 1, **_ownership(owner)))
    connection.execute(
        insert(audit).values(
            launch_id=found.launch_id, at=_now(), epoch=found.epoch + 1, who=str(owner), what="claimed again"
        )
    )


def _ownership(owner: Owner) -> dict[str, Any]:
    return {
        "host": owner.host,
        "pid": owner.pid,
        "process_started": owner.started,
        "lease_until": time.time() + LEASE_SECONDS,
    }


def _fenced(connection: Connection, launch: Launch, statement: Update) -> None:
    """Run an update of the launch's row only while this claim's epoch is the newest."""
    result = connection.execute(
        statement.where(launches.c.launch_id == launch.launch_id, launches.c.epoch == launch.epoch)
    )
    if result.rowcount != 1:
        raise Conflict(f"launch {launch.launch_id!r} was taken over by another launcher")


def _record(connection: Connection, launch: Launch, what: str) -> None:
    connection.execute(
        insert(audit).values(
            launch_id=launch.launch_id, at=_now(), epoch=launch.epoch, who=str(Owner.current()), what=what
        )
    )


def _check_books(launch: Launch, decisions: int, sends: int, acknowledged: int) -> None:
    books = launch.books or {}
    counted = books["sent"] + books["held_out"] + sum(books["suppressed"].values()) + sum(books["quarantined"].values())
    if not (books["matched"] == counted == decisions and books["sent"] == sends == acknowledged):
        raise Damaged(
            f"launch {launch.launch_id!r}: the books do not close: matched {books['matched']}, decided {counted}, "
            f"in the snapshot {decisions}; to send {books['sent']}, in the snapshot {sends}, "
            f"acknowledged {acknowledged}"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
