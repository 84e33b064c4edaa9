"""What a block took: by the wall, and of the processors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    """Seconds gone by in blocks `running` so far; `cpu` is of all threads, and other processes disturb it less."""

    seconds: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the block."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu

    def read(self) -> dict[str, float]:
        """Both, for a side's report."""
        return {"seconds": round(self.seconds, 3), "cpu": round(self.cpu, 3)}
