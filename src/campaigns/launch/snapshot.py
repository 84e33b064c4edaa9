"""The snapshot: a launch's decisions, frozen in Parquet files under a manifest whose checksum the ledger holds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.errors import Damaged
from campaigns.ledger import Launch

MANIFEST = "manifest.json"
_DIGITS = 16
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Frozen decisions in `folder`; `manifest` says what its files must be."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def files(self) -> list[Path]:
        """The shards' files, in the order of their numbers."""
        return [self.folder / shard["file"] for shard in self.manifest["shards"]]

    @property
    def lanes(self) -> Sequence[str]:
        """The tenants with lanes of their own, in the order of the lanes 1, 2, ...; see `campaigns.launch.lanes`."""
        return list(self.manifest.get("lanes", ()))  # snapshots of the first version have one lane

    @property
    def samples(self) -> Mapping[str, Any]:
        """A few quarantined source rows by reason."""
        return dict(self.manifest["quarantine_samples"])

    def verified(self, shard: int) -> Path:
        """The shard's file, after its bytes were compared with the manifest. Raises Damaged."""
        expected = self.manifest["shards"][shard]
        path = self.folder / str(expected["file"])
        try:
            found = checksum(path)
        except OSError as error:
            raise Damaged(f"snapshot {self.folder.parent.name}: shard {path.name}: {error.strerror}") from error
        if found != expected["sha256"]:
            raise Damaged(
                f"snapshot {self.folder.parent.name}: shard {path.name} does not match its checksum "
                f"(found {found[:_DIGITS]}…, need {expected['sha256'][:_DIGITS]}…); restore it from a backup"
            )
        return path


def launch_folder(snapshots: Path, launch_id: str) -> Path:
    """Where everything of a launch's snapshot lies."""
    return snapshots / launch_id


def open_snapshot(snapshots: Path, launch: Launch) -> Snapshot:
    """The valid snapshot of a frozen launch.

    Raises Damaged when the manifest is missing or is not the ledger's, or the ledger contradicts it.
    """
    assert launch.manifest is not None  # noqa: S101 - callers ask only for frozen launches
    folder = launch_folder(snapshots, launch.launch_id) / launch.manifest[:_DIGITS]
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise Damaged(f"snapshot {launch.launch_id}: manifest: {error.strerror}; restore it from a backup") from error
    if hashlib.sha256(content).hexdigest() != launch.manifest:
        raise Damaged(f"snapshot {launch.launch_id}: the manifest does not match the ledger; restore it from a backup")
    manifest = json.loads(content)
    for name, held in (("books", launch.books), ("as_of", launch.as_of)):
        if manifest.get(name, held) != held:  # snapshots of the first version have no as_of
            raise Damaged(
                f"launch {launch.launch_id!r}: {name} of ledger and snapshot differ; restore them from a backup"
            )
    return Snapshot(folder, manifest)


def store_snapshot(
    parts: Path, files: Sequence[Path], about: Mapping[str, Any], *, check: Callable[[], None]
) -> tuple[Snapshot, str]:
    """Make the written files durable under a name that follows from their content; the manifest's checksum.

    `check` is called before each file: it raises to stop.

    The folder is named after the manifest, which `about` makes the claim's own: a launcher that lost its claim can
    add a folder beside the valid one, never change it.
    """
    shards: list[dict[str, Any]] = []
    for number, file in enumerate(files):
        check()
        _sync(file)
        shards.append({"shard": number, "file": file.name, "bytes": file.stat().st_size, "sha256": checksum(file)})
    manifest = {**about, "shards": shards}
    content = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    (parts / MANIFEST).write_bytes(content)
    for written in (parts / MANIFEST, parts):
        _sync(written)
    digest = hashlib.sha256(content).hexdigest()
    folder = parts.parent / digest[:_DIGITS]
    parts.rename(folder)
    for above in (folder.parent, folder.parent.parent):  # the launch's own folder is new as well
        _sync(above)
    return Snapshot(folder, manifest), digest


def remove_others(snapshot: Snapshot) -> None:
    """Delete what earlier attempts left beside the valid snapshot."""
    for entry in snapshot.folder.parent.iterdir():
        if entry != snapshot.folder:
            shutil.rmtree(entry, ignore_errors=True)


def checksum(path: Path) -> str:
    """SHA-256 of a file's bytes, in bounded memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    """Make a file's content, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
