"""Freeze: a launch's whole freeze step, against a bare COPY of the expert's query."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.clock import Clock
from benchmarks.figures import Figure, at_least
from benchmarks.results import Result
from benchmarks.sides import Measured, highest, in_turns, middle, side
from benchmarks.workspaces import AS_OF, copy_of, scratch, workspace


def run(customers: int, rounds: int) -> Result:
    """Customers frozen a second; ours also screens, counts, checksums, syncs and writes the ledger."""
    root = workspace(customers)

    def ours() -> Measured:
        with copy_of(root) as place:
            return side(freeze, workspace=str(place))()

    def theirs() -> Measured:
        with copy_of(root) as place, scratch() as target:
            return side(copy, workspace=str(place), target=str(target / "parquet"))()

    found = in_turns(rounds, freeze=ours, copy=theirs)
    mine, expert = found.values()
    assert mine[0]["decisions"] == expert[0]["decisions"]
    seconds, other, what = middle(mine, "seconds"), middle(expert, "seconds"), "hand-written SQL, COPY"
    figures = [
        Figure("freeze", customers / seconds, "customers/s", what, customers / other, at_least(0.8)),
        Figure("– the same in seconds", seconds, "s", what, other),
        Figure("– peak memory", highest(mine, "peak_mib"), "MiB", what, highest(expert, "peak_mib")),
        Figure("– snapshot", middle(mine, "mib"), "MiB", what, middle(expert, "mib")),
    ]
    return Result(figures, found)


def freeze(workspace: str, launch_id: str = "benchmark") -> Mapping[str, Any]:
    """Launch, and stop where the first event would leave; the launch is ready to be resumed."""
    from benchmarks.watch import Frozen, Stopwatch
    from campaigns.app import Campaigns
    from campaigns.definitions.instants import parse_instant

    campaigns, watch = Campaigns(workspace), Stopwatch(stop_when_frozen=True)
    with suppress(Frozen):
        campaigns.launch("basket-builder", parse_instant(AS_OF), launch_id, watch)
    report = campaigns.status(launch_id)
    return {
        "seconds": report["seconds"]["freeze"],
        "cpu": watch.freezing_cpu,
        "decisions": report["matched"],
        "mib": _mib(Path(workspace) / ".campaigns" / "snapshots"),
    }


def copy(workspace: str, target: str) -> Mapping[str, Any]:
    """Write the expert's decisions as Parquet, as fast as DuckDB does."""
    from benchmarks.plans import bench
    from campaigns.engines.port import Query

    clock = Clock()
    with bench(workspace) as ready:
        query = ready.handwritten
        options = "FORMAT parquet, COMPRESSION zstd, PER_THREAD_OUTPUT"
        statement = Query(f"COPY (\n{query.text}\n) TO '{target}' ({options})", query.parameters)
        with clock.running():
            (row,) = ready.engine.rows(statement)
    return {**clock.read(), "decisions": row["Count"], "mib": _mib(Path(target))}


def _mib(folder: Path) -> float:
    return round(sum(file.stat().st_size for file in folder.rglob("*.parquet")) / (1 << 20), 1)
