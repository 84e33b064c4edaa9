"""Fairness: what a hot tenant costs the others of its launch, and how two launches share a machine and a stream."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, at_most
from benchmarks.freeze import freeze
from benchmarks.results import Result
from benchmarks.sides import Measured, highest, in_turns, middle, side
from benchmarks.workspaces import copy_of, linked, scratch, workspace

HOT = "marketplace"
SHARE = 90
"""Percent of the customers who belong to the hot tenant."""

LAUNCHES = ("benchmark", "benchmark-2")

_COUNTED = """
SELECT count(*) FILTER (tenant_id <> $hot), count(*), count(DISTINCT tenant_id) FROM read_parquet($customers)
"""

_HEATED = """
SELECT * REPLACE (
  CASE WHEN row_number() OVER () <= $tenants OR hash(customer_id) % 1000 < $stay THEN tenant_id ELSE $hot END
  AS tenant_id
)
FROM read_parquet($customers)
"""


def run(customers: int, rounds: int) -> Result:
    """Positions on the embedded stream, as parts of a launch; and events of two launches at once."""
    root = workspace(customers)
    with scratch() as folder:
        heated = folder / "heated"
        side(heat, root=str(root), target=str(heated))()

        def skewed() -> Measured:
            with copy_of(heated) as place:
                return side(positions, workspace=str(place))()

        def both() -> Measured:
            with copy_of(root) as place:
                return _together(place)

        found = in_turns(rounds, skewed=skewed, together=both)
    skewed_rounds, together = found.values()
    others = f"{skewed_rounds[0]['tenants'] - 1} others"
    figures = [
        Figure(
            f"last event of the {others}, as a part of the launch",
            highest(skewed_rounds, "last"),
            "",
            bar=at_most(1 / 3),
        ),
        Figure("– the events of the hot tenant", 100 * middle(skewed_rounds, "hot"), "%"),
        Figure("– half of the others are done at", middle(skewed_rounds, "half"), ""),
        Figure("two launches at once: the slower one's part done when the other ends", middle(together, "share"), ""),
    ]
    return Result(figures, found)


def heat(root: str, target: str) -> Mapping[str, Any]:
    """The workspace with 90 % of its customers in one tenant; of every other tenant somebody stays."""
    import duckdb

    shutil.copytree(root, target, copy_function=linked)
    file = Path(target) / "data" / "customers.parquet"
    file.unlink()  # a link to the first workspace's
    with duckdb.connect() as connection:
        place: dict[str, object] = {"customers": f"{root}/data/customers.parquet", "hot": HOT}
        others, customers, tenants = connection.execute(_COUNTED, place).fetchall()[0]
        stay = round(1000 * customers * (100 - SHARE) / 100 / others)
        query = f"COPY ({_HEATED}) TO '{file}' (FORMAT parquet)"
        connection.execute(query, {**place, "tenants": tenants, "stay": stay})
    return {"seconds": 0.0}


def positions(workspace: str) -> Mapping[str, Any]:
    """Launch, and read where on the stream each tenant's last event lies: 0 is the launch's begin, 1 its end."""
    from benchmarks.workspaces import AS_OF
    from campaigns.app import Campaigns
    from campaigns.app.workplace import Workplace
    from campaigns.definitions.instants import parse_instant

    campaigns = Campaigns(workspace)
    report = campaigns.launch("columns-only", parse_instant(AS_OF), "benchmark")
    last: dict[str, int] = {}
    number = 0
    for number, message in enumerate(Workplace(campaigns.file).stream().read(), 1):
        last[message.key.partition("/")[0]] = number
    assert number == report["sent"]
    assert set(last) == set(report["tenants"])
    hot = report["tenants"][HOT] / number
    others = sorted(position / number for tenant, position in last.items() if tenant != HOT)
    return {"last": others[-1], "half": others[len(others) // 2], "hot": hot, "tenants": len(last), "events": number}


def emit(workspace: str, launch_id: str, start: float) -> Mapping[str, Any]:
    """Resume a frozen launch at the instant `start` of the monotonic clock; when it had how much acknowledged."""
    from benchmarks.watch import Unfolding
    from campaigns.app import Campaigns

    campaigns, watch = Campaigns(workspace), Unfolding()
    time.sleep(max(0.0, start - time.monotonic()))
    report = campaigns.resume(launch_id, watch)
    return {"events": report["acknowledged"], "times": watch.times, "done": watch.done}


def _together(place: Path) -> Measured:
    """Two frozen launches of one campaign, resumed at once in a process each."""
    for launch_id in LAUNCHES:
        side(freeze, workspace=str(place), launch_id=launch_id)()
    start = time.monotonic() + 3
    runs = [side(emit, workspace=str(place), launch_id=launch_id, start=start) for launch_id in LAUNCHES]
    with ThreadPoolExecutor(len(runs)) as pool:
        found = [each.result() for each in [pool.submit(run) for run in runs]]
    first, second = sorted(found, key=lambda each: each["times"][-1])
    done = [count for at, count in zip(second["times"], second["done"], strict=True) if at <= first["times"][-1]]
    share = (done[-1] if done else 0) / second["events"]
    seconds = [round(each["times"][-1] - start, 3) for each in (first, second)]
    return {"share": round(share, 3), "seconds": seconds[0], "slower_seconds": seconds[1], "events": first["events"]}
