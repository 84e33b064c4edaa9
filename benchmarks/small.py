"""What people wait for besides launches: a preview, a generated workspace, the command line's first answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.clock import Clock
from benchmarks.figures import Figure, at_least, at_most, shown
from benchmarks.results import Result
from benchmarks.sides import Measured, highest, in_turns, middle, side
from benchmarks.workspaces import AS_OF, copy_of, generated, scratch, workspace

STARTS = 10


def run_preview(customers: int, rounds: int) -> Result:
    """An exact preview of a campaign with aggregates."""
    with copy_of(workspace(customers)) as place:
        found = in_turns(rounds, preview=side(preview, workspace=str(place)))
    (measured,) = found.values()
    figures = [
        Figure(f"preview of {shown(customers)} customers", middle(measured, "seconds"), "s"),
        Figure("– peak memory", highest(measured, "peak_mib"), "MiB"),
    ]
    return Result(figures, found)


def run_generate(customers: int, rounds: int) -> Result:
    """`campaigns generate`: customers and orders written a second."""

    def generating() -> Measured:
        with scratch() as folder:
            return side(generated, root=str(folder / "workspace"), customers=customers)()

    found = in_turns(rounds, generate=generating)
    (measured,) = found.values()
    rate = measured[0]["rows"] / middle(measured, "seconds")
    what = f"generate {shown(customers)} customers with their orders"
    figures = [
        Figure(what, rate, "rows/s", bar=at_least(2e6)),
        Figure("– peak memory", highest(measured, "peak_mib"), "MiB"),
    ]
    return Result(figures, found)


def run_startup(_customers: int, _rounds: int) -> Result:
    """`campaigns --help` in a fresh process."""
    found = in_turns(STARTS, help=_started)
    seconds = middle(found["help"], "seconds")
    return Result([Figure(f"campaigns --help, median of {STARTS}", seconds, "s", bar=at_most(0.3))], found)


def preview(workspace: str) -> Mapping[str, Any]:
    """Preview the first campaign."""
    from campaigns.app import Campaigns
    from campaigns.definitions.instants import parse_instant

    campaigns = Campaigns(workspace)
    clock = Clock()
    with clock.running():
        found = campaigns.preview("basket-builder", parse_instant(AS_OF))
    return {**clock.read(), "customers": found["customers"]}


def _started() -> Measured:
    command = [str(Path(sys.executable).with_name("campaigns")), "--help"]
    clock = Clock()
    with clock.running():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {"seconds": clock.seconds}
