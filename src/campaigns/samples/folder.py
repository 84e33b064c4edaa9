"""Where a sample workspace is written: a new folder, all of it or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from campaigns.errors import InvalidDefinition, Unavailable

STAGE = ".partial"


@contextmanager
def new_workspace(root: Path, template: str) -> Iterator[Path]:
    """Yield a folder to build in, filled with the files of `template`; on success they become `root`.

    Nothing of `root` is ever overwritten. An error or an interruption in the block leaves `root` as it was.
    Raises InvalidDefinition if `root` is a file or holds anything, Unavailable if it cannot be written.
    """
    refuse_occupied(root)
    stage = root / STAGE
    is_new = not root.exists()
    try:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(parents=True)
        try:
            copy_template(template, stage)
            yield stage
            publish(stage, root)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
            if is_new and not any(root.iterdir()):
                root.rmdir()
    except OSError as error:
        raise Unavailable(f"cannot write workspace {root}: {error.strerror or error}") from error


def refuse_occupied(root: Path) -> None:
    """Raise InvalidDefinition unless `root` does not exist, is empty, or holds only an unfinished stage."""
    if root.exists() and not root.is_dir():
        raise InvalidDefinition(f"{root} is a file: a workspace needs a new or empty folder")
    found = sorted(entry.name for entry in root.iterdir() if entry.name != STAGE) if root.is_dir() else []
    if found:
        raise InvalidDefinition(f"folder {root} is not empty, found {found[0]!r}: name a new or empty folder")


def holds(root: Path, template: str) -> bool:
    """Whether `root` is a finished workspace of `template`, whatever was changed below the first line."""
    found = root / "workspace.yaml"
    wanted = files("campaigns.samples") / "workspaces" / template / "workspace.yaml"
    return found.is_file() and first_line(found) == first_line(wanted)


def first_line(file: Path | Traversable) -> bytes:
    """The line that says which command wrote the file."""
    return file.read_bytes().partition(b"\n")[0]


def copy_template(template: str, target: Path) -> None:
    """Copy the packaged files of `template`, except SQL, and the `.gitignore` that every workspace needs."""
    (target / ".gitignore").write_text(".campaigns/\n", encoding="utf-8")
    (target / "data").mkdir()
    copy_tree(files("campaigns.samples") / "workspaces" / template, target)


def copy_tree(source: Traversable, target: Path) -> None:
    """Copy files and folders of `source` into `target`, except SQL."""
    target.mkdir(exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            copy_tree(entry, target / entry.name)
        elif not entry.name.endswith(".sql"):
            (target / entry.name).write_bytes(entry.read_bytes())


def publish(stage: Path, root: Path) -> None:
    """Move everything from `stage` to `root`, `workspace.yaml` last: where it is, the workspace is whole."""
    for entry in sorted(stage.iterdir(), key=lambda entry: entry.name == "workspace.yaml"):
        entry.rename(root / entry.name)


def read_sql(template: str) -> str:
    """Return the text of `data.sql` of `template`."""
    return (files("campaigns.samples") / "workspaces" / template / "data.sql").read_text(encoding="utf-8")
