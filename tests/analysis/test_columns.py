"""Event tables as others write them: whatever columns are called, and of whatever types, an answer stays the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from campaigns.app import Campaigns
from campaigns.cli.app import app
from campaigns.errors import InvalidData, InvalidDefinition, NotFound
from support.lab import AS_OF, TENANTS, Lab

DAY = timedelta(days=1)
NOW = AS_OF + 40 * DAY
EVEN = {"control": {"weight": 1}, "tried": {"weight": 1}}
USUAL = {"tenant": "tenant", "customer": "customer", "at": "at", "cents": "cents"}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A launch of 200 customers, some of whom placed orders on days around it."""
    lab = Lab(tmp_path / "lab", customers=100, metrics=metrics("cents"))
    chance = Random(5)
    orders = [
        (tenant, f"c{number}", AS_OF + DAY * chance.randrange(-20, 20), chance.randrange(100, 900), "")
        for tenant in TENANTS
        for number in range(100)
        for _ in range(chance.choice([0, 1, 3]))
    ]
    lab.orders(orders)
    lab.campaign(experiment={"key": "incentive", "variants": EVEN})
    Campaigns(lab.root).launch("winback", AS_OF, "first")
    return lab


def metrics(cents: str) -> dict[str, dict[str, Any]]:
    return {
        "conversion": {"exists": "orders", "within": "14 days"},
        "orders": {"count": "orders", "within": "14 days", "where": f"{cents} > 300"},
        "revenue": {"sum": f"orders.{cents}", "within": "14 days", "covariate": "14 days"},
    }


def rewrite(lab: Lab, columns: str) -> None:
    """Replace the orders by what a query finds in them."""
    file = lab.root / "orders.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {columns} FROM '{file}') TO '{file}.new' (FORMAT parquet)").fetchall()
    Path(f"{file}.new").rename(file)


def figures(lab: Lab) -> list[Any]:
    document = Campaigns(lab.root).analyze("incentive", as_of=NOW)
    return [[each["groups"], each["comparisons"], each["over_time"]] for each in document["metrics"]]


@pytest.mark.parametrize(
    "names",
    [
        {"tenant": "arm", "customer": "pid", "at": "exposure", "cents": "look"},
        {"tenant": "customer", "customer": "tenant", "at": "stratum", "cents": "value"},
        {"tenant": "_customer", "customer": "_tenant", "at": "_value_0", "cents": "_at"},
        {"tenant": "_key", "customer": "_id", "at": "sum_0", "cents": "_value_1"},
        {"tenant": "frame", "customer": "known", "at": "orders", "cents": "outcomes"},
        {"tenant": "PID", "customer": "Arm", "at": "AT", "cents": "Value"},
    ],
)
def test_columns_may_be_called_like_the_engines_own(lab: Lab, names: dict[str, str]) -> None:
    usual = figures(lab)
    named = ", ".join(f'"{name}" AS "{other}"' for name, other in names.items())
    rewrite(lab, f"{named}, row_number() OVER () AS launch")
    orders = {"from": "orders.parquet", **{key: names[key] for key in ("tenant", "customer", "at")}}
    for identified in ({}, {"id": "launch"}):
        lab.define(metrics=metrics(names["cents"]), events={"orders": {**orders, **identified}})
        assert figures(lab) == usual


def test_an_instant_may_be_of_any_type(lab: Lab) -> None:
    usual = figures(lab)
    for type_ in ("TIMESTAMPTZ", "DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"):
        rewrite(lab, f'* REPLACE ("at"::{type_} AS "at")')
        assert figures(lab) == usual


def test_an_amount_may_be_of_any_type_of_number(lab: Lab) -> None:
    usual = figures(lab)
    for type_ in ("SMALLINT", "UBIGINT", "HUGEINT", "DECIMAL(18, 2)", "DECIMAL(38, 10)", "FLOAT", "DOUBLE"):
        rewrite(lab, f"* REPLACE (cents::{type_} AS cents)")
        assert figures(lab) == usual


