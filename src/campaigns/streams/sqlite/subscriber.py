"""One member of a consumer group on the embedded stream."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import uuid4

from campaigns.streams.port import Lost, Received
from campaigns.streams.sqlite.file import explained
from campaigns.streams.sqlite.group import Group, View
from campaigns.streams.sqlite.log import Topic, page

IDLE_SECONDS = 0.02  # between two looks at a stream on which nothing arrived


class SqliteSubscriber:
    """A `Subscriber`. Reads a page of one partition at a time: it holds about 4 MiB, whatever lies ahead."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        topic: Topic,
        group: str,
        lease: float,
        clock: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._path = path
        self._topic = topic
        self._name = group
        self._group = Group(connection, topic, group, uuid4().hex, lease)
        self._lease = lease
        self._clock = clock
        self._settled: View | None = None
        self._renew_at = 0.0
        self._next: dict[int, int] = {}  # owned partition -> position to read next; the one served last comes last
        self._received: dict[int, int] = {}  # partition -> one past the highest position ever received
        self._closed = False

    @property
    def assigned(self) -> frozenset[int]:
        """See `Subscriber.assigned`."""
        return frozenset(self._next)

    def poll(self, limit: int, timeout: float) -> Sequence[Received]:
        """See `Subscriber.poll`. All the messages of one call are of one partition; partitions take turns."""
        deadline = time.monotonic() + timeout
        with explained(self._path):
            while True:
                self._keep_membership()
                received = self._fetch(limit)
                left = deadline - time.monotonic()
                if received or left <= 0:
                    return received
                time.sleep(min(IDLE_SECONDS, left))

    def acknowledge(self, partition: int, position: int) -> None:
        """See `Subscriber.acknowledge`. Raises ValueError for a position past what this member received."""
        received = self._received.get(partition, 0)
        if position > received:
            raise ValueError(
                f"acknowledge {position} of partition {partition}: received only what is before {received}"
            )
        with explained(self._path):
            if not self._group.acknowledge(partition, position):
                raise Lost(f"group {self._name!r}: partition {partition} belongs to another member now")

    def close(self) -> None:
        """See `Subscriber.close`."""
        if self._closed:
            return
        self._closed = True
        try:
            with explained(self._path):
                self._group.leave()
        finally:
            self._connection.close()

    def _keep_membership(self) -> None:
        """Write only when the group changed or a third of the lease has gone by: most polls just read."""
        now = self._clock()
        if now < self._renew_at and self._group.view(now) == self._settled:
            return
        taken = self._group.settle(now)
        owned = self._group.owned()
        self._next = {p: position for p, position in self._next.items() if p in owned} | dict(taken)
        self._settled = self._group.view(now)
        self._renew_at = now + self._lease / 3

    def _fetch(self, limit: int) -> Sequence[Received]:
        for partition, first in list(self._next.items()):
            received = page(self._connection, self._topic.name, partition, first, None, limit)
            if received:
                del self._next[partition]  # to the end of the queue: partitions take turns
                self._next[partition] = self._received[partition] = received[-1].position + 1
                return received
        return []
