"""Freeze: the plan runs once, its decisions become durable files, then the ledger row that makes them valid."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from campaigns.engines.port import Engine, Progress
from campaigns.errors import Conflict, Unavailable
from campaigns.failpoints import reach
from campaigns.launch.books import count_books
from campaigns.launch.snapshot import Snapshot, launch_folder, remove_others, store_snapshot
from campaigns.ledger import Launch, Ledger, State
from campaigns.plan import Plan, counts_query


def freeze(
    plan: Plan, engine: Engine, snapshots: Path, ledger: Ledger, claim: Launch, progress: Progress | None = None
) -> None:
    """Decide every matched customer and make the decisions valid. Nothing is decided again after this returns.

    Raises Changed when a source changed meanwhile, InvalidData for a broken source, Unavailable for a full disk: with
    nothing valid left behind.
    """
    started = time.monotonic()
    ledger.advance(claim, State.FREEZING)
    reach("before-freeze")
    engine.run(plan.screen())
    quarantined = engine.rows(plan.quarantine())
    parts = launch_folder(snapshots, claim.launch_id) / f"writing-{claim.epoch}"
    try:
        snapshot, digest, shards, books = _write(plan, engine, claim, parts, quarantined, progress)
    except OSError as error:
        raise Unavailable(f"snapshot of {claim.launch_id!r}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(parts, ignore_errors=True)
    # The files are durable now, but nobody may use them before the ledger says so: a crash here freezes again.
    reach("before-validate")
    try:
        ledger.validate_snapshot(claim, digest, books, shards, time.monotonic() - started)
    except Conflict:
        shutil.rmtree(snapshot.folder, ignore_errors=True)  # another launcher decides: these decisions never count
        raise
    remove_others(snapshot)
    reach("after-freeze")


def _write(
    plan: Plan,
    engine: Engine,
    claim: Launch,
    parts: Path,
    quarantined: list[dict[str, Any]],
    progress: Progress | None,
) -> tuple[Snapshot, str, list[Any], dict[str, Any]]:
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True, mode=0o700)
    written = engine.write(plan.decide(), parts, progress)
    engine.unchanged()  # screening and deciding read the sources one after the other: they must have read the same
    counts = engine.rows(counts_query(written)) if written else []
    rows = {row["reason"]: row["rows"] for row in quarantined}
    books, per_file = count_books(counts, written, rows, plan.definition.campaign)
    kept = [(file, numbers) for file, numbers in zip(written, per_file, strict=True) if numbers[0]]
    for file in set(written) - {file for file, _ in kept}:
        file.unlink()
    about = {
        "format": 1,
        "launch_id": claim.launch_id,
        "epoch": claim.epoch,  # so that no two claims ever write the same folder
        "books": books,
        "quarantine_samples": {row["reason"]: row["samples"] for row in quarantined},
    }
    files = [file for file, _ in kept]
    snapshot, digest, shards = store_snapshot(parts, files, [numbers for _, numbers in kept], about)
    return snapshot, digest, shards, books
