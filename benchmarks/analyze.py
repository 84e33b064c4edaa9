"""Analyze: an experiment over all customers with five outcome events each, four metrics at every day's look; one of
them against an expert's query."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from math import isclose
from pathlib import Path
from typing import Any

from benchmarks.clock import Clock
from benchmarks.figures import Figure, at_most, shown
from benchmarks.results import Result
from benchmarks.sides import Measured, highest, in_turns, middle, side
from benchmarks.workspaces import CACHE, copy_of, linked, scratch, workspace

EVENTS = 5
"""Outcome events of a customer, on average."""

EXPOSED = "2026-04-01T00:00:00Z"
ASKED = "2026-05-01T00:00:00Z"
KEY = "everybody"
METRICS = {
    "conversion": {"exists": "outcomes", "within": "14 days"},
    "orders": {"count": "outcomes", "within": "14 days", "where": "total_cents > 0"},
    "revenue": {"sum": "outcomes.total_cents", "within": "14 days", "covariate": "28 days"},
    "basket": {
        "ratio": {"numerator": {"sum": "outcomes.total_cents"}, "denominator": {"count": "outcomes"}},
        "within": "14 days",
    },
}
CAMPAIGN = {
    "campaign": KEY,
    "tenants": "all",
    "channel": "email",
    "audience": {"where": "score >= 0"},
    "holdout": {"key": "global", "percent": 5},
    "experiment": {"key": KEY, "variants": {"control": {"weight": 1}, "first": {"weight": 1}, "second": {"weight": 1}}},
}

# In the order of time, as a table of events is; a third of the events lies after the exposure.
_OUTCOMES = f"""
    COPY (
        SELECT tenant_id, customer_id, total_cents,
            TIMESTAMP '2026-03-04' + to_seconds(second) AS happened_at, '' || event_id AS event_id
        FROM (
            SELECT tenant_id, customer_id, 'e' || file_row_number || '-' || k AS event_id,
                (hash(file_row_number, k, 1) % (42 * 86400))::BIGINT AS second,
                (400 + hash(file_row_number, k, 2) % 20000)::BIGINT AS total_cents
            FROM read_parquet($customers, file_row_number = true), range({EVENTS}) AS events (k)
        )
        ORDER BY second // 3600
    ) TO '$target' (FORMAT parquet, COMPRESSION zstd)
"""

_HANDWRITTEN = """
    WITH people AS (
        SELECT tenant, customer, coalesce(variant, 'holdout') AS arm
        FROM '$workspace/.campaigns/snapshots/*/*/*.parquet'
    ),
    spent AS (
        SELECT tenant_id AS tenant, customer_id AS customer,
            sum(total_cents) FILTER (happened_at >= TIMESTAMP '2026-04-01')::DOUBLE AS after,
            sum(total_cents) FILTER (happened_at < TIMESTAMP '2026-04-01')::DOUBLE AS before
        FROM '$workspace/data/outcomes.parquet'
        WHERE happened_at >= TIMESTAMP '2026-03-04' AND happened_at < TIMESTAMP '2026-04-15'
        GROUP BY ALL
    ),
    measured AS (
        SELECT arm, coalesce(after, 0) AS after, coalesce(before, 0) AS before
        FROM people LEFT JOIN spent USING (tenant, customer)
    )
    SELECT arm, count(*), avg(after), avg(before), var_samp(after), var_samp(before), covar_samp(after, before)
    FROM measured GROUP BY arm
