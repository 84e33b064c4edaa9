"""What the servers themselves say, asked with the plain client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nats.js import JetStreamContext

import nats
from campaigns.streams.nats import NatsStream

T = TypeVar("T")


def ask(stream: NatsStream, question: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    """Ask JetStream a question."""

    async def asked() -> T:
        connection = await nats.connect(stream.servers)
        try:
            return await question(connection.jetstream())
        finally:
            await connection.close()

    return asyncio.run(asked())
