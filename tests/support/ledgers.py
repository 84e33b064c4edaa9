"""What tests of the ledger claim, who claims it, and a look behind the ledger's back."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.ledger import Launch, Ledger, NewLaunch, Owner, Shard
from campaigns.ledger.database import open_database
from campaigns.ledger.tables import launches, metadata

ME = Owner.current()
ELSEWHERE = Owner("another-host", 4711, 1000.0)
BOOKS: dict[str, Any] = {"matched": 5, "sent": 3, "held_out": 1, "suppressed": {"capped": 1}, "quarantined": {}}
SHARDS = [Shard(0, lane=0, decisions=3, sends=2), Shard(1, lane=0, decisions=2, sends=1)]


def new(**changed: Any) -> NewLaunch:
    """A claim of the launch `spring`."""
    usual = {
        "launch_id": "spring",
        "campaign": "winback",
        "campaign_version": "0123456789abcdef",
        "as_of": "2026-06-01T00:00:00Z",
        "stream": "sqlite:///stream.db",
        "definition": "{}",
    }
    return NewLaunch(**{**usual, **changed})


def dead() -> Owner:
    """A process of this host that is gone: its pid belongs to somebody who began at another time."""
    return Owner(platform.node(), ME.pid, ME.started - 1000)


def again(ledger: Ledger, launch_id: str = "spring") -> Launch:
    """The launch as it is by now; it must exist."""
    found = ledger.find(launch_id)
    assert found is not None
    return found


def frozen(ledger: Ledger, claim: Launch) -> Launch:
    """The claim after its snapshot became valid."""
    ledger.validate_snapshot(claim, "f" * 64, BOOKS, SHARDS, 1.5)
    return again(ledger, claim.launch_id)


def emitted(ledger: Ledger, claim: Launch) -> None:
    """Acknowledge every event."""
    for shard in SHARDS:
        ledger.checkpoint(claim, shard.shard, shard.lane, shard.decisions, shard.sends)


def completed(ledger: Ledger, **changed: Any) -> Launch:
    """A launch that went through all of it."""
    claim = frozen(ledger, ledger.claim(new(**changed), ME))
    emitted(ledger, claim)
    ledger.complete(claim, {"emit": 2.0, "total": 4.0})
    return again(ledger, claim.launch_id)


def dump(url: str) -> list[tuple[Any, ...]]:
    """Everything the ledger holds."""
    with _connected(url) as connection:
        return [tuple(row) for table in metadata.sorted_tables for row in connection.execute(select(table)).fetchall()]


def alter(url: str, **values: Any) -> None:
    """Change every launch's row, as no ledger would."""
    with _connected(url) as connection:
        connection.execute(update(launches).values(**values))


def wait_of(url: str, seconds: float) -> None:
    """Let every lease be so much older, as if so many seconds had passed."""
    alter(url, lease_until=launches.c.lease_until - seconds)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = open_database(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
