"""What every stream promises. `campaigns.streams.contract` is the same text as tests; each adapter runs it.

A stream is a number of partitions, each an ordered log of messages. A message's key decides its partition, so
messages of one key keep their order. Delivery is at least once: nothing is lost, anything may come twice.
Publishers and subscribers are used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol, overload, runtime_checkable

import pyarrow as pa

from campaigns.errors import CampaignsError


class Message(NamedTuple):
    """A message to publish. `key` decides the partition; streams that deduplicate go by `id`."""

    key: str
    value: bytes
    id: str


class Messages(Sequence[Message]):
    """Messages as columns, to make no object of each of millions.

    `table` has the columns key, value and id: text, bytes, text, none of them null. To everyone it is a sequence of
    `Message`; an adapter that needs an object of each takes the lists `keys`, `values` and `ids`.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Messages:
        """The same messages as columns."""
        if isinstance(messages, Messages):
            return messages
        types = (pa.large_string(), pa.large_binary(), pa.large_string())
        columns = zip(*messages, strict=True) if messages else ([], [], [])
        arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
        return cls(pa.table(arrays, list(Message._fields)))

    @cached_property
    def keys(self) -> list[str]:
        """The key of each."""
        return self._list("key")

    @cached_property
    def values(self) -> list[bytes]:
        """The value of each."""
        return self._list("value")

    @cached_property
    def ids(self) -> list[str]:
        """The id of each."""
        return self._list("id")

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[Message]:
        return map(Message, self.keys, self.values, self.ids)

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> Messages: ...

    def __getitem__(self, index: int | slice) -> Message | Messages:
        if not isinstance(index, slice):
            return Message(self.keys[index], self.values[index], self.ids[index])
        start, stop, step = index.indices(len(self))
        if step != 1:
            return Messages.of(list(self)[index])
        return Messages(self.table.slice(start, max(0, stop - start)))

    def _list(self, name: str) -> list[Any]:
        found: list[Any] = self.table[name].to_numpy(zero_copy_only=False).tolist()
        return found


class Received(NamedTuple):
    """A message as it lies on the stream. Positions grow within a partition; they may have holes."""

    partition: int
    position: int
    key: str
    value: bytes


class Lost(CampaignsError):
    """The partition belongs to another member now, which receives again what was not acknowledged."""


Check = Callable[[], None]
"""Called at least twice a second while a publish waits for its server; what it raises ends the wait."""


def patient() -> None:
    """A check that never ends a wait."""


class Publisher(Protocol):
    """Puts messages on the stream."""

    @property
    def identity(self) -> str:
        """Names this very stream for as long as it lives; one that was made anew in its place has another."""

    def publish(self, messages: Sequence[Message], check: Check = patient) -> None:
        """Return once all messages are durable. If it raises, any of them may have been delivered.

        Messages of one key keep their order, within a call and from one call to the next.

        Raises:
            Unavailable: the stream is down, full or locked; the same call may succeed later.
            NotFound: the stream does not exist (any more).
            InvalidData: a message is larger than the stream takes.
            Damaged: what the stream stored cannot be trusted.
        """

    def close(self) -> None:
        """Free what the publisher holds; what is published is durable already. A second call does nothing."""


@runtime_checkable
class Overlapping(Protocol):
    """A publisher that can begin a publish while the one before is still being acknowledged."""

    def begin(self, messages: Sequence[Message], check: Check = patient) -> Callable[[], None]:
        """Hand messages over; what is returned waits, as `publish` does, until all of them are durable.

        At most two publishes are under way, and they are waited for in the order in which they were begun. They may
        overtake each other: no key may be in both. Raises as `Publisher.publish`, here or in the wait.
        """


class Subscriber(Protocol):
    """One member of a consumer group. The group's partitions are shared fairly among its members.

    A member keeps its partitions as long as it polls. One that stays silent too long loses them, and a member
    that joins takes over its share; both show in `assigned` after the next `poll`.
    """

    @property
    def assigned(self) -> frozenset[int]:
        """The partitions this member owned when `poll` last returned.

        Drop what is unfinished of a partition that is no longer here: its new owner receives it again.
        """

    def poll(self, limit: int, timeout: float) -> Sequence[Received]:
        """Return up to `limit` messages, or none when nothing arrived within `timeout` seconds.

        Positions of a partition grow from call to call. A position that does not means that the partition was
        lost and came back in between: drop what is unfinished of it, it is being delivered again.
        `poll(0, 0)` receives nothing and keeps the membership alive, for a member whose output is stalled.
        What is read ahead is bounded, however long a member stays away.

        Raises:
            Unavailable, Damaged: as `Publisher.publish`.
        """

    def acknowledge(self, partition: int, position: int) -> None:
        """Everything before `position` of the partition is done: the group wants `position` next.

        A position below an earlier one changes nothing. The highest that makes sense is one past the last
        message received.

        Raises:
            Lost: this member no longer owns the partition. Nothing was acknowledged.
            Unavailable, Damaged: as `Publisher.publish`.
        """

    def close(self) -> None:
        """Give the partitions back at once; what is not acknowledged is delivered again to somebody.

        A second call does nothing.
        """


class Stream(Protocol):
    """A named stream. To have one opens nothing; its publishers and subscribers do."""

    def publisher(self) -> Publisher:
        """Open a publisher. Raises Unavailable, Damaged; NotFound where a stream must be created before."""

    def subscriber(self, group: str) -> Subscriber:
        """Join a consumer group; a new group starts at the oldest message. Raises Unavailable, Damaged."""

    def read(self) -> Iterator[Received]:
        """Everything on the stream now, oldest first within a partition. No group, no side effects.

        Ends at the end as it was at the call; a stream that does not exist yet is empty. Memory is bounded.

        Raises:
            Unavailable, Damaged: as `Publisher.publish`.
        """


@runtime_checkable
class Creatable(Protocol):
    """A stream that can be created beforehand."""

    def create(self, partitions: int, replication: int = 1, min_insync_replicas: int = 1) -> None:
        """Create the stream, empty; one that exists as asked for stays as it is.

        `replication` is how many copies brokers keep of every message, `min_insync_replicas` how many of them are
        written before a message counts as durable.

        Raises:
            Conflict: it exists with other partitions or replicas.
            InvalidDefinition: what is asked for cannot be had on this stream.
            Unavailable: the stream is down; the same call may succeed later.
        """
