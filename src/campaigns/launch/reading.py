"""Reading frozen decisions back as messages, lane by lane, from where the stream's acknowledgements ended."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from campaigns.engines.port import Engine, EventPortion
from campaigns.errors import Damaged
from campaigns.events.encode import Envelope
from campaigns.launch.lanes import Lane
from campaigns.launch.snapshot import Snapshot
from campaigns.ledger import Launch, Shard
from campaigns.plan import events_query, sends_query
from campaigns.streams import Messages

PUBLISH_BYTES = 16 << 20
"""Bytes of events after which a publish is not made larger: memory stays bounded however large events are."""

_READ_ROWS = 2048


class Publish(NamedTuple):
    """Events of one shard, one after the other: the shard, the row of each, and the messages."""

    shard: int
    rows: list[int]
    messages: Messages

    @property
    def end(self) -> int:
        """The row after the last event."""
        return self.rows[-1] + 1

    def cut(self, events: int) -> tuple[Publish, Publish]:
        """The first so many events, and the others."""
        return (
            Publish(self.shard, self.rows[:events], self.messages[:events]),
            Publish(self.shard, self.rows[events:], self.messages[events:]),
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the shards of one launch's snapshot as messages, in publishes of at most `events`."""

    engine: Engine
    snapshot: Snapshot
    envelope: Envelope
    claim: Launch
    variables: bool
    events: int
    _files: dict[int, Path] = field(default_factory=dict)

    def check(self, lane: Lane) -> None:
        """Hold the ledger's checkpoints against the snapshot. Raises Damaged: to go on would repeat or lose."""
        for shard in self._open(lane):
            if not shard.checkpoint and not shard.acknowledged:
                continue
            before = sends_query(self._file(shard), shard.checkpoint, only=lane.only, but=lane.but)
            (row,) = self.engine.rows(before)
            if row["sends"] != shard.acknowledged:
                raise Damaged(
                    f"launch {self.claim.launch_id!r}: the checkpoint of shard {shard.shard} is not where its "
                    f"{shard.acknowledged} acknowledged events end; restore the ledger from a backup"
                )

    def publishes(self, lane: Lane) -> Generator[Publish]:
        """Everything of a lane that is not acknowledged yet, as large publishes from readers that stay open.

        Raises Damaged when a shard does not match its checksum, or does not hold the events that were counted in it.
        """
        for shard in self._open(lane):
            with closing(self._events(lane, shard, shard.checkpoint, min(_READ_ROWS, self.events))) as portions:
                yield from self._counted(shard, self._gathered(shard, portions))

    def pages(self, lane: Lane, page: int) -> Generator[Publish]:
        """The same in publishes of at most `page` events, nothing held open between them."""
        for shard in self._open(lane):
            yield from self._counted(shard, self._paged(lane, shard, page))

    def _open(self, lane: Lane) -> Iterator[Shard]:
        for shard in self.claim.shards:
            if shard.lane == lane.number and shard.acknowledged < shard.sends:
                yield shard

    def _counted(self, shard: Shard, publishes: Iterator[Publish]) -> Iterator[Publish]:
        found = shard.acknowledged
        for publish in publishes:
            found += len(publish.messages)
            yield publish
        if found != shard.sends:
            raise Damaged(
                f"shard {shard.shard} of launch {self.claim.launch_id!r} holds {found} events, {shard.sends} were "
                "counted when it was frozen"
            )

    def _gathered(self, shard: Shard, portions: Iterator[EventPortion]) -> Iterator[Publish]:
        """Portions put together while they fit."""
        rows, messages, size = list[int](), Messages([], [], []), 0
        for portion in portions:
            rows += portion.rows()
            messages.extend(*portion.lists())
            size += portion.columns.nbytes
            if len(rows) + min(_READ_ROWS, self.events) > self.events or size >= PUBLISH_BYTES:
                yield Publish(shard.shard, rows, messages)
                rows, messages, size = [], Messages([], [], []), 0
        if rows:
            yield Publish(shard.shard, rows, messages)

    def _paged(self, lane: Lane, shard: Shard, page: int) -> Iterator[Publish]:
        start = shard.checkpoint
        while True:
            with closing(self._events(lane, shard, start, page)) as portions:
                portion = next(portions, None)
            if portion is None:
                return
            publish = Publish(shard.shard, portion.rows(), Messages(*portion.lists()))
            start = publish.end
            yield publish

    def _events(self, lane: Lane, shard: Shard, start: int, rows: int) -> Generator[EventPortion]:
        file = self._file(shard)
        query = events_query(self.envelope, file, start, variables=self.variables, only=lane.only, but=lane.but)
        return self.engine.events(query, start, rows)

    def _file(self, shard: Shard) -> Path:
        if shard.shard not in self._files:  # its checksum is looked at once, however many lanes and pages read it
            self._files[shard.shard] = self.snapshot.verified(shard.shard)
        return self._files[shard.shard]
