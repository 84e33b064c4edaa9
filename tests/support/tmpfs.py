"""A small disk of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_PAGE = 4096
_TRIES = 1000


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Mount an empty disk of that size (such as `4m`) on a folder; skips the test where mounting is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
    if os.geteuid() != 0:
        pytest.skip("a small disk: mounting needs root")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path, room: int) -> Iterator[None]:
    """The disk of a folder is full but for `room` bytes, while the block runs."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for _ in range(_TRIES):  # a refusal may come some pages early: each CPU counts for itself
            with suppress(OSError):
                while file.write(bytes(_PAGE)):
                    pass
            if not os.statvfs(folder).f_bfree:
                break
        else:
            raise AssertionError(f"{folder} does not get full")
        file.truncate(max(0, file.tell() - room))
    try:
        yield
    finally:
        ballast.unlink()
