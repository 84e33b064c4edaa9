"""Read-ahead: the next items are made while the caller works on the one before."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

_POLL_SECONDS = 0.1
T = TypeVar("T")


def ahead(items: Iterator[T], most: int = 2) -> Generator[T]:
    """The same items, made in a thread of their own while the caller works; at most `most` wait.

    The thread starts with the first item that is asked for, and has ended when the generator is closed.
    """
    queue: Queue[T | _End] = Queue(most)
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
        while not isinstance(entry := queue.get(), _End):
            yield entry
        if entry.error is not None:
            raise entry.error
    finally:
        abandoned.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class _End:
    """Nothing comes any more, because of an error or because all is there."""

    error: BaseException | None
