"""Emit: frozen decisions leave as events; the checkpoint follows the stream's acknowledgement, never leads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

from campaigns.engines.port import Engine
from campaigns.errors import Damaged
from campaigns.events.encode import Envelope
from campaigns.failpoints import reach
from campaigns.launch.snapshot import Snapshot
from campaigns.ledger import Launch, Ledger
from campaigns.plan import events_query
from campaigns.streams import Message, Publisher

BATCH = 20_000
"""Events in one publish: about 10 MB, well under a second on the embedded stream."""

_AHEAD = 2
_POLL_SECONDS = 0.1
T = TypeVar("T")


def emit(
    snapshot: Snapshot,
    envelope: Envelope,
    engine: Engine,
    publisher: Publisher,
    ledger: Ledger,
    claim: Launch,
    *,
    variables: bool,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Publish every event of the snapshot that is not acknowledged yet, shard by shard, in the order of the rows.

    Safe to call again after any interruption: at most one batch is published twice, with the same bytes.
    """
    for shard in claim.shards:
        if shard.checkpoint >= shard.decisions:
            continue
        end = shard.checkpoint
        query = events_query(envelope, snapshot.verified(shard.shard), shard.checkpoint, variables=variables)
        with ahead(engine.events(query, shard.checkpoint, BATCH)) as batches:
            for batch in batches:
                messages = list(map(Message._make, batch.rows()))
                reach("before-publish")
                publisher.publish(messages)
                # The stream has these events now: a crash here repeats the batch, it never loses one.
                reach("after-publish")
                ledger.checkpoint(claim, shard.shard, batch.end, len(messages))
                reach("after-checkpoint")
                if progress:
                    progress(len(messages))
                end = batch.end
        if end != shard.decisions:
            raise Damaged(f"shard {shard.shard} of launch {claim.launch_id!r} ends at row {end} of {shard.decisions}")


@contextmanager
def ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same items, made in a thread of their own while the block works on the one before; at most two wait."""
    queue: Queue[T | _End] = Queue(_AHEAD)
    abandoned = Event()

    def put(entry: T | _End) -> None:
        while not abandoned.is_set():
            with suppress(Full):
                queue.put(entry, timeout=_POLL_SECONDS)
                return

    def produce() -> None:
        try:
            for item in items:
                put(item)
                if abandoned.is_set():
                    return
            put(_End(None))
        except BaseException as error:  # noqa: BLE001 - raised again in the consuming thread
            put(_End(error))

    thread = Thread(target=produce, name="read-ahead", daemon=True)
    thread.start()
    try:
        yield _taken(queue)
    finally:
        abandoned.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class _End:
    """Nothing comes any more, because of an error or because all is there."""

    error: BaseException | None


def _taken(queue: Queue[T | _End]) -> Iterator[T]:
    while not isinstance(entry := queue.get(), _End):
        yield entry
    if entry.error is not None:
        raise entry.error
