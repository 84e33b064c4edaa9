"""One member of a consumer group.

JetStream's own consumers share messages, not partitions: they know no owner who alone may acknowledge. So a group
is kept in entries of a key-value bucket, and its members read with consumers that know nothing of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

from nats.errors import Error

from campaigns.errors import Unavailable
from campaigns.streams.nats.cursor import Cursor
from campaigns.streams.nats.errors import explained
from campaigns.streams.nats.layout import layout_of
from campaigns.streams.nats.link import Link
from campaigns.streams.nats.marks import marks_of
from campaigns.streams.nats.membership import Membership
from campaigns.streams.nats.place import Place
from campaigns.streams.port import Lost, Received

ASK_SECONDS = 10.0
"""How long the servers keep a request that they have nothing for."""

LOOK_SECONDS = 0.2
"""How long to wait for messages before looking after the membership again."""


class NatsSubscriber:
    """A `Subscriber`. Reads ahead at most one page of each of its partitions."""

    def __init__(self, place: Place, group: str) -> None:
        self._place = place
        self._name = group
        self._cursors: dict[int, tuple[int, Cursor]] = {}  # by partition, with the epoch; the one served last is last
        self._ends: dict[int, int] = {}  # of this ownership: one past the newest received
        self._received: dict[int, int] = {}  # one past the newest position ever received
        self._heard_of = time.monotonic()
        self._closed = False
        self._link = Link(place)
        try:
            self._membership, self._heard = self._link.call(self._joined(group))
        except BaseException:
            self._link.close()
            raise

    @property
    def assigned(self) -> frozenset[int]:
        """See `Subscriber.assigned`."""
        return frozenset(self._cursors)

    def poll(self, limit: int, timeout: float) -> Sequence[Received]:
        """See `Subscriber.poll`."""
        self._check_open()
        return self._link.call(self._poll(limit, time.monotonic() + timeout))

    def acknowledge(self, partition: int, position: int) -> None:
        """See `Subscriber.acknowledge`. Raises ValueError for a position past what this member received."""
        self._check_open()
        received = self._received.get(partition, 0)
        if position > received:
            raise ValueError(
                f"acknowledge {position} of partition {partition}: received only what is before {received}"
            )
        ours = position <= self._ends.get(partition, 0)  # else it was received in an earlier ownership
        if not ours or not self._link.call(self._membership.acknowledge(partition, position)):
            self._link.call(self._forget(partition))
            raise Lost(f"group {self._name!r}: partition {partition} belongs to another member now")

    def close(self) -> None:
        """See `Subscriber.close`. If the servers do not answer, others wait for the lease to end."""
        if self._closed:
            return
        self._closed = True
        try:
            with suppress(Unavailable):
                self._link.call(self._leave())
        finally:
            self._link.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the subscriber is closed")

    async def _joined(self, group: str) -> tuple[Membership, asyncio.Event]:
        with explained(self._place.what):
            layout = await layout_of(self._link)
            entries = await marks_of(self._link, layout, group)
        return Membership(self._link, entries, uuid4().hex), asyncio.Event()

    async def _poll(self, limit: int, deadline: float) -> list[Received]:
        while True:
            self._heard.clear()
            await self._keep_up(max(1.0, deadline - time.monotonic()))
            received = self._taken(limit)
            left = deadline - time.monotonic()
            if received or limit < 1 or left <= 0:
                return received
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_SECONDS)):
                    await self._heard.wait()

    async def _keep_up(self, seconds: float) -> None:
        """Servers that are away for less than `patience` only mean that nothing arrives."""
        try:
            if self._link.client.is_connected:
                async with asyncio.timeout(seconds):
                    await self._membership.keep_up()
                    await self._follow()
                self._heard_of = time.monotonic()
        except (Error, OSError, TimeoutError, Unavailable) as error:
            self._link.trouble = error
        if time.monotonic() - self._heard_of > self._place.patience or self._link.client.is_closed:
            raise Unavailable(f"{self._place.what}: no answer{self._link.why()}")

    async def _follow(self) -> None:
        """Read on where the group wants to, and ask for more where nothing is left."""
        marks = self._membership.marks
        for partition, (epoch, _) in list(self._cursors.items()):
            if partition not in marks or marks[partition].epoch != epoch:
                await self._forget(partition)
        for partition, mark in marks.items():
            if partition not in self._cursors:
                cursor = Cursor(self._link, mark.acknowledged, partition, self._heard)
                self._cursors[partition] = (mark.epoch, cursor)
        for _, cursor in self._cursors.values():
            if not cursor.arrived:
                await cursor.ask(ASK_SECONDS)

    def _taken(self, limit: int) -> list[Received]:
        """Up to so many of what arrived; partitions take turns."""
        taken: list[Received] = []
        for partition, (epoch, cursor) in list(self._cursors.items()):
            part = cursor.drained(limit - len(taken))
            if part:
                self._cursors[partition] = (epoch, self._cursors.pop(partition)[1])
                self._ends[partition] = part[-1].position + 1
                self._received[partition] = max(self._received.get(partition, 0), self._ends[partition])
                taken += part
        return taken

    async def _forget(self, partition: int) -> None:
        self._ends.pop(partition, None)
        if partition in self._cursors:
            await self._cursors.pop(partition)[1].close()

    async def _leave(self) -> None:
        for partition in list(self._cursors):
            await self._forget(partition)
        await self._membership.leave()
