"""Reading frozen decisions back as messages, lane by lane, from where the stream's acknowledgements ended."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from campaigns.engines.port import Engine
from campaigns.errors import Damaged
from campaigns.events.encode import Envelope
from campaigns.launch.ahead import ahead
from campaigns.launch.lanes import Lane
from campaigns.launch.snapshot import Snapshot
from campaigns.ledger import Launch, Shard
from campaigns.plan import events_query, sends_query
from campaigns.streams import Messages

PUBLISH_BYTES = 16 << 20
"""Bytes of events after which a publish is not made larger: memory stays bounded however large events are."""

_READ_ROWS = 2048


class Publish(NamedTuple):
    """Events of one shard, one after the other: the shard, and a table of their rows, keys, values and ids."""

    shard: int
    table: pa.Table

    @property
    def events(self) -> int:
        """How many there are."""
        return int(self.table.num_rows)

    @property
    def end(self) -> int:
        """The row after the last event."""
        return int(self.table["row"][-1].as_py()) + 1

    @property
    def messages(self) -> Messages:
        """What goes to the stream."""
        return Messages(self.table.select(["key", "value", "id"]))

    def cut(self, events: int) -> tuple[Publish, Publish]:
        """The first so many events, and the others."""
        return Publish(self.shard, self.table.slice(0, events)), Publish(self.shard, self.table.slice(events))


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

    def publishes(self, lane: Lane, waiting: int) -> Generator[Publish]:
        """Everything of a lane that is not acknowledged yet, as large publishes from readers that stay open.

        They are encoded in a thread of their own, at most `waiting` publishes ahead.

        Raises Damaged when a shard does not match its checksum, or does not hold the events that were counted in it.
        """
        return ahead(self._large(lane), waiting)

    def pages(self, lane: Lane, page: int) -> Generator[Publish]:
        """The same in publishes of at most `page` events, nothing held open between them."""
        for shard in self._open(lane):
            yield from self._counted(shard, self._paged(lane, shard, page))

    def _large(self, lane: Lane) -> Iterator[Publish]:
        for shard in self._open(lane):
            with closing(self._events(lane, shard, shard.checkpoint, min(_READ_ROWS, self.events))) as portions:
                yield from self._counted(shard, self._gathered(shard, portions))

    def _open(self, lane: Lane) -> Iterator[Shard]:
        for shard in self.claim.shards:
            if shard.lane == lane.number and shard.acknowledged < shard.sends:
                yield shard

    def _counted(self, shard: Shard, publishes: Iterator[Publish]) -> Iterator[Publish]:
        found = shard.acknowledged
        for publish in publishes:
            found += publish.events
            yield publish
        if found != shard.sends:
            raise Damaged(
                f"shard {shard.shard} of launch {self.claim.launch_id!r} holds {found} events, {shard.sends} were "
                "counted when it was frozen"
            )

    def _gathered(self, shard: Shard, portions: Iterator[pa.RecordBatch]) -> Iterator[Publish]:
        """Portions put together while they fit."""
        gathered: list[pa.RecordBatch] = []
        events = size = 0
        for portion in portions:
            gathered.append(portion)
            events, size = events + portion.num_rows, size + portion.nbytes
            if events + min(_READ_ROWS, self.events) > self.events or size >= PUBLISH_BYTES:
                yield Publish(shard.shard, pa.Table.from_batches(gathered))
                gathered, events, size = [], 0, 0
        if gathered:
            yield Publish(shard.shard, pa.Table.from_batches(gathered))

    def _paged(self, lane: Lane, shard: Shard, page: int) -> Iterator[Publish]:
        start = shard.checkpoint
        while True:
            with closing(self._events(lane, shard, start, page)) as portions:
                portion = next(portions, None)
            if portion is None:
                return
            publish = Publish(shard.shard, pa.Table.from_batches([portion]))
            start = publish.end
            yield publish

    def _events(self, lane: Lane, shard: Shard, start: int, rows: int) -> Generator[pa.RecordBatch]:
        file = self._file(shard)
        query = events_query(self.envelope, file, start, variables=self.variables, only=lane.only, but=lane.but)
        return self.engine.events(query, start, rows)

    def _file(self, shard: Shard) -> Path:
        if shard.shard not in self._files:  # its checksum is looked at once, however many lanes and pages read it
            self._files[shard.shard] = self.snapshot.verified(shard.shard)
        return self._files[shard.shard]
