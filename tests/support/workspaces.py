"""Small workspaces for tests: rows in, a folder with Parquet sources and definitions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

Row = Mapping[str, Any]
Document = Mapping[str, Any]

AS_OF = datetime.fromisoformat("2026-06-01T00:00:00+00:00")

CUSTOMER: dict[str, pa.DataType] = {
    "customer_id": pa.string(),
    "tenant_id": pa.string(),
    "first_name": pa.string(),
    "country": pa.string(),
    "email_opt_in": pa.bool_(),
    "tags": pa.list_(pa.string()),
}
ORDER: dict[str, pa.DataType] = {
    "customer_id": pa.string(),
    "tenant_id": pa.string(),
    "ordered_at": pa.timestamp("us", tz="UTC"),
    "total_cents": pa.int64(),
    "department": pa.string(),
}
WORKSPACE: Document = {
    "workspace": "acme",
    "tenants": {
        "marketplace": {"surface": "marketplace", "variables": {"brand": "Marketplace"}},
        "corner-grocer": {"surface": "storefront", "variables": {"brand": "Corner Grocer"}},
    },
    "customers": {"from": "data/customers.parquet", "id": "customer_id", "tenant": "tenant_id"},
    "events": {
        "orders": {
            "from": "data/orders.parquet",
            "customer": "customer_id",
            "tenant": "tenant_id",
            "at": "ordered_at",
        }
    },
    "attributes": {
        "orders_90d": {"count": "orders", "within": "90 days"},
        "spend_90d": {"sum": "orders.total_cents", "within": "90 days"},
        "last_order_at": {"max": "orders.ordered_at"},
    },
    "segments": {
        "lapsed": "last_order_at < as_of - interval '45 days'",
        "staff": "contains(tags, 'staff')",
    },
    "offers": {
        "ten-off": {
            "type": "amount_off",
            "amount_cents": 1000,
            "currency": "USD",
            "eligible": "country = 'US'",
            "valid_for": "14 days",
            "code": {"prefix": "WB"},
        },
        "free-delivery": {"type": "free_delivery", "valid_for": "14 days"},
    },
}
CAMPAIGN: Document = {
    "campaign": "winback",
    "tenants": "all",
    "channel": "email",
    "audience": {"where": "in_segment(lapsed) and orders_90d >= 1 and email_opt_in", "exclude": ["staff"]},
    "holdout": {"key": "global", "percent": 5},
    "experiment": {
        "key": "winback-incentive",
        "variants": {
            "control": {"weight": 20},
            "ten_off": {"weight": 40, "offer": "ten-off"},
            "free_delivery": {"weight": 40, "offer": "free-delivery"},
        },
    },
    "variables": {"first_name": "coalesce(first_name, 'there')", "spend": "spend_90d"},
}


def customer(customer_id: str | None, tenant_id: str | None = "marketplace", **values: object) -> dict[str, Any]:
    """A customer who can be reached; `values` replaces or adds columns."""
    usual = {"first_name": "Ada", "country": "US", "email_opt_in": True, "tags": []}
    return {"customer_id": customer_id, "tenant_id": tenant_id, **usual, **values}


def order(customer_id: str, tenant_id: str = "marketplace", *, days: float = 60, **values: object) -> dict[str, Any]:
    """An order `days` before AS_OF: by default the customer has lapsed since."""
    at = AS_OF - timedelta(days=days)
    usual = {"ordered_at": at, "total_cents": 2500, "department": "DAIRY"}
    return {"customer_id": customer_id, "tenant_id": tenant_id, **usual, **values}


def make_workspace(
    root: Path,
    *,
    customers: Sequence[Row] = (),
    orders: Sequence[Row] = (),
    campaign: Document = CAMPAIGN,
    workspace: Document = WORKSPACE,
) -> Path:
    """Write a workspace and return its folder. Values of `workspace` and `campaign` are the files' whole content;
    use `{**WORKSPACE, ...}` to change a key."""
    write_rows(root / "data" / "customers.parquet", customers, CUSTOMER)
    write_rows(root / "data" / "orders.parquet", orders, ORDER)
    write_yaml(root / "workspace.yaml", workspace)
    write_campaign(root, campaign)
    return root


def write_campaign(root: Path, campaign: Document) -> None:
    """Write or replace a campaign's file."""
    write_yaml(root / "campaigns" / f"{campaign['campaign']}.yaml", campaign)


def write_yaml(path: Path, document: Document) -> None:
    """Write a definition; the order of the keys stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True), encoding="utf-8")


def write_rows(path: Path, rows: Sequence[Row], columns: Mapping[str, pa.DataType]) -> None:
    """Write rows as Parquet: `columns` with their types, and the columns that the rows have besides them.

    A key that a row does not have is NULL.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    arrays = [pa.array([row.get(name) for row in rows], columns.get(name)) for name in names]
    pq.write_table(pa.table(arrays, names=names), path)
