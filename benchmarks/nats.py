"""NATS JetStream, a real server on the same machine: an emission against the plain client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.brokers import Nats, nats
from benchmarks.figures import Figure
from benchmarks.freeze import freeze
from benchmarks.kafka import emission
from benchmarks.results import Result
from benchmarks.sides import Measured, in_turns, side
from benchmarks.workspaces import copy_of, redirect, workspace

CUSTOMERS = 1_000_000
"""At most so many: the client makes some tens of thousands of events a second, whatever their number."""

WINDOW = 4_000
"""Publishes in flight, of the plain client."""


def run(customers: int, rounds: int) -> Result:
    """Events acknowledged a second."""
    with copy_of(workspace(min(customers, CUSTOMERS))) as frozen, nats() as server:
        side(freeze, workspace=str(frozen))()
        found = in_turns(rounds, ceiling=_on(server, frozen, publish), emit=_on(server, frozen, emit))
    figures: list[Figure] = [*emission("NATS JetStream", found["emit"], found["ceiling"])]
    return Result(figures, found)


def publish(workspace: str, address: str, stream: str) -> Mapping[str, Any]:
    """Ready payloads through the plain client: `publish_async` with ids, a bounded window, all acknowledged."""
    from benchmarks.clock import Clock
    from benchmarks.payloads import payloads

    messages, clock = payloads(workspace), Clock()

    async def published() -> None:
        import nats

        connection = await nats.connect(address)
        jetstream = connection.jetstream(publish_async_max_pending=WINDOW)
        pending = []
        with clock.running():
            for value, event_id in zip(messages.values, messages.ids, strict=True):
                headers = {"Nats-Msg-Id": event_id}
                pending.append(await jetstream.publish_async(f"{stream}.0", value, headers=headers))
            await jetstream.publish_async_completed()
        assert all(each.exception() is None for each in pending)
        await connection.close()

    asyncio.run(published())
    return {**clock.read(), "events": len(messages), "bytes": sum(map(len, messages.values))}


def emit(workspace: str, address: str, stream: str) -> Mapping[str, Any]:
    """Resume a frozen launch: from its claim until the server has acknowledged the last event."""
    from benchmarks.resumed import resumed

    redirect(Path(workspace), f"nats://{address}/{stream}")
    return resumed(workspace)


def _on(server: Nats, root: Path, function: Callable[..., Mapping[str, Any]]) -> Callable[[], Measured]:
    """A side on a copy of the workspace and a stream of its own, on which there must be each event once."""

    def measure() -> Measured:
        with copy_of(root) as place, server.stream() as stream:
            found = server.beside(side(function, workspace=str(place), address=server.address, stream=stream))
            assert server.messages(stream) == found["events"]
            return found

    return measure
