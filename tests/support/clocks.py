"""Processes whose wall clock is wrong."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from importlib.metadata import files

import pytest

_NAME = "libfaketime.so.1"


def skewed(offset: str) -> dict[str, str]:
    """The environment of a process whose clock is `offset` away, such as `+40d` or `-1h`: it goes on from there.

    The monotonic clock stays what it is, as on a machine with a wrong date. Skips the test where the wheel
    `libfaketime` has no library for this machine.
    """
    library = _library()
    if library is None:
        pytest.skip(f"clock skew: the package libfaketime has no {_NAME} that works here")
    return dict(os.environ) | {
        "LD_PRELOAD": library,
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


@functools.cache
def _library() -> str | None:
    """The library's path, if a clock really is wrong with it."""
    found = [str(file.locate()) for file in files("libfaketime") or [] if file.name == _NAME]
    if not found:
        return None
    told = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time())"],
        env={"LD_PRELOAD": found[0], "FAKETIME": "@2001-01-01 00:00:00", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    return found[0] if told.returncode == 0 and float(told.stdout) < 1_000_000_000 else None