def test_rows_that_say_neither_who_nor_when_add_nothing(lab: Lab) -> None:
    usual = figures(lab)
    instants = ["NULL", "'infinity'", "'-infinity'", "'290000-01-01'"]
    strange = [f"SELECT 'c1', 'mart', {instant}::TIMESTAMP, 5, ''" for instant in instants]
    strange += [
        "SELECT NULL, 'mart', TIMESTAMP '2026-06-02', 5, ''",
        "SELECT 'c1', NULL, TIMESTAMP '2026-06-02', 5, ''",
    ]
    file = lab.root / "orders.parquet"
    usual_rows = f"""SELECT customer, tenant, "at", cents, id FROM '{file}'"""
    with duckdb.connect() as connection:
        rows = " UNION ALL ".join([usual_rows, *strange])
        connection.execute(f"COPY ({rows}) TO '{file}.new' (FORMAT parquet)").fetchall()
    Path(f"{file}.new").rename(file)
    assert figures(lab) == usual


def test_customers_may_be_numbers(lab: Lab) -> None:
    with duckdb.connect() as connection:
        file = lab.root / "customers.parquet"
        connection.execute(
            f"COPY (SELECT * REPLACE (age AS id) FROM '{file}') TO '{file}.new' (FORMAT parquet)"
        ).fetchall()
    Path(f"{file}.new").rename(file)
    rewrite(lab, "* REPLACE (substr(customer, 2)::INTEGER AS customer)")
    lab.campaign(experiment={"key": "numbers", "variants": EVEN})
    lab.launch("second")
    document = Campaigns(lab.root).analyze("numbers", as_of=NOW, by="tenant")
    assert sum(document["customers"].values()) == 200
    assert document["metrics"][0]["groups"]["tried"]["mean"] > 0.2


@pytest.mark.parametrize("amount", ["1e308", "1e200"])
def test_sums_beyond_a_number_are_an_error_of_the_data(lab: Lab, amount: str) -> None:
    rewrite(lab, f"* REPLACE ({amount}::DOUBLE AS cents)")
    with pytest.raises(InvalidData, match=r"metric 'revenue': sums of its values, or of their squares, exceed"):
        figures(lab)


@pytest.mark.parametrize("name", ["holdout", "campaign"])
def test_a_variant_is_not_called_like_what_it_is_compared_with(lab: Lab, name: str) -> None:
    lab.campaign(experiment={"key": "incentive", "variants": {**EVEN, name: {"weight": 1}}})
    with pytest.raises(InvalidDefinition, match=f"calls .* '{name}'; rename the variant"):
        Campaigns(lab.root).validate()


def test_sixty_variants_are_compared(lab: Lab) -> None:
    variants = {"control": {"weight": 1}, **{f"v{number}": {"weight": 1} for number in range(59)}}
    lab.campaign(experiment={"key": "many", "variants": variants})
    lab.launch("second")
    document = Campaigns(lab.root).analyze("many", as_of=NOW)
    assert sum(document["customers"].values()) == 200
    for each in document["metrics"]:
        assert len(each["comparisons"]) == 59
        known = [found for found in each["comparisons"] if found["p_value"] is not None]
        assert all(found["p_value_adjusted"] >= found["p_value"] for found in known)


def test_launches_that_reached_nobody_are_told(lab: Lab) -> None:
    lab.campaign(audience={"where": "age > 1000"}, experiment={"key": "lonely", "variants": EVEN})
    Campaigns(lab.root).launch("winback", AS_OF, "second", confirm=True)
    with pytest.raises(NotFound, match="experiment 'lonely': its launches reached nobody"):
        Campaigns(lab.root).analyze("lonely", as_of=NOW)


def test_tenants_without_customers_are_no_group(lab: Lab) -> None:
    lab.define(metrics=metrics("cents"), tenants={name: {"surface": "any"} for name in (*TENANTS, "ghost")})
    document = Campaigns(lab.root).analyze("incentive", as_of=NOW, by="tenant")
    assert [each["value"] for each in document["by"]["values"]] == ["corner", "mart"]


@pytest.mark.parametrize("effect", ["nan", "0", "-0.1", "101", "inf"])
def test_an_effect_that_nobody_means_is_refused(lab: Lab, effect: str) -> None:
    arguments = ["power", "winback", "--metric", "revenue", f"--effect={effect}", "--workspace", str(lab.root)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "is not above 0 and at most 100" in result.output
