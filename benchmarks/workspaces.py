"""Generated workspaces, kept in .cache/benchmarks, and throw-away copies of them to launch in."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks.clock import Clock
from benchmarks.sides import ROOT, side

CACHE = ROOT / ".cache" / "benchmarks"
COLUMNS_ONLY = Path(__file__).with_name("columns-only.yaml")
AS_OF = "2026-06-01T00:00:00Z"
"""Where the synthetic history ends."""


def workspace(customers: int) -> Path:
    """A workspace of that many customers, generated unless it is there; its data is in the page cache."""
    root = CACHE / f"{customers}-{_generator()}"
    if not (root / "workspace.yaml").exists():
        side(generated, root=str(root), customers=customers)()
    shutil.copy(COLUMNS_ONLY, root / "campaigns")
    for file in (root / "data").iterdir():
        _read(file)
    return root


def generated(root: str, customers: int) -> Mapping[str, Any]:
    """Generate a workspace; rows written and seconds. Runs as a side."""
    from campaigns.samples.generate import generate

    clock = Clock()
    with clock.running():
        rows = generate(Path(root), customers)
    return {**clock.read(), "rows": sum(rows.values())}


@contextmanager
def copy_of(root: Path) -> Iterator[Path]:
    """A copy that may be launched in: what is never written to is linked. Removed at the end."""
    with scratch() as folder:
        yield shutil.copytree(root, folder / "workspace", copy_function=linked)


def redirect(root: Path, url: str, **config: str | int | bool) -> None:
    """Let a workspace, and the launch that is frozen in it, emit to another stream.

    Nothing but a benchmark does that: it freezes once, and emits the same to many streams. Call it once a copy.
    """
    with (root / "workspace.yaml").open("a", encoding="utf-8") as file:
        file.write(f"\nstream: {json.dumps({'url': url, 'config': config})}\n")
    ledger = root / ".campaigns" / "ledger.db"
    if ledger.exists():
        with closing(sqlite3.connect(ledger)) as connection, connection:
            connection.execute("UPDATE launches SET stream = ?, stream_identity = NULL", (url,))


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder on the disk of the workspaces, removed at the end."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        yield Path(folder)


def linked(source: str, target: str) -> None:
    """Copy a file, or only link it if it is one that nobody writes to."""
    if source.endswith(".parquet"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _generator() -> str:
    """What distinguishes data of this generator from that of another version."""
    folder = files("campaigns.samples") / "workspaces" / "synthetic"
    content = (folder / "data.sql").read_bytes() + (folder / "workspace.yaml").read_bytes()
    return hashlib.sha256(content).hexdigest()[:8]


def _read(file: Path) -> None:
    with file.open("rb") as content:
        while content.read(1 << 20):
            pass
