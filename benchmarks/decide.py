"""Decide: our screening and compiled plan, against an expert's query, and against an SDK in a loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.clock import Clock
from benchmarks.figures import Figure, at_least
from benchmarks.results import Result
from benchmarks.sides import highest, in_turns, middle, side
from benchmarks.workspaces import copy_of, workspace

SDK_CUSTOMERS = 200_000
"""The loop's pace does not depend on how many there are."""


def run(customers: int, rounds: int) -> Result:
    """Customers decided a second, with and without aggregates over the orders."""
    looped = min(customers, SDK_CUSTOMERS)
    with copy_of(workspace(customers)) as root:
        place = str(root)
        _check_same_decisions(place)
        found = in_turns(
            rounds,
            plan=side(plan, workspace=place, campaign="basket-builder"),
            handwritten=side(handwritten, workspace=place),
            plan_columns_only=side(assignments, workspace=place, campaign="columns-only"),
            sdk=side(sdk, workspace=place, customers=looped),
        )
    ours, expert, columns, loop = found.values()
    rate, unit = customers / middle(ours, "seconds"), "customers/s"
    rate_columns = customers / middle(columns, "seconds")
    by_expert, by_loop = customers / middle(expert, "seconds"), looped / middle(loop, "seconds")
    expert_memory = highest(expert, "peak_mib")
    figures = [
        Figure("decide, three aggregates over the orders", rate, unit, "hand-written SQL", by_expert, at_least(0.8)),
        Figure("– the same in seconds", middle(ours, "seconds"), "s", "hand-written SQL", middle(expert, "seconds")),
        Figure("– of it the screening, which the SQL lacks", middle(ours, "screen"), "s"),
        Figure("– peak memory", highest(ours, "peak_mib"), "MiB", "hand-written SQL", expert_memory),
        Figure("decide, columns only", rate_columns, unit, "GrowthBook SDK, a loop", by_loop, at_least(50)),
        Figure("– the same in seconds", middle(columns, "seconds"), "s"),
        Figure("– of it the screening, which the SDK lacks", middle(columns, "screen"), "s"),
    ]
    return Result(figures, found)


def plan(workspace: str, campaign: str) -> Mapping[str, Any]:
    """Screen and decide through our plan."""
    from benchmarks.plans import bench

    clock = Clock()
    with bench(workspace, campaign) as ready:
        with clock.running():
            ready.screen()
        screened = clock.seconds
        with clock.running():
            decisions = ready.engine.drain(ready.plan.decide())
    return {**clock.read(), "screen": round(screened, 3), "decisions": decisions}


def assignments(workspace: str, campaign: str) -> Mapping[str, Any]:
    """Screen and assign through our plan: every customer's variant and nothing else, as the SDK gives it.

    The variants are counted in the engine; what neither side is asked for (event ids, variables) is not computed.
    """
    from benchmarks.plans import bench
    from campaigns.engines.port import Query

    clock = Clock()
    with bench(workspace, campaign) as ready:
        decide = ready.plan.decide()
        variants = f"SELECT variant, count(*) AS customers FROM (\n{decide.text}\n) GROUP BY variant"
        with clock.running():
            ready.screen()
        screened = clock.seconds
        with clock.running():
            counted = ready.engine.rows(Query(variants, decide.parameters))
    decisions = sum(int(str(row["customers"])) for row in counted if row["variant"] is not None)
    return {**clock.read(), "screen": round(screened, 3), "decisions": decisions}


def handwritten(workspace: str) -> Mapping[str, Any]:
    """Decide through the expert's query."""
    from benchmarks.plans import bench

    clock = Clock()
    with bench(workspace) as ready:
        query = ready.handwritten
        with clock.running():
            decisions = ready.engine.drain(query)
    return {**clock.read(), "decisions": decisions}


def sdk(workspace: str, customers: int) -> Mapping[str, Any]:
    """The rule and the experiment of `columns-only`, customer by customer; the rows are fetched before the clock."""
    from growthbook import Experiment, GrowthBook  # type: ignore[import-not-found,unused-ignore]

    rows = _customers(workspace, customers)
    experiment = Experiment(
        key="columns-only",
        variations=["control", "first", "second"],
        weights=[0.2, 0.4, 0.4],
        condition={"email_opt_in": True, "country": "US"},
        hashAttribute="unit",
        hashVersion=2,
    )
    growthbook = GrowthBook()
    assigned, clock = 0, Clock()
    with clock.running():
        for row in rows:
            growthbook.set_attributes(row)
            assigned += growthbook.run(experiment).inExperiment
    assert assigned == sum(row["email_opt_in"] and row["country"] == "US" for row in rows)
    return {**clock.read(), "decisions": assigned}


def fingerprints(workspace: str) -> Mapping[str, Any]:
    """What is in the decisions of both sides of the comparison with aggregates."""
    from benchmarks.plans import bench

    with bench(workspace) as ready:
        ready.screen()
        return {
            "plan": ready.fingerprint(ready.plan.decide()),
            "handwritten": ready.fingerprint(ready.handwritten),
        }


def _check_same_decisions(workspace: str) -> None:
    found = side(fingerprints, workspace=workspace)()
    assert found["plan"] == found["handwritten"], f"handwritten.sql decides differently: {found}"


def _customers(workspace: str, customers: int) -> list[dict[str, Any]]:
    import duckdb

    names = ["unit", "email_opt_in", "country"]
    rows = duckdb.execute(
        "SELECT tenant_id || '/' || customer_id, email_opt_in, country FROM read_parquet($file) LIMIT $customers",
        {"file": f"{workspace}/data/customers.parquet", "customers": customers},
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]
