"""What doctor looks at around the workspace: the secret, the clock, the disks, the memory."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

from campaigns.app.checks import Check, size
from campaigns.app.streams import sqlite_file
from campaigns.app.workplace import READER_MEMORY, Workplace
from campaigns.definitions import WorkspaceFile, resolve, resolve_url
from campaigns.definitions.instants import format_instant, parse_instant
from campaigns.errors import CampaignsError, InvalidDefinition, Unavailable
from campaigns.ledger import Launch

_CLOCK_SECONDS = 5.0
"""By how much two clocks may differ before it is told."""

_YEARS = range(2024, 2100)
_OTHERS = 0o077
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}


def secret(file: WorkspaceFile, place: Workplace) -> Iterator[Check]:
    """The key of the offer codes is there, and nobody else can read it or what lies beside it."""
    configured = file.record.secret
    kept = Path(resolve(file.root, configured.file)) if configured and configured.file else place.private / "secret"
    if configured is None and not kept.exists():
        yield Check("secret", "not created yet: the first launch creates it")
        return
    place.secret(create=False)
    for path in [place.private] + ([] if configured and configured.env else [kept]):
        if path.exists() and path.stat().st_mode & _OTHERS:
            name, mode = _shown(path, file), path.stat().st_mode & 0o777
            advice = f"chmod go= {name}"
            yield Check("secret", f"{name} is open to other users (mode {mode:o})", advice, InvalidDefinition)
            return
    where = f"environment variable {configured.env}" if configured and configured.env else _shown(kept, file)
    yield Check("secret", f"is in {where}")


def clock(place: Workplace, launches: Sequence[Launch]) -> Iterator[Check]:
    """The wall clock against the year, the ledger's newest record, its database, and the file system."""
    now = datetime.now(UTC)
    advice = "set this machine's clock; leases and expiries go by it"
    told = [
        *([f"it is the year {now.year}"] if now.year not in _YEARS else []),
        *_behind_ledger(now, launches),
        *_beside_database(place),
        *_beside_files(place),
    ]
    found = f"{format_instant(now.replace(microsecond=0))}"
    if told:
        yield Check("clock", f"{found}, but {'; '.join(told)}", advice, Unavailable)
    else:
        yield Check("clock", found)


def _behind_ledger(now: datetime, launches: Sequence[Launch]) -> Iterator[str]:
    recorded = [
        at for each in launches for at in (each.created_at, each.completed_at, each.purged_at) if at is not None
    ]
    newest = max(map(parse_instant, recorded), default=now)
    if (newest - now).total_seconds() > _CLOCK_SECONDS:
        yield f"the ledger has a record of {format_instant(newest)}, which is later: a clock went back"


def _beside_database(place: Workplace) -> Iterator[str]:
    """The ledger's own clock; a ledger that cannot be opened is told by its own check."""
    with suppress(CampaignsError):
        ledger = place.existing_ledger()
        if ledger is None:
            return
        with closing(ledger):
            before, theirs = time.time(), ledger.clock()
        if abs(theirs - before) > _CLOCK_SECONDS:
            yield f"the ledger's database is {abs(theirs - before):,.0f} s {'ahead' if theirs > before else 'behind'}"


def _beside_files(place: Workplace) -> Iterator[str]:
    """Write a nameless file, also to see that the disk really takes it."""
    folder = place.private if os.access(place.private, os.W_OK) else None
    with tempfile.TemporaryFile(dir=folder) as probe:
        before = time.time()
        probe.write(b"x")
        probe.flush()
        theirs = os.fstat(probe.fileno()).st_mtime
    if abs(theirs - before) > _CLOCK_SECONDS:
        yield f"the file system is {abs(theirs - before):,.0f} s {'ahead' if theirs > before else 'behind'}"


def disk(file: WorkspaceFile, place: Workplace, sizes: Sequence[int]) -> Iterator[Check]:
    """Each folder that a launch writes to can be written, and has room for as much as the sources have."""
    need = sum(sizes)
    room: dict[int, tuple[int, list[str]]] = {}
    folders = dict.fromkeys(_existing(folder) for folder in _written(file, place))
    for folder in [*folders, Path(tempfile.gettempdir())]:
        name = _shown(folder, file)
        if not os.access(folder, os.W_OK):
            yield Check(
                "disk", f"{name} cannot be written", "a launch writes there: give this user the right", Unavailable
            )
            return
        free = shutil.disk_usage(folder).free
        if folder in folders and free < need:
            found = f"{name} has {size(free)} free, the sources have {size(need)}"
            yield Check("disk", found, "make room: a launch may need about as much", Unavailable)
            return
        room.setdefault(folder.stat().st_dev, (free, []))[1].append(name)
    _synced(place)
    told = [f"{size(free)} free in {' and '.join(names)}" for free, names in room.values()]
    yield Check("disk", f"{', '.join(told)}; the sources have {size(need)}")


def _written(file: WorkspaceFile, place: Workplace) -> Iterator[Path]:
    """The folders that a launch fills, whether they exist by now or not."""
    yield place.private
    yield place.snapshots
    for url in (file.record.ledger, file.record.stream.url):
        if (path := sqlite_file(resolve_url(file.root, url))) is not None:
            yield path.parent


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it: that is where it would be made."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _synced(place: Workplace) -> None:
    """Raises OSError when the disk does not take a byte for good."""
    with tempfile.TemporaryFile(dir=place.private if place.private.exists() else None) as probe:
        probe.write(b"x")
        probe.flush()
        os.fsync(probe.fileno())


def memory(file: WorkspaceFile) -> Iterator[Check]:
    """What the engine may use, and the reader besides, against what the machine has."""
    limit = file.record.engine.memory_limit
    need, total = _bytes(limit) + _bytes(READER_MEMORY), psutil.virtual_memory().total
    found = f"engine.memory_limit is {limit}, this machine has {size(total)}"
    if need > total:
        advice = f"lower engine.memory_limit: reading snapshots takes up to {READER_MEMORY} more"
        yield Check("memory", found, advice, InvalidDefinition)
    else:
        yield Check("memory", found)


def _bytes(text: str) -> float:
    """The bytes of a size such as 512MB or 1 GiB."""
    match = re.fullmatch(r"([0-9.]+) ?([KMGT])(i?)B", text)
    assert match is not None  # noqa: S101 - the workspace's record refuses anything else
    unit = 1024 if match[3] else 1000
    return float(match[1]) * float(unit ** _POWERS[match[2]])


def _shown(path: Path, file: WorkspaceFile) -> str:
    """A path as the workspace knows it."""
    inside = path.is_relative_to(file.root)
    return str(path.relative_to(file.root)) if inside else str(path)
