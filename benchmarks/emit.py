"""Emit: from a ready snapshot to the last acknowledgement, against bare inserts of the same payloads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.clock import Clock
from benchmarks.figures import Figure, at_least
from benchmarks.freeze import freeze
from benchmarks.results import Result
from benchmarks.sides import Measured, highest, in_turns, middle, side
from benchmarks.workspaces import copy_of, linked, scratch, workspace

TRANSACTION = 20_000
SLICE = 10
"""Transactions whose rows are ready before the clock goes on: all rows at once would be gigabytes."""

_Rows = list[tuple[int, str, bytes]]


def run(customers: int, rounds: int) -> Result:
    """Events acknowledged a second on the embedded stream."""
    with copy_of(workspace(customers)) as ready, scratch() as folder:
        side(freeze, workspace=str(ready))()
        emitted = shutil.copytree(ready, folder / "emitted", copy_function=linked)
        side(emit, workspace=str(emitted))()

        def ours() -> Measured:
            with copy_of(ready) as place:
                return side(emit, workspace=str(place))()

        def theirs() -> Measured:
            with scratch() as target:
                return side(insert, workspace=str(emitted), file=str(target / "stream.db"))()

        found = in_turns(rounds, emit=ours, inserts=theirs)
    mine, bare = found.values()
    assert (mine[0]["events"], mine[0]["bytes"]) == (bare[0]["events"], bare[0]["bytes"])
    events, what = mine[0]["events"], "bare inserts into SQLite"
    seconds, other = middle(mine, "seconds"), middle(bare, "seconds")
    figures = [
        Figure("emit, embedded stream", events / seconds, "events/s", what, events / other, at_least(0.7)),
        Figure("– the same in seconds", seconds, "s", what, other),
        Figure("– events", events, ""),
        Figure("– bytes an event", mine[0]["bytes"] / events, "B"),
        Figure("– peak memory", highest(mine, "peak_mib"), "MiB"),
    ]
    return Result(figures, found)


def emit(workspace: str) -> Mapping[str, Any]:
    """Resume a frozen launch: from opening its snapshot until the stream has acknowledged the last event."""
    from benchmarks.watch import Stopwatch
    from campaigns.app import Campaigns
    from campaigns.app.workplace import Workplace

    watch = Stopwatch()
    campaigns = Campaigns(workspace)
    report = campaigns.resume("benchmark", watch)
    assert report["acknowledged"] == report["sent"]
    stream = Workplace(campaigns.file).stream()
    return {
        "seconds": watch.last_acknowledged - watch.claimed_at,
        "cpu": watch.emitting_cpu,
        "events": report["acknowledged"],
        "bytes": sum(len(message.value) for message in stream.read()),
    }


def insert(workspace: str, file: str) -> Mapping[str, Any]:
    """Insert ready rows in transactions of 20,000 into a file of the stream's own page size and pragmas."""
    from campaigns.streams.sqlite.file import open_file, transaction
    from campaigns.streams.sqlite.segments import COLUMNS

    clock, events, size = Clock(), 0, 0
    with closing(open_file(Path(file))) as connection:
        connection.execute(f"CREATE TABLE messages {COLUMNS}")
        transactions = _transactions(workspace)
        while ready := list(islice(transactions, SLICE)):
            with clock.running():
                for rows in ready:
                    with transaction(connection):
                        connection.executemany("INSERT INTO messages VALUES (?, ?, ?)", rows)
            events += sum(map(len, ready))
            size += sum(len(payload) for rows in ready for _, _, payload in rows)
    return {**clock.read(), "events": events, "bytes": size}


def _transactions(workspace: str) -> Iterator[_Rows]:
    """The rows of every event on a workspace's stream."""
    from campaigns.app.workplace import Workplace
    from campaigns.definitions import load_workspace

    messages = Workplace(load_workspace(Path(workspace))).stream().read()
    rows = ((number, message.key, message.value) for number, message in enumerate(messages))
    while ready := list(islice(rows, TRANSACTION)):
        yield ready
