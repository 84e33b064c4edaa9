"""A connection to NATS that lives in a thread of its own.

The ports are synchronous and nats-py is not. Its loop must run also while nobody calls: it answers the server's
pings and connects again when the server comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from threading import Event, Thread
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.js import JetStreamContext

from campaigns.errors import Unavailable
from campaigns.streams.nats.errors import is_final, words_of
from campaigns.streams.nats.place import Place
from campaigns.streams.port import Check, patient

T = TypeVar("T")

LOOK_SECONDS = 0.2
"""How often a caller that waits looks whether it should go on."""

CLOSE_SECONDS = 1.0
"""How long a server may take to hear that we go."""


class Listening(Client):
    """A client that can tell the answers under one inbox as bytes, the moment they are parsed.

    nats-py makes a message object, a place in a queue and a switch of tasks of each, which is a third of what a
    publish costs. Should it call its own methods otherwise some day, they come to the subscription as usual.
    """

    def __init__(self) -> None:
        super().__init__()
        self.listen()

    def listen(self, inbox: str = "", heard: Callable[[bytes, bytes], None] | None = None) -> None:
        """From now on tell subject and data of answers whose subject begins like that; without it none."""
        self._inbox, self._heard = inbox.encode(), heard

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        if self._heard is not None and not headers and subject.startswith(self._inbox):
            self._heard(subject, data)
        else:
            await super()._process_msg(sid, subject, reply, data, headers)


class Link:
    """A client that stays connected until it is closed. `trouble` is the last thing that it complained of.

    `connections` counts how often it was connected: what was on its way over an earlier one may be lost.
    Coroutines run by `call`; everything else of it belongs to them.
    """

    def __init__(self, place: Place) -> None:
        """Connect. Raises Unavailable if no server lets us in within `answer_seconds`."""
        self.place = place
        self.connections = 0
        self.trouble: Exception | None = None
        self.client = Listening()
        self._opening = True
        self._running = Event()
        self._thread = Thread(target=self._live, name=f"nats {place.name}", daemon=True)
        self._thread.start()
        self._running.wait()
        try:
            self.call(self._connect())
        except BaseException:
            self.close()
            raise

    @property
    def jetstream(self) -> JetStreamContext:
        """Asks JetStream; waits `answer_seconds` for an answer."""
        return self.client.jetstream(timeout=self.place.answer_seconds)

    def call(self, work: Coroutine[Any, Any, T], check: Check = patient) -> T:
        """Run it in the connection's thread and return what it returns. An interrupted caller cancels it; so does
        `check`, by what it raises."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while not wait([future], LOOK_SECONDS).done:
                check()
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Let go of the server and end the thread; what is on its way is not waited for."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(5 * CLOSE_SECONDS)  # it ends with the process: no server that is gone holds us up

    async def send(self, frames: bytes) -> None:
        """Hand over many messages at once, as the protocol has them: a fifth of what `publish` takes for each."""
        await self.client._send_command(frames)
        await self.client._flush_pending()

    def why(self) -> str:
        """The last complaint as the end of a sentence."""
        return f": {words_of(self.trouble)}" if self.trouble else ""

    def _live(self) -> None:
        with asyncio.Runner() as runner:
            self._loop, self._ended = runner.get_loop(), asyncio.Event()
            runner.run(self._until_ended())

    async def _until_ended(self) -> None:
        self._running.set()
        await self._ended.wait()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.client.close()
        except Exception as error:  # noqa: BLE001 - of what a server left half said; or it takes nothing any more
            self.trouble = error
            writer = getattr(self.client._transport, "_io_writer", None)
            if writer is not None:
                writer.transport.abort()

    async def _connect(self) -> None:
        seconds = self.place.answer_seconds
        try:
            async with asyncio.timeout(seconds):
                await self.client.connect(
                    self.place.addresses,
                    error_cb=self._complained,
                    reconnected_cb=self._connected,
                    **self.place.options(),
                )
        except TimeoutError as error:
            raise Unavailable(f"{self.place.what}: no connection within {seconds:g} seconds{self.why()}") from error
        except Exception as error:
            if not is_final(error):
                raise
            raise Unavailable(f"{self.place.what}: {words_of(error)}") from error
        self._opening = False
        await self._connected()

    async def _connected(self) -> None:
        self.connections += 1
        self.trouble = None

    async def _complained(self, error: Exception) -> None:
        self.trouble = error
        if self._opening and is_final(error):
            raise error  # out of `connect`, which would try for ever
