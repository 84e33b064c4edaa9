"""Reading a stream's messages in their order, with a consumer that the servers may forget at any time.

The consumer acknowledges nothing, so what was on its way when a connection broke is not sent by it again. Whenever
that may have happened a new consumer starts behind the last message that did arrive.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from campaigns.streams.nats.errors import explained, unknown_stream
from campaigns.streams.nats.layout import subjects_of
from campaigns.streams.nats.link import Link
from campaigns.streams.nats.wire import received
from campaigns.streams.port import Received

PAGE_MESSAGES = 1000
PAGE_BYTES = 4 << 20
"""What one request may bring, at least one message."""

IDLE_SECONDS = 60.0
"""After so long without a request the servers forget a consumer."""

LATE_SECONDS = 5.0
"""How long an answer may be overdue."""

NOTHING = frozenset({"404", "408"})
PENDING = "Nats-Pending-Messages"
"""Answers to a request: no message, and none within the time; and how many of those asked for were not sent."""


class Cursor:
    """Follows one partition, or with None the whole stream. What arrived is in `arrived`, oldest first.

    At most one request is out: what it may bring bounds what is read ahead. Lives in the link's thread; `heard` is
    set whenever something arrived.
    """

    def __init__(self, link: Link, position: int, partition: int | None, heard: asyncio.Event) -> None:
        self.arrived: deque[Received] = deque()
        self.asking = False
        self.at_end = False  # the last request brought nothing, for there is nothing
        self._link = link
        self._heard = heard
        self._next = position  # behind the last that arrived
        self._filter = None if partition is None else subjects_of(link.place.name, partition + 1)[partition]
        self._inbox = link.client.new_inbox()
        self._answers: Subscription | None = None
        self._consumer = ""
        self._connection = 0
        self._sequence = 0  # of the consumer: it counts what it sends
        self._request = 0
        self._brought = 0
        self._overdue = 0.0

    async def ask(self, seconds: float) -> None:
        """Request what lies ahead; if there is nothing wait for it that long. Raises Unavailable, NotFound."""
        if self.asking and self._connection == self._link.connections and time.monotonic() < self._overdue:
            return
        if self.asking or self._connection != self._link.connections:
            self._consumer = ""
        with explained(self._link.place.what):
            if not self._consumer:
                await self._start()
            await self._send_request(seconds)

    async def answered(self) -> None:
        """Return when the request has brought what it can, or its answer is late."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_SECONDS):
                while self.asking:
                    self._heard.clear()
                    await self._heard.wait()

    def drained(self, limit: int) -> list[Received]:
        """Take up to so many of what arrived."""
        return [self.arrived.popleft() for _ in range(min(limit, len(self.arrived)))]

    async def close(self) -> None:
        """Tell the servers that nobody reads on."""
        with suppress(Error, TimeoutError):
            if self._answers is not None:
                await self._answers.unsubscribe()
            if self._consumer and self._link.client.is_connected:
                await self._link.jetstream.delete_consumer(self._link.place.name, self._consumer)

    async def _start(self) -> None:
        if self._answers is None:
            self._answers = await self._link.client.subscribe(f"{self._inbox}.*", cb=self._answered)
        self._connection, name = self._link.connections, uuid4().hex
        config = ConsumerConfig(
            name=name,
            filter_subject=self._filter,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=max(1, self._next),
            ack_policy=AckPolicy.NONE,
            inactive_threshold=IDLE_SECONDS,
            num_replicas=1,
            mem_storage=True,
        )
        try:
            await self._link.jetstream.add_consumer(self._link.place.name, config)
        except NotFoundError:
            raise unknown_stream(self._link.place.what) from None
        self._consumer, self._sequence = name, 0

    async def _send_request(self, seconds: float) -> None:
        most = max(PAGE_BYTES, 2 * self._link.client.max_payload)
        wanted: dict[str, Any] = {"batch": PAGE_MESSAGES, "max_bytes": most}
        wanted |= {"expires": int(seconds * 1e9)} if seconds else {"no_wait": True}
        self._request += 1
        self._brought = 0
        self._overdue = time.monotonic() + seconds + LATE_SECONDS
        self.asking, self.at_end = True, False
        await self._link.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._link.place.name}.{self._consumer}",
            json.dumps(wanted).encode(),
            reply=f"{self._inbox}.{self._request}",
        )

    async def _answered(self, message: Msg) -> None:
        if message.reply:
            self._take(message)
        elif message.subject.endswith(f".{self._request}"):  # the end of the request, or its refusal
            self._end(message.headers or {})
        self._heard.set()

    def _end(self, about: Mapping[str, str]) -> None:
        """The request is answered, or refused; what was sent and did not arrive was lost between servers."""
        whole = int(about.get(PENDING, PAGE_MESSAGES - self._brought)) == PAGE_MESSAGES - self._brought
        self.asking = False
        self.at_end = whole and not self._brought and about.get("Status") in NOTHING
        if not whole or not (self._brought or self.at_end):
            self._consumer = ""

    def _take(self, message: Msg) -> None:
        about = message.metadata
        if about.consumer != self._consumer:
            return  # of one that was given up
        self._sequence += 1
        if about.sequence.consumer != self._sequence:  # one before it was lost between servers
            self._consumer, self.asking = "", False
            return
        position = about.sequence.stream
        self._next = position + 1
        self._brought += 1
        self.asking = self._brought < PAGE_MESSAGES
        self.arrived.append(received(message.subject, position, message.headers, message.data))
