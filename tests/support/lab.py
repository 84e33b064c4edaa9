"""A workspace to experiment in: customers without a past, so that only the assignment decides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from campaigns.app import Campaigns

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
TENANTS = ("mart", "corner")

Row = dict[str, Any]


class Lab:
    """A folder with `customers` customers of each tenant, c0, c1, ..., and one campaign after the other."""

    def __init__(self, root: Path, customers: int = 1000, **workspace: Any) -> None:
        self.root = root
        (root / "campaigns").mkdir(parents=True)
        tenants = ", ".join(f"('{tenant}')" for tenant in TENANTS)
        rows = f"SELECT 'c' || i AS id, tenant, i AS age, 'house-' || (i // 2) AS house FROM range({customers}) r(i)"
        duckdb.sql(f"COPY ({rows}, (VALUES {tenants}) t(tenant)) TO '{root / 'customers.parquet'}'")
        duckdb.sql(
            f"COPY (SELECT '' AS customer, '' AS tenant, TIMESTAMP '2000-01-01' AS at, 0 AS cents, '' AS id LIMIT 0) "
            f"TO '{root / 'orders.parquet'}'"
        )
        self.define(**workspace)

    def define(self, **changes: Any) -> None:
        """Write the workspace anew, with more keys, or with other tenants."""
        document = {
            "workspace": "lab",
            "tenants": {tenant: {"surface": f"{tenant}s"} for tenant in TENANTS},
            "customers": {"from": "customers.parquet", "id": "id", "tenant": "tenant"},
            "events": {"orders": {"from": "orders.parquet", "customer": "customer", "tenant": "tenant", "at": "at"}},
            "offers": {key: {"type": "free_delivery"} for key in ("ten-off", "free-delivery")},
            **changes,
        }
        (self.root / "workspace.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def orders(self, rows: Sequence[tuple[str, str, datetime, int | None, str]]) -> None:
        """Replace the orders: tenant, customer, when, cents, id."""
        table = pa.table(
            {
                "tenant": [row[0] for row in rows],
                "customer": [row[1] for row in rows],
                "at": pa.array([row[2].replace(tzinfo=None) for row in rows], pa.timestamp("us")),
                "cents": pa.array([row[3] for row in rows], pa.int64()),
                "id": [row[4] for row in rows],
            }
        )
        pq.write_table(table, self.root / "orders.parquet")

    def buy(self, units: Iterable[str], at: datetime) -> None:
        """Replace the orders: one of 100 cents for each of these units, <tenant>/<customer>."""
        who = [unit.split("/") for unit in units]
        self.orders([(tenant, customer, at, 100, f"{tenant}/{customer}") for tenant, customer in who])

    def campaign(self, key: str = "winback", **changes: Any) -> None:
        """Write a campaign that matches everybody."""
        document = {"campaign": key, "tenants": "all", "channel": "email", "audience": {"where": "age >= 0"}, **changes}
        (self.root / "campaigns" / f"{key}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def launch(self, launch_id: str, key: str = "winback", as_of: datetime = AS_OF, **more: Any) -> dict[str, Row]:
        """Launch; see `decisions`."""
        Campaigns(self.root).launch(key, as_of, launch_id, **more)
        return self.decisions(launch_id)

    def decisions(self, launch_id: str) -> dict[str, Row]:
        """What a launch's snapshot holds, by unit: <tenant>/<customer>."""
        files = self.root / ".campaigns" / "snapshots" / launch_id / "*" / "*.parquet"
        with duckdb.connect() as connection:
            found = connection.execute(f"SELECT * FROM read_parquet('{files}')")
            names = [column[0] for column in found.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return {f"{row['tenant']}/{row['customer']}": row for row in rows}


def share(salt: str, unit: str, cut: int = 0) -> float:
    """Where a unit lies in a bucket space, 0.0 to 1.0: its own computation, with numbers instead of text."""
    digest = hashlib.md5(f"{salt}:{unit}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[cut * 8 : cut * 8 + 8], 16) / 2**32


def arm(salt: str, unit: str, weights: Mapping[str, int]) -> str:
    """The arm that a unit gets by weights."""
    at, reached = share(salt, unit, 1), 0
    for name, weight in weights.items():
        reached += weight
        if weight and at < reached / sum(weights.values()):
            return name
    raise AssertionError(at)
