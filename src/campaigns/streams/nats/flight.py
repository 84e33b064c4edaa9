"""The messages of one publish, from the first byte sent to the last acknowledgement."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress

from nats.aio.msg import Msg
from nats.errors import Error

from campaigns.errors import CampaignsError, InvalidData, Unavailable
from campaigns.streams.nats.errors import PASSING, TOO_LARGE, unknown_stream
from campaigns.streams.nats.layout import Layout, info_of, partition_of, subjects_of
from campaigns.streams.nats.link import Link
from campaigns.streams.nats.window import Window
from campaigns.streams.nats.wire import END, head
from campaigns.streams.port import Messages

OVERDUE_SECONDS = 5.0
"""After so long without any acknowledgement everything on its way is sent again."""

AGAIN_SECONDS = 0.1
"""How long to wait before that when the servers turned something away."""

LOOK_SECONDS = 0.1
"""How often to look whether the connection came back."""


class Flight:
    """Lives in the link's thread."""

    def __init__(self, link: Link, layout: Layout, messages: Messages) -> None:
        self._link = link
        self._largest = layout.largest
        self._subjects = subjects_of(link.place.name, layout.partitions)
        self._messages = messages
        self._window = Window(messages)
        self._inbox = link.client.new_inbox()
        self._stored = f'{{"stream":"{link.place.name}"'.encode()
        self._connection = link.connections
        self._moved = asyncio.Event()  # there may be something to do
        self._turned_away = ""  # why, in the servers' words
        self._failure: CampaignsError | None = None

    async def land(self) -> None:
        """Return once every message is acknowledged. Raises Unavailable, InvalidData, NotFound."""
        watch = Watch(self._link.place.patience, self._window.left)
        client = self._link.client
        answers = await client.subscribe(f"{self._inbox}.*", cb=self._answered)
        client.listen(f"{self._inbox}.", self._heard)
        try:
            while self._window.left and self._failure is None:
                if not await self._send():
                    await self._wait(watch)
        finally:
            client.listen()
            with suppress(Error):  # the connection may be closed
                await answers.unsubscribe()
        if self._failure is not None:
            raise self._failure

    async def _send(self) -> bool:
        """Send a piece of what may fly. False if there is none, or nobody to send it to."""
        if not self._link.client.is_connected:
            return False
        if self._connection != self._link.connections:  # what was on its way may be lost, or its answers
            self._connection = self._link.connections
            self._window.again()
        self._moved.clear()
        piece = b"".join(part for at in self._window.take() for part in self._written(at))
        if piece:
            await self._link.send(piece)
            await asyncio.sleep(0)  # hear what arrived meanwhile
        return bool(piece)

    def _written(self, at: int) -> tuple[bytes, bytes, bytes]:
        key, value = self._messages.keys[at], self._messages.values[at]
        subject = self._subjects[partition_of(key.encode(), len(self._subjects))]
        before, headers = head(subject, f"{self._inbox}.{at}", self._messages.ids[at], key, len(value))
        if headers + len(value) > self._largest:
            raise self._too_large(at)
        return before, value, END

    async def _wait(self, watch: Watch) -> None:
        """Wait until more may fly, but not long: the connection may change. Raises Unavailable, NotFound."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._moved.wait()
        what, silent = self._link.place.what, watch.silent(self._window.left)
        if self._link.client.is_closed:
            raise Unavailable(f"{what}: the connection was closed{self._link.why()}")
        if silent >= watch.patience:
            raise Unavailable(f"{what}: nothing was acknowledged for {watch.patience:g} seconds{self._why()}")
        if self._turned_away:
            await self._come_back()
        elif watch.is_overdue(silent):
            self._window.again()

    async def _come_back(self) -> None:
        """The servers had no room, or the stream no leader: that passes. Or there is no such stream any more."""
        await asyncio.sleep(AGAIN_SECONDS)
        with suppress(Unavailable):
            if await info_of(self._link) is None:
                raise unknown_stream(self._link.place.what)
        self._turned_away = ""
        self._window.again()

    async def _answered(self, message: Msg) -> None:
        """An answer with headers: no stream has the subject, or its leader is not known yet."""
        self._heard(message.subject.encode(), message.data)

    def _heard(self, subject: bytes, answer: bytes) -> None:
        """Heard of one message. Stored before, a duplicate, is as good as stored now."""
        at = int(subject[len(self._inbox) + 1 :])
        if not answer.startswith(self._stored):
            self._refused(at, answer)
        elif self._window.landed(at):
            self._moved.set()

    def _refused(self, at: int, answer: bytes) -> None:
        error = json.loads(answer).get("error", {}) if answer else {"code": 503, "description": "nobody listens"}
        words = str(error.get("description", "an answer that is none"))
        if error.get("code") in PASSING and "exceeded" not in words:  # a stream that is full stays full
            self._turned_away = words
        elif error.get("err_code") == TOO_LARGE:
            self._failure = self._too_large(at)
        else:
            self._failure = Unavailable(f"{self._link.place.what}: {words}")
        self._moved.set()

    def _too_large(self, at: int) -> InvalidData:
        size = len(self._messages.values[at])
        return InvalidData(
            f"{self._link.place.what}: a message of {size} bytes is too large; with its headers it may have "
            f"{self._largest} (max_payload of the server, max_msg_size of the stream)"
        )

    def _why(self) -> str:
        return f": {self._turned_away}" if self._turned_away else self._link.why()


class Watch:
    """Notices when nothing is acknowledged any more: overdue every `OVERDUE_SECONDS`, over after `patience`."""

    def __init__(self, patience: float, left: int) -> None:
        self.patience = patience
        self._left = left
        self._since = time.monotonic()
        self._overdue = OVERDUE_SECONDS

    def silent(self, left: int) -> float:
        """For how many seconds as many are left as now."""
        now = time.monotonic()
        if left != self._left:
            self._left, self._since, self._overdue = left, now, OVERDUE_SECONDS
        return now - self._since

    def is_overdue(self, silent: float) -> bool:
        """Whether it is time to send again; then the next time is as far away."""
        overdue = silent >= self._overdue
        if overdue:
            self._overdue = silent + OVERDUE_SECONDS
        return overdue
