from __future__ import annotations

from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from campaigns.app import Campaigns
from campaigns.errors import InvalidDefinition
from campaigns.samples.generate import AS_OF, generate


def query(root: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        for table in ("customers", "orders"):
            connection.read_parquet(str(root / f"data/{table}.parquet")).create(table)
        return connection.execute(sql).fetchall()


def digests(root: Path) -> dict[str, str]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest() for path in files}


GOLDEN_CUSTOMERS = [
    (
        "c00000000",
        "marketplace",
        "Ada",
        True,
        "GB",
        ["family", "vip"],
        "2023-08-07 12:05:35",
        "gold",
        0.00037003238685429096,
    ),
    (
        "c00000001",
        "retailer-00002",
        "Ben",
        True,
        "US",
        ["family", "organic"],
        "2023-10-18 04:13:00",
        "basic",
        0.0898501630872488,
    ),
]
GOLDEN_ORDERS = [
    (0, "c00000000", "marketplace", "2023-11-09 22:33:29", 9044, "DELI"),
    (1, "c00000000", "marketplace", "2024-02-06 23:18:14", 3139, "GROCERY"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 customers of 351 tenants."""
    folder = tmp_path_factory.mktemp("generated") / "workspace"
    generate(folder, 20_000)
    return folder


def test_the_same_arguments_give_the_same_bytes(root: Path, tmp_path: Path) -> None:
    generate(tmp_path, 20_000)
    assert digests(tmp_path) == digests(root)


def test_another_seed_gives_other_rows(root: Path, tmp_path: Path) -> None:
    generate(tmp_path, 20_000, seed=1)
    assert digests(tmp_path)["data/orders.parquet"] != digests(root)["data/orders.parquet"]
    differing = "SELECT avg((a.score <> b.score)::INT) FROM customers AS a JOIN '{}' AS b USING (customer_id)"
    assert query(root, differing.format(tmp_path / "data/customers.parquet"))[0][0] > 0.99


def test_the_rows_of_seed_0_never_change(root: Path) -> None:
    first = query(root, "SELECT * REPLACE (signed_up_at::TEXT AS signed_up_at) FROM customers LIMIT 2")
    assert first == GOLDEN_CUSTOMERS
    assert query(root, "SELECT * REPLACE (ordered_at::TEXT AS ordered_at) FROM orders LIMIT 2") == GOLDEN_ORDERS


def test_rows_are_counted_by_file_and_progress_is_told(tmp_path: Path) -> None:
    seen: dict[str, float] = {}
    rows = generate(tmp_path, 1_000, progress=seen.__setitem__)
    assert rows == {"data/customers.parquet": 1_000, "data/orders.parquet": len(query(tmp_path, "FROM orders"))}
    assert seen == {"data/customers.parquet": 1.0, "data/orders.parquet": 1.0}


def test_the_data_is_clean(root: Path) -> None:
    assert query(root, "SELECT count(*), count(DISTINCT customer_id) FROM customers") == [(20_000, 20_000)]
    assert query(root, "SELECT count(*) - count(DISTINCT order_id) FROM orders") == [(0,)]
    assert query(root, "SELECT count(*) FROM orders ANTI JOIN customers USING (customer_id, tenant_id)") == [(0,)]
    complete = "COLUMNS(* EXCLUDE (first_name)) IS NOT NULL"
    assert query(root, f"SELECT count(*) FROM customers WHERE NOT ({complete})") == [(0,)]


def test_orders_lie_between_sign_up_and_the_end_of_the_history(root: Path) -> None:
    outside = """
        SELECT count(*) FROM orders JOIN customers USING (customer_id)
        WHERE ordered_at < signed_up_at OR ordered_at >= ?
    """.replace("?", f"TIMESTAMP '{AS_OF:%F %T}'")
    assert query(root, outside) == [(0,)]
    assert query(root, "SELECT max(ordered_at) FROM orders")[0][0] > AS_OF.replace(tzinfo=None, day=1, month=5)


def test_orders_are_three_a_customer_on_average_and_skewed(root: Path) -> None:
    orders = Counter(customer for (customer,) in query(root, "SELECT customer_id FROM orders"))
    assert orders.total() == pytest.approx(3 * 20_000, rel=0.05)
    assert 20_000 - len(orders) == pytest.approx(0.3 * 20_000, rel=0.1)
    assert max(orders.values()) == 33


def test_tenants_are_heavy_tailed_and_none_is_empty(root: Path) -> None:
    sizes = dict(query(root, "SELECT tenant_id, count(*) FROM customers GROUP BY ALL"))
    assert sizes.keys() == Campaigns(root).file.record.tenants.keys()
    assert len(sizes) == 351
    assert 0.3 < sizes["marketplace"] / 20_000 < 0.4
    assert sorted(sizes.values())[175] < 20


@pytest.mark.parametrize(("customers", "tenants", "filled"), [(0, 3, 0), (2, 3, 2), (300, 300, 300), (50, 1, 1)])
def test_small_workspaces_are_whole_too(tmp_path: Path, customers: int, tenants: int, filled: int) -> None:
    rows = generate(tmp_path, customers, tenants)
    assert rows["data/customers.parquet"] == customers
    assert query(tmp_path, "SELECT count(DISTINCT tenant_id) FROM customers") == [(filled,)]
    assert len(Campaigns(tmp_path).file.record.tenants) == tenants
    assert Campaigns(tmp_path).preview("basket-builder", AS_OF)["customers"] == customers


def test_every_campaign_is_valid_and_the_first_matches_half(root: Path) -> None:
    campaigns = Campaigns(root)
    first, *others = campaigns.validate()
    assert len(others) == 2
    assert campaigns.preview(first, AS_OF)["matched"] == pytest.approx(10_000, rel=0.07)
    assert all(campaigns.preview(other, AS_OF)["matched"] > 0 for other in others)


def test_the_first_campaign_matches_whom_plain_sql_finds(root: Path) -> None:
    year = "ordered_at >= TIMESTAMP '2026-06-01' - INTERVAL 365 DAYS"
    by_hand = f"""
        SELECT count(*) FROM customers JOIN (
            SELECT customer_id, sum(total_cents) AS cents FROM orders WHERE {year} GROUP BY customer_id
        ) USING (customer_id)
        WHERE email_opt_in AND cents >= 500 AND NOT list_contains(tags, 'staff')
    """
    assert Campaigns(root).preview("basket-builder", AS_OF)["matched"] == query(root, by_hand)[0][0]


@pytest.mark.parametrize(
    ("customers", "tenants", "seed", "message"),
    [
        (-1, 1, 0, "customers: found -1, allowed is 0 to 4,294,967,295"),
        (1, 0, 0, "tenants: found 0, allowed is 1 to 10,000"),
        (1, 10_001, 0, "tenants: found 10,001, allowed is 1 to 10,000"),
        (1, 1, -5, "seed: found -5, allowed is 0 to 4,294,967,295"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, customers: int, tenants: int, seed: int, message: str
) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        generate(tmp_path / "new", customers, tenants, seed)
    assert str(refusal.value) == message
    assert not (tmp_path / "new").exists()


def test_a_generated_workspace_is_not_overwritten(root: Path) -> None:
    before = digests(root)
    with pytest.raises(InvalidDefinition, match="not empty"):
        generate(root, 5)
    assert digests(root) == before
