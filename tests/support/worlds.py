"""Random small worlds for the oracle: hostile ids, missing values, edges of windows. A seed gives one world."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from support.oracle import Row, Rule, World
from support.workspaces import write_campaign, write_rows, write_yaml

AS_OF = datetime(2026, 5, 31, 12, 30, tzinfo=UTC)
SECRET = b"a secret for tests"
HOSTILE = [
    "it's",
    '"quoted"',
    "line\nbreak",
    "tab\there",
    "🎉👩‍👧",
    "e\u0301",
    "\u00e9",
    "'; drop table customers; --",
    "a/b",
    "a:b",
    "\\",
    "%s{}$1",
    "007",
    "7",
    " 7",
    "NULL",
    "x" * 1000,
    "\u202eabc",
]
BROKEN = ["", "nul\0inside", "\0"]
CUSTOMER = {
    "tenant_id": pa.string(),
    "first_name": pa.string(),
    "country": pa.string(),
    "email_opt_in": pa.bool_(),
    "tags": pa.list_(pa.string()),
    "points": pa.int64(),
    "score": pa.float64(),
    "signup": pa.date32(),
    "household": pa.int32(),
    "Loyalty Level": pa.string(),
}
ORDER = {"tenant_id": pa.string(), "total_cents": pa.int64(), "price": pa.float64(), "department": pa.string()}
IDS: Mapping[str, tuple[pa.DataType, Callable[[Any], Any]]] = {
    "text": (pa.string(), str),
    "integer": (pa.int64(), int),
    "decimal": (pa.decimal128(18, 0), Decimal),
}
TIMES = [pa.timestamp("us"), pa.timestamp("us", tz="America/New_York"), pa.timestamp("ms"), pa.date32()]

WORKSPACE: Mapping[str, Any] = {
    "workspace": "acme",
    "secret": {"file": "secret.txt"},
    "tenants": {
        "marketplace": {"surface": "marketplace", "variables": {"brand": "Market 'n' Place", "stores": 3}},
        "corner-grocer": {"surface": "storefront", "variables": {"brand": 'Córner\\Grocer"', "open": True}},
        "42": {"surface": "storefront"},
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
        "orders_ever": {"count": "orders"},
        "spend": {"sum": "orders.total_cents", "within": "3 months"},
        "paid": {"sum": "orders.price"},
        "mean_price": {"avg": "orders.price"},
        "best_price": {"max": "orders.price"},
        "last_order_at": {"max": "orders.ordered_at"},
        "first_department": {"min": "orders.department"},
        "organic": {"exists": "orders", "where": "department = 'ORGANIC'", "within": "60 days"},
        "big_orders": {"count": "orders", "where": "total_cents >= 1000 and department is not null"},
    },
    "segments": {"staff": "contains(tags, 'staff')", "rich": "spend > 2000 or points > 50"},
    "offers": {
        "ten-off": {
            "type": "amount_off",
            "amount_cents": 1000,
            "currency": "USD",
            "eligible": "country = 'US'",
            "valid_for": "14 days",
            "code": {"prefix": "WB"},
        },
        "free-delivery": {"type": "free_delivery"},
        "share": {"type": "percent_off", "percent": 15, "eligible": "not in_segment(rich)", "valid_for": "1 day"},
    },
}


def _over(value: Any, limit: float) -> bool:
    return value is not None and value > limit


def _rich(row: Row) -> bool:
    return _over(row["spend"], 2000) or _over(row["points"], 50)


AUDIENCES: Mapping[str, Rule] = {
    "orders_ever >= 0": lambda row, as_of: True,
    "orders_90d >= 1 and email_opt_in": lambda row, as_of: row["orders_90d"] >= 1 and row["email_opt_in"] is True,
    "in_segment(rich) or country = 'US'": lambda row, as_of: _rich(row) or row["country"] == "US",
    "not in_segment(rich) and (organic or not organic)": lambda row, as_of: not _rich(row),
    "last_order_at < as_of - interval '45 days' or last_order_at is null": lambda row, as_of: (
        row["last_order_at"] is None or _midnight(row["last_order_at"]) < as_of - timedelta(days=45)
    ),
    "\"Loyalty Level\" in ('gold', 'it''s; --') or score > 0.5": lambda row, as_of: (
        row["Loyalty Level"] in ("gold", "it's; --") or _over(row["score"], 0.5)
    ),
    "coalesce(first_department, 'A') <= 'DAIRY' or spend is null": lambda row, as_of: (
        ((row["first_department"] or "A") <= "DAIRY" if row["first_department"] != "" else True) or row["spend"] is None
    ),
    "best_price = paid or mean_price * 2 > paid or big_orders > 1": lambda row, as_of: (
        (None not in (row["best_price"], row["paid"]) and row["best_price"] == row["paid"])
        or (None not in (row["mean_price"], row["paid"]) and row["mean_price"] * 2 > row["paid"])
        or row["big_orders"] > 1
    ),
}
EXPRESSIONS: Mapping[str, Rule] = {
    "coalesce(first_name, 'there')": lambda row, as_of: "there" if row["first_name"] is None else row["first_name"],
    "spend": lambda row, as_of: row["spend"],
    "score": lambda row, as_of: row["score"],
    "paid": lambda row, as_of: float(row["paid"]) if row["paid"] is not None else None,
    "last_order_at": lambda row, as_of: row["last_order_at"],
    "signup": lambda row, as_of: row["signup"],
    "tags": lambda row, as_of: row["tags"],
    "points / 0": lambda row, as_of: None,
    "organic": lambda row, as_of: row["organic"],
    '"Loyalty Level"': lambda row, as_of: row["Loyalty Level"],
    "as_of": lambda row, as_of: as_of,
}
RULES: Mapping[str, Rule] = {
    **AUDIENCES,
    **EXPRESSIONS,
    "contains(tags, 'staff')": lambda row, as_of: "staff" in (row["tags"] or []),
    "spend > 2000 or points > 50": lambda row, as_of: _rich(row),
    "country = 'US'": lambda row, as_of: row["country"] == "US",
    "not in_segment(rich)": lambda row, as_of: not _rich(row),
    "department = 'ORGANIC'": lambda row, as_of: row["department"] == "ORGANIC",
    "total_cents >= 1000 and department is not null": lambda row, as_of: (
        _over(row["total_cents"], 999) and row["department"] is not None
    ),
}


def _midnight(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001


def random_world(seed: int, root: Path) -> World:
    """The world of a seed, written to `root`."""
    random = Random(seed)
    kind = random.choice(list(IDS))
    id_type, to_id = IDS[kind]
    at_type = random.choice(TIMES)
    pool: list[Any] = [to_id(str(number)) for number in range(1, 200)]
    if kind == "text":
        pool += HOSTILE
    customers = [_customer(random, pool, kind) for _ in range(random.choice([0, 1, 250, 250, 250, 250, 250, 250]))]
    orders = [_order(random, pool, at_type) for _ in range(2 * len(customers) + 3)]
    campaign = _campaign(random)
    write_rows(root / "data" / "customers.parquet", customers, {"customer_id": id_type, **CUSTOMER})
    write_rows(root / "data" / "orders.parquet", orders, {"customer_id": id_type, "ordered_at": at_type, **ORDER})
    write_yaml(root / "workspace.yaml", WORKSPACE)
    write_campaign(root, campaign)
    (root / "secret.txt").write_bytes(SECRET)
    return World(WORKSPACE, campaign, customers, orders, RULES, AS_OF, f"launch-{seed}", SECRET)


def _customer(random: Random, pool: list[Any], kind: str) -> dict[str, Any]:
    customer = random.choice(pool)
    if random.random() < 0.05:
        customer = random.choice([None, *BROKEN]) if kind == "text" else None
    known = ["marketplace", "corner-grocer", "42"]
    return {
        "customer_id": customer,
        "tenant_id": random.choice([*known * 20, None, "", "nowhere", "Marketplace", "'; --"]),
        "first_name": random.choice([None, "", "Ada", "O'Hara", "nul\0name", "🎉", 'say "hi"', "\u2028\x07"]),
        "country": random.choice([None, "US", "US", "us", "FR"]),
        "email_opt_in": random.choice([None, True, True, False]),
        "tags": random.choice([None, [], ["staff"], ["vip", None], [None], ['"', "🎉"]]),
        "points": random.choice([None, 0, 7, 51, -(2**63), 2**63 - 1]),
        "score": random.choice([None, math.nan, math.inf, -math.inf, -0.0, 0.5, 0.75, 1e300]),
        "signup": random.choice([None, date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31)]),
        "household": random.choice([None, 1, 2, 3, 4, 5, -6]),
        "Loyalty Level": random.choice([None, "gold", "it's; --", "Gold"]),
    }


def _order(random: Random, pool: list[Any], at_type: pa.DataType) -> dict[str, Any]:
    edges = [timedelta(0), timedelta(days=45), timedelta(days=60), timedelta(days=90), timedelta(days=92)]
    step = timedelta(milliseconds=1)
    at = random.choice(
        [
            AS_OF - random.choice(edges) + random.choice([-step, timedelta(0), step]),
            AS_OF - timedelta(days=random.uniform(0, 200)),
            datetime(2026, 2, 28, 12, 30, tzinfo=UTC) - random.choice([timedelta(0), step]),
            datetime(1, 1, 2, tzinfo=UTC),
            datetime(2261, 1, 1, tzinfo=UTC),
            None,
        ]
    )
    return {
        "customer_id": random.choice([*pool, None]),
        "tenant_id": random.choice(["marketplace", "corner-grocer", "42", "nowhere", None]),
        "ordered_at": None if at is None else _fitting(at, at_type),
        "total_cents": random.choice([None, 0, 999, 1000, 2500, -400, 2**62]),
        "price": random.choice([None, math.nan, math.inf, -math.inf, 0.25, 1.5, -0.75, 1024.0]),
        "department": random.choice([None, "", "ORGANIC", "DAIRY", "É", "🎉"]),
    }


def _fitting(at: datetime, at_type: pa.DataType) -> date:
    """The moment as a column of the type can hold it, in whole milliseconds."""
    if pa.types.is_date(at_type):
        return at.date()
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    return at if at_type.tz else at.replace(tzinfo=None)


def _campaign(random: Random) -> dict[str, Any]:
    unit = random.choice([{}, {}, {}, {"unit": "household"}, {"unit": "country"}])
    campaign: dict[str, Any] = {
        "campaign": "winback",
        "tenants": random.choice(["all", "all", ["corner-grocer"], ["42", "marketplace"], {"surface": "storefront"}]),
        "channel": "email",
        "audience": {
            "where": random.choice(list(AUDIENCES)),
            "exclude": random.choice([[], ["staff"], ["staff", "rich"]]),
        },
        "variables": {f"v{n}": text for n, text in enumerate(random.sample(list(EXPRESSIONS), random.randint(0, 6)))},
    }
    if percent := random.choice([None, None, 0, 2.5, 2.5, 20, 50, 100]):
        campaign["holdout"] = {"key": "global", "percent": percent, **unit}
    if random.random() < 0.3:
        campaign["offer"] = "share"
    weights = random.choice([None, [1], [20, 40, 40], [20, 40, 40], [0, 1, 0], [5, 0, 95], [1, 1, 1, 0, 7]])
    if weights:
        arms: list[dict[str, Any]] = [
            {},
            {"offer": "ten-off"},
            {"offer": "free-delivery"},
            {"offer": None},
            {"offer": "share"},
            {"offer": "ten-off"},
        ]
        campaign["experiment"] = {
            "key": "incentive",
            "variants": {f"arm-{n}": {"weight": weight, **random.choice(arms)} for n, weight in enumerate(weights)},
            **random.choice([{}, {"salt": "an 'explicit' salt"}]),
            **random.choice([{}, {}, {"unit": "household"}]),
        }
    return campaign
