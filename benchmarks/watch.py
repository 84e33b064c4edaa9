"""When the parts of a launch ended, as its watcher saw it."""

from __future__ import annotations

import time
from dataclasses import dataclass


class Frozen(Exception):
    """The launch is frozen, and that was all it was for."""


@dataclass(slots=True)
class Stopwatch:
    """A `campaigns.launch.run.Watch` that notes the time, in seconds of `time.perf_counter`.

    The processor's seconds are of all threads: from the claim until frozen, and from then to the last event.
    `stop_when_frozen` raises `Frozen` before the first event leaves.
    """

    stop_when_frozen: bool = False
    claimed_at: float = 0.0
    frozen_at: float = 0.0
    first_acknowledged: float = 0.0
    last_acknowledged: float = 0.0
    freezing_cpu: float = 0.0
    emitting_cpu: float = 0.0
    _cpu_at: float = 0.0

    def claimed(self, launch: object) -> None:
        """See `Watch.claimed`."""
        self.claimed_at, self._cpu_at = time.perf_counter(), time.process_time()

    def freezing(self, done: float) -> None:
        """See `Watch.freezing`."""

    def emitting(self, done: int, total: int) -> None:
        """See `Watch.emitting`."""
        now, cpu = time.perf_counter(), time.process_time()
        if not done:
            self.frozen_at, self.freezing_cpu, self._cpu_at = now, cpu - self._cpu_at, cpu
            if self.stop_when_frozen:
                raise Frozen
        elif not self.first_acknowledged:
            self.first_acknowledged = now
        self.last_acknowledged, self.emitting_cpu = now, cpu - self._cpu_at


class Unfolding:
    """A `campaigns.launch.run.Watch` that notes how much was acknowledged when, in seconds of `time.monotonic`."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.done: list[int] = []

    def claimed(self, launch: object) -> None:
        """See `Watch.claimed`."""

    def freezing(self, done: float) -> None:
        """See `Watch.freezing`."""

    def emitting(self, done: int, total: int) -> None:
        """See `Watch.emitting`."""
        self.times.append(time.monotonic())
        self.done.append(done)