"""


def run(customers: int, rounds: int) -> Result:
    """Seconds and memory of the whole analysis; beside it, of an analysis by tenant and of the exposure log."""
    root = str(laboratory(customers))
    found = in_turns(
        rounds,
        analyze=side(analyze, workspace=root),
        one=side(analyze, workspace=root, metric="revenue"),
        handwritten=side(handwritten, workspace=root),
        once=side(analyze, workspace=root, once=True),
        by_value=side(analyze, workspace=root, by="loyalty_tier"),
        assignments=lambda: _logged(root),
    )
    ours, expert = found["one"], found["handwritten"]
    assert all(isclose(ours[0][arm], expert[0][arm], rel_tol=1e-9) for arm in ("control", "first", "second"))
    size = f"{shown(customers)} customers with {shown(customers * EVENTS)} events"
    what, other = "hand-written SQL, the last look only", middle(expert, "seconds")
    figures = [
        Figure(f"analyze {size}, a sum with its covariate", middle(ours, "seconds"), "s", what, other),
        Figure("– peak memory", highest(ours, "peak_mib"), "MiB", what, highest(expert, "peak_mib")),
    ]
    for name, what in (
        ("analyze", "the same, four metrics"),
        ("once", "the same, where every event has an id and counts once"),
        ("by_value", "the same, by an attribute too"),
        ("assignments", f"write the exposure log of {shown(customers)} customers"),
    ):
        bar = at_most(60) if name == "analyze" else None
        figures += [
            Figure(what, middle(found[name], "seconds"), "s", bar=bar),
            Figure("– peak memory", highest(found[name], "peak_mib"), "MiB"),
        ]
    return Result(figures, found)


def laboratory(customers: int) -> Path:
    """A workspace in which everybody was launched to, and did something before and after; made unless it is there."""
    source = workspace(customers)
    root = CACHE / f"analyze-{EVENTS}-{source.name}"
    if not (root / "ready").exists():
        side(prepared, source=str(source), root=str(root))()
    return root


def prepared(source: str, root: str) -> Mapping[str, Any]:
    """Make the workspace, its events, and the launch, none of whose events is emitted. A side."""
    import duckdb
    import yaml

    from benchmarks.watch import Frozen, Stopwatch
    from campaigns.app import Campaigns
    from campaigns.definitions.instants import parse_instant

    shutil.rmtree(root, ignore_errors=True)
    place = Path(root)
    (place / "data").mkdir(parents=True)
    linked(f"{source}/data/customers.parquet", f"{root}/data/customers.parquet")
    query = _OUTCOMES.replace("$target", f"{root}/data/outcomes.parquet")
    with duckdb.connect(config={"memory_limit": "4GB", "temp_directory": f"{root}/spill"}) as connection:
        connection.execute(query, {"customers": f"{root}/data/customers.parquet"})
    document = yaml.safe_load(Path(source, "workspace.yaml").read_text(encoding="utf-8"))
    for name, event_id in (("workspace.yaml", None), ("once.yaml", "event_id")):
        outcomes = {"from": "data/outcomes.parquet", "customer": "customer_id", "tenant": "tenant_id"}
        outcomes |= {"at": "happened_at"} | ({"id": event_id} if event_id else {})
        content = document | {"events": {"outcomes": outcomes}, "metrics": METRICS}
        content |= {"attributes": {}, "segments": {}, "offers": {}}
        (place / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (place / "campaigns").mkdir()
    (place / "campaigns" / f"{KEY}.yaml").write_text(yaml.safe_dump(CAMPAIGN, sort_keys=False), encoding="utf-8")
    with suppress(Frozen):
        Campaigns(root).launch(KEY, parse_instant(EXPOSED), KEY, Stopwatch(stop_when_frozen=True))
    with closing(sqlite3.connect(place / ".campaigns" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE launches SET state = 'completed'")  # what never left is no exposure
    (place / "ready").touch()
    return {}


def analyze(
    workspace: str, by: str | None = None, metric: str | None = None, *, once: bool = False
) -> Mapping[str, Any]:
    """Ask what the experiment has shown; `once`: where the table says which column identifies an event."""
    from campaigns.app import Campaigns
    from campaigns.definitions.instants import parse_instant

    with copy_of(Path(workspace)) as root:
        if once:
            shutil.copy(root / "once.yaml", root / "workspace.yaml")
        campaigns, clock = Campaigns(root), Clock()
        with clock.running():
            found = campaigns.analyze(KEY, metrics=[metric] if metric else None, by=by, as_of=parse_instant(ASKED))
    (revenue,) = [each for each in found["metrics"] if each["metric"] == "revenue"]
    means = {name: group["mean"] for name, group in revenue["groups"].items()}
    return {**clock.read(), "looks": len(found["metrics"][0]["over_time"]), "customers": found["customers"], **means}


def handwritten(workspace: str) -> Mapping[str, Any]:
    """The moments of the revenue and of its covariate, as an expert asks DuckDB for them, in the same memory."""
    import duckdb

    clock = Clock()
    with scratch() as spill, duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(spill)}) as connection:
        connection.execute("SET preserve_insertion_order = false")
        with clock.running():
            rows = connection.execute(_HANDWRITTEN.replace("$workspace", workspace)).fetchall()
    return {**clock.read(), **{arm: mean for arm, _, mean, *_ in rows}}


def _logged(root: str) -> Measured:
    with scratch() as folder:
        return side(assignments, workspace=root, out=str(folder / "log"))()


def assignments(workspace: str, out: str) -> Mapping[str, Any]:
    """Write the exposure log."""
    from campaigns.app import Campaigns

    campaigns, clock = Campaigns(workspace), Clock()
    with clock.running():
        campaigns.assignments(KEY, Path(out))
    return clock.read()
