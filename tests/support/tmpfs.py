"""A small disk of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


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
    stat = os.statvfs(folder)
    ballast.write_bytes(bytes(max(0, stat.f_bavail * stat.f_frsize - room)))
    try:
        yield
    finally:
        ballast.unlink()
