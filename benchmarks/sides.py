"""Sides: each measurement runs in a process of its own, one after the other, the sides of a comparison in turns.

This process imports nothing heavy: a child's peak memory starts from its parent's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

Measured = dict[str, Any]
"""What a side says of itself, with `peak_mib`: the most memory its process ever held, in MiB."""

ROOT = Path(__file__).parent.parent


def side(function: Callable[..., Mapping[str, Any]], /, **arguments: object) -> partial[Measured]:
    """A call that runs `function(**arguments)` in a fresh process each time. All must be JSON.

    Raises CalledProcessError when it fails; what it said is on this process's stderr.
    """
    return partial(_run, function.__module__, function.__name__, json.dumps(arguments))


def in_turns(rounds: int, **sides: Callable[[], Measured]) -> dict[str, list[Measured]]:
    """Run the sides A B A B ..., so that a machine that gets slower does so for both."""
    found: dict[str, list[Measured]] = {name: [] for name in sides}
    for number in range(rounds):
        for name, run in sides.items():
            measured = run()
            print(f"  {name} {number + 1}/{rounds}: {json.dumps(measured)}", file=sys.stderr, flush=True)
            found[name].append(measured)
    return found


def middle(measured: list[Measured], name: str) -> float:
    """The median of one value over the rounds."""
    return float(median(each[name] for each in measured))


def highest(measured: list[Measured], name: str) -> float:
    """The largest of one value over the rounds: for memory, where the median would hide the worst."""
    return float(max(each[name] for each in measured))


def _run(module: str, function: str, arguments: str) -> Measured:
    command = [sys.executable, "-m", "benchmarks.child", module, function, arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    found: Measured = json.loads(done.stdout.splitlines()[-1])
    return found
