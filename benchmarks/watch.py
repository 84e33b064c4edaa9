"""When the parts of a launch ended, as its watcher saw it."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Stopwatch:
    """A `campaigns.launch.run.Watch` that notes the time, in seconds of `time.perf_counter`."""

    claimed_at: float = 0.0
    frozen_at: float = 0.0
    first_acknowledged: float = 0.0
    last_acknowledged: float = 0.0

    def claimed(self, launch_id: str) -> None:
        """See `Watch.claimed`."""
        self.claimed_at = time.perf_counter()

    def freezing(self, done: float) -> None:
        """See `Watch.freezing`."""

    def emitting(self, done: int, total: int) -> None:
        """See `Watch.emitting`."""
        now = time.perf_counter()
        if not done:
            self.frozen_at = now
        elif not self.first_acknowledged:
            self.first_acknowledged = now
        self.last_acknowledged = now
