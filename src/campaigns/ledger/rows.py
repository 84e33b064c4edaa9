"""Rows of the ledger as records, and back: reading, text that every database takes, and the clock of leases."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Double, RowMapping, cast, extract, func, insert, literal, select

from campaigns.errors import Damaged, NotFound
from campaigns.ledger.owner import Owner
from campaigns.ledger.records import Entry, Launch, Shard, State
from campaigns.ledger.tables import audit, launches, shards

_WHO_CHARACTERS = 300


def find(connection: Connection, launch_id: str, *, lock: bool = False) -> Launch | None:
    """The launch, or None. With `lock` nobody else changes it before this transaction ends."""
    query = select(launches, ledger_clock(connection).label("read_at")).where(launches.c.launch_id == launch_id)
    # SQLite has no row locks and needs none: a transaction that may write has locked the whole database.
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        return None
    parts = select(shards).where(shards.c.launch_id == launch_id).order_by(shards.c.lane, shards.c.shard)
    found = connection.execute(parts).mappings()
    try:
        return _launch(row, tuple(Shard(*(part[name] for name in Shard.__slots__)) for part in found))
    except ValueError as error:  # a state or JSON that no engine wrote
        raise Damaged(f"ledger: the row of launch {launch_id!r} is damaged; restore it from a backup") from error


def existing(connection: Connection, launch_id: str, *, lock: bool = False) -> Launch:
    """As `find`; raises NotFound when there is no such launch."""
    found = find(connection, launch_id, lock=lock)
    if found is None:
        raise NotFound(f"launch {launch_id!r} does not exist")
    return found


def history(connection: Connection, launch_id: str) -> list[Entry]:
    """The launch's lines of the audit, the oldest first."""
    query = select(audit).where(audit.c.launch_id == launch_id).order_by(audit.c.id)
    return [Entry(row["at"], row["epoch"], row["who"], row["what"]) for row in connection.execute(query).mappings()]


def record(connection: Connection, launch_id: str, epoch: int, who: str, what: str) -> None:
    """Add a line to the audit. Call it after the write that it tells of: that one holds the launch's row."""
    told = storable(who)[:_WHO_CHARACTERS]
    connection.execute(insert(audit).values(launch_id=launch_id, at=now(), epoch=epoch, who=told, what=storable(what)))


def storable(text: str) -> str:
    """The text with what some database refuses written as an escape: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def ledger_clock(connection: Connection) -> ColumnElement[float]:
    """Now, in seconds since the epoch, by one clock for all launchers: the server's, or this host's for a file."""
    if connection.dialect.name == "postgresql":
        return cast(extract("epoch", func.clock_timestamp()), Double)
    return literal(time.time(), Double)


def now() -> str:
    """Now by this host's clock, for people: ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
        expires_at=row["expires_at"],
        confirmed_at=row["confirmed_at"],
        rate=row["rate"],
        shards=found,
        read_at=row["read_at"],
    )
