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


class Group(NamedTuple):
    """The same before any object of Python's is made of an event."""

    shard: int
    portions: list[EventPortion]

    @property
    def events(self) -> int:
        """How many there are."""
        return sum(portion.columns.num_rows for portion in self.portions)

    def publish(self) -> Publish:
        """As messages."""
        publish = Publish(self.shard, [], Messages([], [], []))
        for portion in self.portions:
            publish.rows.extend(portion.rows())
            publish.messages.extend(*portion.lists())
        return publish


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

        The events are encoded in a thread of their own, at most `waiting` publishes ahead; they become objects of
        Python's in the caller's, since two threads that both make objects stand in each other's way.

        Raises Damaged when a shard does not match its checksum, or does not hold the events that were counted in it.
        """
        with closing(ahead(self._groups(lane), waiting)) as groups:
            for group in groups:
                yield group.publish()

    def pages(self, lane: Lane, page: int) -> Generator[Publish]:
        """The same in publishes of at most `page` events, nothing held open between them."""
        for shard in self._open(lane):
            for group in self._counted(shard, self._paged(lane, shard, page)):
                yield group.publish()

    def _groups(self, lane: Lane) -> Iterator[Group]:
        for shard in self._open(lane):
            with closing(self._events(lane, shard, shard.checkpoint, min(_READ_ROWS, self.events))) as portions:
                yield from self._counted(shard, self._gathered(shard, portions))

    def _open(self, lane: Lane) -> Iterator[Shard]:
        for shard in self.claim.shards:
            if shard.lane == lane.number and shard.acknowledged < shard.sends:
                yield shard

    def _counted(self, shard: Shard, groups: Iterator[Group]) -> Iterator[Group]:
        found = shard.acknowledged
        for group in groups:
            found += group.events
            yield group
        if found != shard.sends:
            raise Damaged(
                f"shard {shard.shard} of launch {self.claim.launch_id!r} holds {found} events, {shard.sends} were "
                "counted when it was frozen"
            )

    def _gathered(self, shard: Shard, portions: Iterator[EventPortion]) -> Iterator[Group]:
        """Portions put together while they fit."""
        group = Group(shard.shard, [])
        for portion in portions:
            group.portions.append(portion)
            size = sum(each.columns.nbytes for each in group.portions)
            if group.events + min(_READ_ROWS, self.events) > self.events or size >= PUBLISH_BYTES:
                yield group
                group = Group(shard.shard, [])
        if group.portions:
            yield group

    def _paged(self, lane: Lane, shard: Shard, page: int) -> Iterator[Group]:
        start = shard.checkpoint
        while True:
            with closing(self._events(lane, shard, start, page)) as portions:
                portion = next(portions, None)
            if portion is None:
                return
            start = portion.end
            yield Group(shard.shard, [portion])

    def _events(self, lane: Lane, shard: Shard, start: int, rows: int) -> Generator[EventPortion]:
        file = self._file(shard)
        query = events_query(self.envelope, file, start, variables=self.variables, only=lane.only, but=lane.but)
        return self.engine.events(query, start, rows)

    def _file(self, shard: Shard) -> Path:
        if shard.shard not in self._files:  # its checksum is looked at once, however many lanes and pages read it
            self._files[shard.shard] = self.snapshot.verified(shard.shard)
        return self._files[shard.shard]
