"""The whole launch at three sizes: its parts, the first acknowledged event, memory, and what a customer costs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, at_most, shown
from benchmarks.results import Result
from benchmarks.sides import Measured, highest, in_turns, middle, side
from benchmarks.workspaces import AS_OF, copy_of, workspace

SHARES = (0.1, 0.3, 1.0)
MEMORY = 1228.0
"""1.2 GiB in MiB."""

PARTS = ("claim", "freeze", "emit", "close")


def run(customers: int, rounds: int) -> Result:
    """Launches of a tenth, three tenths, and all of the customers."""
    found = in_turns(rounds, **{str(size): _launcher(workspace(size), size) for size in sizes(customers)})
    return Result(figures(sizes(customers), list(found.values())), found)


def sizes(customers: int) -> list[int]:
    """The sizes of the launches, the smallest first."""
    return [max(1, round(customers * share)) for share in SHARES]


def figures(sizes: Sequence[int], launches: Sequence[list[Measured]], where: str = "") -> list[Figure]:
    """What launches of these sizes took, and of which parts the largest consists; `where`: on which stream."""
    smallest, largest = launches[0], launches[-1]
    small, large = (f"{shown(size)} customers" for size in (sizes[0], sizes[-1]))
    seconds = middle(largest, "seconds")
    found = [
        Figure(f"launch{where} of {large}, claim to close", seconds, "s"),
        *(Figure(f"– {part}", middle(largest, part), "s") for part in PARTS),
        Figure("– first acknowledged event after", middle(largest, "first_event"), "s"),
        Figure("– spilled to disk at most", highest(largest, "spilled_mib"), "MiB"),
    ]
    for size, each in zip(sizes, launches, strict=True):
        what = f"peak memory, launch{where} of {shown(size)} customers"
        found.append(Figure(what, highest(each, "peak_mib"), "MiB", bar=at_most(MEMORY)))
    cost = [middle(each, "us_per_customer") for each in (largest, smallest)]
    return [*found, Figure(f"time per customer{where}, {large}", cost[0], "µs", small, cost[1], at_most(1.5))]


def launch(workspace: str, customers: int) -> Mapping[str, Any]:
    """Launch the first campaign, as `campaigns launch` does; the parts' seconds."""
    from benchmarks.spill import Spill
    from benchmarks.watch import Stopwatch
    from campaigns.app import Campaigns
    from campaigns.definitions.instants import parse_instant

    watch = Stopwatch()
    with Spill(Path(workspace)) as spill:
        started = time.perf_counter()
        report = Campaigns(workspace).launch("basket-builder", parse_instant(AS_OF), "benchmark", watch)
        ended = time.perf_counter()
    assert report["state"] == "completed"
    return {
        "seconds": ended - started,
        "cpu": watch.freezing_cpu + watch.emitting_cpu,
        "claim": watch.claimed_at - started,
        "freeze": watch.frozen_at - watch.claimed_at,
        "emit": watch.last_acknowledged - watch.frozen_at,
        "close": ended - watch.last_acknowledged,
        "first_event": watch.first_acknowledged - started,
        "us_per_customer": (ended - started) / customers * 1e6,
        "spilled_mib": spill.mib,
        "events": report["acknowledged"],
    }


def _launcher(root: Path, customers: int) -> Any:
    def measure() -> Measured:
        with copy_of(root) as place:
            return side(launch, workspace=str(place), customers=customers)()

    return measure
