"""Decide: our screening and compiled plan, against an expert's query, and against an SDK in a loop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from benchmarks.figures import Figure, at_least
from benchmarks.results import Result
from benchmarks.sides import highest, in_turns, middle, side
from benchmarks.workspaces import copy_of, workspace

SDK_CUSTOMERS = 200_000


def run(customers: int, rounds: int) -> Result:
    """Customers decided a second, with and without aggregates over the orders."""
    with copy_of(workspace(customers)) as root:
        place = str(root)
        _check_same_decisions(place)
        found = in_turns(
            rounds,
            plan=side(plan, workspace=place, campaign="basket-builder"),
            handwritten=side(handwritten, workspace=place),
            plan_columns=side(plan, workspace=place, campaign="columns-only"),
            sdk=side(sdk, workspace=place, customers=min(customers, SDK_CUSTOMERS)),
        )
    ours, expert, columns, loop = found.values()
    sdk_rate = min(customers, SDK_CUSTOMERS) / middle(loop, "seconds")
    figures = [
        _rate("decide, two aggregates over the orders", customers, ours, "hand-written SQL", 0.8)(
            customers / middle(expert, "seconds")
        ),
        Figure("– of it the screening of the source rows", middle(ours, "screen"), "s"),
        Figure("– peak memory", highest(ours, "peak_mib"), "MiB", "hand-written SQL", highest(expert, "peak_mib")),
        _rate("decide, columns only", customers, columns, "GrowthBook SDK in a loop", 50)(sdk_rate),
        Figure("– of it the screening of the source rows", middle(columns, "screen"), "s"),
    ]
    return Result(figures, found)
