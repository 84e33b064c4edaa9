"""What tests of the ledger claim, and who claims it."""

from __future__ import annotations

import platform
from typing import Any

from campaigns.ledger import Launch, Ledger, NewLaunch, Owner, Shard

ME = Owner.current()
ELSEWHERE = Owner("another-host", 4711, 1000.0)
BOOKS: dict[str, Any] = {"matched": 5, "sent": 3, "held_out": 1, "suppressed": {"capped": 1}, "quarantined": {}}
SHARDS = [Shard(0, decisions=3, sends=2), Shard(1, decisions=2, sends=1)]


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


def frozen(ledger: Ledger, claim: Launch) -> Launch:
    """The claim after its snapshot became valid."""
    ledger.validate_snapshot(claim, "f" * 64, BOOKS, SHARDS, 1.5)
    found = ledger.find(claim.launch_id)
    assert found is not None
    return found


def emitted(ledger: Ledger, claim: Launch) -> None:
    """Acknowledge every event."""
    for shard in SHARDS:
        ledger.checkpoint(claim, shard.shard, shard.decisions, shard.sends)
