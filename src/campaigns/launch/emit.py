"""Emit: frozen decisions leave as events; the checkpoint follows the stream's acknowledgement, never leads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

from campaigns.engines.port import Engine, EventPortion
from campaigns.errors import Damaged
from campaigns.events.encode import Envelope
from campaigns.failpoints import reach
from campaigns.launch.snapshot import Snapshot
from campaigns.ledger import Launch, Ledger
from campaigns.plan import events_query
from campaigns.streams import Messages, Publisher

PUBLISH_EVENTS = 20_000
"""Events in one publish: well under a second on the embedded stream."""

PUBLISH_BYTES = 16 << 20
"""Bytes of events after which a publish is not made larger: memory stays bounded however large events are."""

_READ_ROWS = 2048
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

    Safe to call again after any interruption: at most one publish is repeated, with the same bytes.
    """
    for shard in claim.shards:
        if shard.checkpoint >= shard.decisions:
            continue
        end = shard.checkpoint
        query = events_query(envelope, snapshot.verified(shard.shard), end, variables=variables)
        rows = min(_READ_ROWS, PUBLISH_EVENTS)
        with ahead(_publishes(engine.events(query, end, rows), rows)) as publishes:
            for end, messages in publishes:
                reach("before-publish")
                publisher.publish(messages)
                # The stream has these events now: a crash here repeats the publish, it never loses one.
                reach("after-publish")
                ledger.checkpoint(claim, shard.shard, end, len(messages))
                reach("after-checkpoint")
                if progress:
                    progress(len(messages))
        if end != shard.decisions:
            raise Damaged(f"shard {shard.shard} of launch {claim.launch_id!r} ends at row {end} of {shard.decisions}")


def _publishes(portions: Iterator[EventPortion], rows: int) -> Iterator[tuple[int, Messages]]:
    """(row after the last one, messages) of each publish: portions of at most `rows`, put together while they fit."""
    messages = Messages([], [], [])
    size = end = checkpoint = 0
    for portion in portions:
        messages.extend(*portion.lists())
        size += portion.columns.nbytes
        end = portion.end
        if len(messages) + rows > PUBLISH_EVENTS or size >= PUBLISH_BYTES:
            yield end, messages
            messages, size, checkpoint = Messages([], [], []), 0, end
    if end > checkpoint:
        yield end, messages  # perhaps none, but the rows behind the last event are done as well


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
