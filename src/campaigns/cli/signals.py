"""SIGTERM: the first asks a launcher to let go, the second ends the process at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from campaigns.cli.exits import EXIT
from campaigns.errors import Terminated


@contextmanager
def sigterm_sets(stop: Event) -> Iterator[None]:
    """While the block runs, the first SIGTERM sets `stop`, the second ends the process as a crash would.

    Python's own handlers run between two steps of the main thread, which may be waiting for a stream that does not
    answer; the number of a signal is written to the wakeup descriptor at once, and a thread waits for it there.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    handler = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    thread = Thread(target=_listen, args=(reading, stop), name="sigterm", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGTERM, handler)
        os.close(writing)  # the thread reads the end, and ends
        thread.join()
        os.close(reading)


def _listen(reading: int, stop: Event) -> None:
    while number := os.read(reading, 1):
        if number[0] != signal.SIGTERM:
            continue
        if stop.is_set():
            os._exit(EXIT[Terminated])
        stop.set()
