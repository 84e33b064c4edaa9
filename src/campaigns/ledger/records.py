"""What the ledger keeps, as it is handed out: launches, the lanes of their files, and lines of the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from campaigns.ledger.owner import Owner


class State(StrEnum):
    """Where a launch stands.

    | from | to | by |
    | --- | --- | --- |
    | nothing | claimed | `claim` |
    | claimed, freezing, emitting | freezing | the launcher: `advance` |
    | freezing | emitting | the launcher: `validate_snapshot` |
    | claimed, with a valid snapshot | emitting | the launcher: `advance` |
    | emitting | completed | the launcher: `complete` |
    | claimed, freezing, emitting | failed | the launcher: `release` |
    | claimed, freezing, emitting | paused | a person: `pause` |
    | paused | claimed | a person: `resume` |
    | failed | claimed | `claim`, `resume` |
    | all but completed, expired | cancelled | a person: `cancel`, a purge |
    | all but completed, cancelled | expired | whoever calls `claim` or `resume` after `expires_at` |

    A person's word counts at once: a launcher at work is refused by its next write. Only `checkpoint` still records
    what the stream has.
    """

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

HALTED = {State.PAUSED, State.CANCELLED, State.EXPIRED}
"""States that a launcher at work must not overrule."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One lane of one file of a snapshot: a group of tenants whose events leave together.

    `decisions` are the lane's rows in the file, `sends` the events among them. The file's rows before `checkpoint` are
    done as far as they belong to the lane, `acknowledged` events among them.
    """

    shard: int
    lane: int
    decisions: int
    sends: int
    checkpoint: int = 0
    acknowledged: int = 0


@dataclass(frozen=True, slots=True)
class Launch:
    """One row of the ledger, as it was when read. Instants are ISO 8601 in UTC unless they are seconds (float).

    `read_at` is when, seconds since the epoch, by the clock that leases are written with.
    """

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
    expires_at: str | None
    confirmed_at: str | None
    rate: int | None
    shards: tuple[Shard, ...]
    read_at: float = field(compare=False)

    @property
    def acknowledged(self) -> int:
        """Events that the stream has acknowledged, contiguously within each lane of each file."""
        return sum(shard.acknowledged for shard in self.shards)

    @property
    def past_expiry(self) -> bool:
        """Whether the launch may be neither started nor resumed any more, had it not ended before."""
        return is_past(self.expires_at, self.read_at)

    def live_owner(self) -> Owner | None:
        """Who was working on the launch when it was read: not dead on this host, lease not over."""
        if self.owner is None or self.lease_until < self.read_at or self.owner.surely_dead():
            return None
        return self.owner


@dataclass(frozen=True, slots=True)
class NewLaunch:
    """What a claim asks for. `as_of` is compared with an earlier claim's only when the caller gave it explicitly.

    `rate` is in events a second; given, it replaces an earlier claim's. `expires_at` counts for a new launch only.
    """

    launch_id: str
    campaign: str
    campaign_version: str
    as_of: str
    stream: str
    definition: str = field(repr=False)
    explicit_as_of: bool = True
    expires_at: str | None = None
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the audit: when (ISO 8601, UTC), under which epoch, who, what."""

    at: str
    epoch: int
    who: str
    what: str


def is_past(instant: str | None, now: float) -> bool:
    """Whether the instant (ISO 8601, UTC when it names no zone) lies before `now`, seconds since the epoch."""
    if instant is None:
        return False
    parsed = datetime.fromisoformat(instant)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() <= now
