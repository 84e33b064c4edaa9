"""A frozen launch, resumed: from opening its snapshot to the last acknowledgement. Imported in sides only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.watch import Stopwatch
from campaigns.app import Campaigns


def resumed(workspace: str) -> Mapping[str, Any]:
    """Emit the workspace's launch `benchmark` to wherever its workspace says; every event must be acknowledged."""
    watch = Stopwatch()
    report = Campaigns(workspace).resume("benchmark", watch)
    assert report["acknowledged"] == report["sent"]
    return {
        "seconds": round(watch.last_acknowledged - watch.claimed_at, 3),
        "first_event": round(watch.first_acknowledged - watch.claimed_at, 3),
        "cpu": round(watch.emitting_cpu, 3),
        "events": report["acknowledged"],
    }
