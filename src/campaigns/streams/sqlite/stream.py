"""The embedded stream as its users name it, and its publisher."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from campaigns.errors import InvalidDefinition
from campaigns.streams.port import Check, Message, Received, patient
from campaigns.streams.sqlite import log, removal
from campaigns.streams.sqlite.file import explained, is_empty, open_file, open_read_only, transaction
from campaigns.streams.sqlite.log import Topic
from campaigns.streams.sqlite.subscriber import SqliteSubscriber

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class SqliteStream:
    """A topic of the stream in one SQLite file; a `Stream`. Processes of one machine share it by its path.

    `partitions` is fixed when the topic is first opened. `retention` is the age from which messages go,
    acknowledged or not (None: never); they go by segments, so some stay a tenth longer. `lease` is how long a
    subscriber may stay silent before others take its partitions. `clock` gives seconds since 1970.

    Raises:
        InvalidDefinition: a topic other than `[a-z0-9][a-z0-9_.-]*`, no partition, no positive time.
    """

    path: Path
    topic: str = "events"
    partitions: int = 1
    retention: timedelta | None = None
    lease: timedelta = timedelta(seconds=30)
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.topic):
            raise InvalidDefinition(
                f"stream topic {self.topic!r}: use at most 100 of a-z 0-9 _ . - with a letter or digit first"
            )
        if self.partitions < 1:
            raise InvalidDefinition(f"stream topic {self.topic!r}: {self.partitions} partitions, need at least 1")
        for name, span in (("retention", self.retention), ("lease", self.lease)):
            if span is not None and span <= timedelta(0):
                raise InvalidDefinition(f"stream topic {self.topic!r}: {name} {span}, need more than 0")

    def create(self, partitions: int, replication: int = 1, min_insync_replicas: int = 1) -> None:
        """See `Creatable.create`. Raises InvalidDefinition for other partitions than its own, or for copies."""
        if partitions != self.partitions:
            raise InvalidDefinition(
                f"stream topic {self.topic!r}: {partitions} partitions asked for, configured are {self.partitions}"
            )
        if (replication, min_insync_replicas) != (1, 1):
            raise InvalidDefinition(f"stream topic {self.topic!r}: the embedded stream is one file, without copies")
        self._open().close()

    def publisher(self) -> SqlitePublisher:
        """Open a publisher; see `Stream.publisher`."""
        return SqlitePublisher(self._open(), self.path, self._topic, self.clock)

    def subscriber(self, group: str) -> SqliteSubscriber:
        """Join a consumer group; see `Stream.subscriber`."""
        # An acknowledgement that a power failure forgets is a redelivery: not worth an fsync each.
        connection = self._open(synchronous="NORMAL")
        return SqliteSubscriber(connection, self.path, self._topic, group, self.lease.total_seconds(), self.clock)

    def read(self) -> Iterator[Received]:
        """Everything on the topic now, a partition after the other; see `Stream.read`."""
        return self._read_to(self._ends())

    def expire(self) -> int:
        """Remove what is past `retention` now, not at the next publishes. Returns how many messages.

        Raises Unavailable, Damaged.
        """
        if not self.path.exists():
            return 0
        with explained(self.path), closing(self._open()) as connection:
            return removal.expire(connection, self._topic, self.clock())

    def purge(self, source: str) -> int:
        """Remove for good every message that is a JSON object with this `source`. Returns how many.

        When it returns, no byte of them is left in the stream's files. Their positions are not used again.

        Raises:
            Unavailable: as usual; or the messages are gone, but another process kept their copy in the
                write-ahead log: purge again. A purge that was interrupted is finished by the next.
            Damaged: the file is not a stream that can be read.
        """
        if not self.path.exists():
            return 0
        with explained(self.path), closing(self._open()) as connection:
            return removal.purge(connection, self._topic, source)

    @property
    def _topic(self) -> Topic:
        return Topic(self.topic, self.partitions, self.retention.total_seconds() if self.retention else None)

    def _open(self, synchronous: str = "FULL") -> sqlite3.Connection:
        connection = open_file(self.path, synchronous=synchronous)
        try:
            with explained(self.path):
                log.ensure_topic(connection, self._topic)
        except BaseException:
            connection.close()
            raise
        return connection

    def _ends(self) -> Sequence[int]:
        if not self.path.exists():
            return []
        with explained(self.path), closing(open_read_only(self.path)) as connection:
            if is_empty(connection):
                return []
            log.check_partitions(connection, self._topic)
            return log.ends(connection, self._topic)

    def _read_to(self, end_of: Sequence[int]) -> Iterator[Received]:
        if not end_of:
            return
        with closing(open_read_only(self.path)) as connection:
            for partition, end in enumerate(end_of):
                first = 0
                while messages := self._page(connection, partition, first, end):
                    yield from messages
                    first = messages[-1].position + 1

    def _page(self, connection: sqlite3.Connection, partition: int, first: int, end: int) -> Sequence[Received]:
        with explained(self.path):  # not around the `yield`: the reader's own errors are not ours
            return log.page(connection, self.topic, partition, first, end, log.PAGE_MESSAGES)


class SqlitePublisher:
    """A `Publisher`: one call is one transaction, on disk when it returns; if it raises, nothing is there."""

    def __init__(self, connection: sqlite3.Connection, path: Path, topic: Topic, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._path = path
        self._topic = topic
        self._clock = clock

    @property
    def identity(self) -> str:
        """See `Publisher.identity`."""
        with explained(self._path):
            found: str = self._connection.execute("SELECT id FROM identity").fetchone()[0]
        return found

    def publish(self, messages: Sequence[Message], check: Check = patient) -> None:
        """See `Publisher.publish`; it asks no `check`, but waits for another writer for 30 s at most.

        Removes each partition's oldest segment if it is past the retention.
        """
        if not messages:
            return
        now = self._clock()
        with explained(self._path), transaction(self._connection):
            log.append(self._connection, self._topic, messages, now)
            removal.expire_step(self._connection, self._topic, now)

    def close(self) -> None:
        """See `Publisher.close`."""
        self._connection.close()
