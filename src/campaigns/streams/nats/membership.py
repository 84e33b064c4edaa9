"""One member's hand on its group: it stays a member while it is kept up, and knows what it owns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from nats.errors import Error
from nats.js.errors import KeyWrongLastSequenceError

from campaigns.errors import Unavailable
from campaigns.streams.nats.errors import words_of
from campaigns.streams.nats.group import Silence
from campaigns.streams.nats.link import Link
from campaigns.streams.nats.marks import Mark, Marks

T = TypeVar("T")

LOOK_SECONDS = 0.5
"""How often a member looks whether the group changed, unless its lease is so short that it must more often."""

AGAIN_SECONDS = 0.02


class Membership:
    """`marks` of this member's partitions, as it knows them: each is a fence once another owner has moved it."""

    def __init__(self, link: Link, entries: Marks, member: str) -> None:
        self.marks: dict[int, Mark] = {}
        self._link = link
        self._entries = entries
        self._member = member
        self._lease = link.place.lease
        self._silence = Silence(self._lease)
        self._settled = 0  # the group's revision when nothing was left to do for us
        self._look_at = self._beat_at = 0.0

    async def keep_up(self) -> None:
        """Look at the group when it is time to: say that we live, give back or take partitions, fence them off.

        Raises what nats-py raises; the next call goes on where this one stopped.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        while True:
            with suppress(KeyWrongLastSequenceError):  # somebody was faster: look again
                await self._settle(now)
                break
            await asyncio.sleep(AGAIN_SECONDS)
        self._look_at = now + min(LOOK_SECONDS, self._lease / 3)

    async def acknowledge(self, partition: int, position: int) -> bool:
        """Move the partition's mark forward. False if it is another's now. Raises Unavailable."""
        return await self._lasting(lambda: self._acknowledge(partition, position))

    async def leave(self) -> None:
        """Stop being a member: what we own is nobody's. Raises Unavailable."""
        await self._lasting(self._leave)

    async def _settle(self, now: float) -> None:
        group, revision = await self._entries.group()
        beats = now >= self._beat_at or self._member not in group.members
        dead = self._silence.dead(group.members, now) - {self._member}
        if beats or dead or revision != self._settled:
            wanted = (group.beaten(self._member) if beats else group).without(dead).shared(self._member)
            if wanted != group:
                group, revision = wanted, await self._entries.regroup(wanted, revision)
            if beats:
                self._beat_at = now + self._lease / 3
        await self._take_over(group.owned(self._member))
        self._settled = revision

    async def _take_over(self, owned: dict[int, int]) -> None:
        """Forget what is not ours in this epoch, and fence off what is new."""
        self.marks = {p: mark for p, mark in self.marks.items() if owned.get(p) == mark.epoch}
        for partition in owned.keys() - self.marks.keys():
            found = await self._entries.mark(partition)
            if found.epoch > owned[partition]:
                continue  # we looked at a group of long ago
            self.marks[partition] = await self._entries.move(partition, found._replace(epoch=owned[partition]))

    async def _acknowledge(self, partition: int, position: int) -> bool:
        mark = self.marks.get(partition)
        if mark is None:
            return False
        try:
            if position > mark.acknowledged:
                self.marks[partition] = await self._entries.move(partition, mark._replace(acknowledged=position))
            return True
        except KeyWrongLastSequenceError:  # another's, or ours and the answer was lost
            found = await self._entries.mark(partition)
            if found.epoch == mark.epoch:
                self.marks[partition] = found
                raise
            del self.marks[partition]
            self._look_at = 0.0
            return False

    async def _leave(self) -> None:
        group, revision = await self._entries.group()
        if self._member in group.members:
            await self._entries.regroup(group.without({self._member}), revision)

    async def _lasting(self, work: Callable[[], Awaitable[T]]) -> T:
        """Try until it works. Raises Unavailable after `patience` seconds."""
        deadline = time.monotonic() + self._link.place.patience
        while True:
            try:
                return await work()
            except (Error, OSError, TimeoutError) as error:
                if time.monotonic() > deadline or self._link.client.is_closed:
                    raise Unavailable(f"{self._link.place.what}: {words_of(error)}") from error
            await asyncio.sleep(AGAIN_SECONDS)
