"""Freeze: the plan runs once, its decisions become durable files, then the ledger row that makes them valid."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from campaigns.engines.port import Engine, Progress
from campaigns.errors import Conflict, Stopped, Unavailable
from campaigns.failpoints import reach
from campaigns.launch.books import count_books, count_files
from campaigns.launch.lanes import own_lanes, shards_of
from campaigns.launch.snapshot import Snapshot, launch_folder, remove_others, store_snapshot
from campaigns.ledger import Launch, Ledger, State
from campaigns.plan import Plan, counts_query


def freeze(
    plan: Plan,
    engine: Engine,
    snapshots: Path,
    ledger: Ledger,
    claim: Launch,
    *,
    check: Callable[[], None],
    progress: Progress,
) -> None:
    """Decide every matched customer and make the decisions valid. Nothing is decided again after this returns.

    `check` is called ten times a second while a query runs, and between the queries: it raises to stop.
    Raises Changed when a source changed meanwhile, InvalidData for a broken source, Unavailable for a full disk: with
    nothing valid left behind.
    """
    started = time.monotonic()
    ledger.advance(claim, State.FREEZING)
    reach("before-freeze")

    def checked(done: float) -> None:
        check()
        progress(done)

    engine.run(plan.screen(), lambda _: check())
    quarantined = engine.rows(plan.quarantine(), lambda _: check())
    parts = launch_folder(snapshots, claim.launch_id) / f"writing-{claim.epoch}"
    try:
        snapshot, digest, shards, books = _write(plan, engine, claim, parts, quarantined, checked)
    except OSError as error:
        raise Unavailable(f"snapshot of {claim.launch_id!r}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(parts, ignore_errors=True)
    # The files are durable now, but nobody may use them before the ledger says so: a crash here freezes again.
    reach("before-validate")
    try:
        ledger.validate_snapshot(claim, digest, books, shards, time.monotonic() - started)
    except (Conflict, Stopped):
        # Another launcher decides, or nobody for now: these decisions never count.
        shutil.rmtree(snapshot.folder, ignore_errors=True)
        raise
    remove_others(snapshot)
    reach("after-freeze")


def _write(
    plan: Plan,
    engine: Engine,
    claim: Launch,
    parts: Path,
    quarantined: list[dict[str, Any]],
    progress: Progress,
) -> tuple[Snapshot, str, list[Any], dict[str, Any]]:
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True, mode=0o700)
    written = engine.write(plan.decide(), parts, progress)
    engine.unchanged()  # screening and deciding read the sources one after the other: they must have read the same
    counts = engine.rows(counts_query(written, plan.marks), lambda _: progress(1.0)) if written else []
    rows = {row["reason"]: row["rows"] for row in quarantined}
    books = count_books(counts, rows, plan.definition)
    counted = count_files(counts)
    for file in set(written) - counted.keys():
        file.unlink()
    own = own_lanes(counted, [key for key, tenant in plan.definition.tenants.items() if tenant.rate is not None])
    kept = [file for file in written if file in counted]
    about = {
        "format": 1,
        "launch_id": claim.launch_id,
        "epoch": claim.epoch,  # so that no two claims ever write the same folder
        "as_of": claim.as_of,
        "books": books,
        "lanes": own,
        "quarantine_samples": {row["reason"]: row["samples"] for row in quarantined},
    }
    snapshot, digest = store_snapshot(parts, kept, about, check=lambda: progress(1.0))
    shards = shards_of((counted[file] for file in kept), own)
    return snapshot, digest, shards, books
