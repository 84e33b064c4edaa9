"""Bad input and edges of an analysis, each against a computation customer by customer."""

from __future__ import annotations

import math
import statistics
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from campaigns.app import Campaigns
from campaigns.errors import InvalidDefinition, NotFound
from support.lab import AS_OF, TENANTS, Lab, Row

DAY = timedelta(days=1)
NOW = AS_OF + timedelta(days=40)
ORDERS = {"from": "orders.parquet", "customer": "customer", "tenant": "tenant", "at": "at"}
METRICS: dict[str, dict[str, Any]] = {
    "conversion": {"exists": "orders", "within": "14 days"},
    "orders": {"count": "orders", "within": "1 month", "where": "cents > 0"},
    "revenue": {"sum": "orders.cents", "within": "14 days", "covariate": "28 days"},
    "basket": {"ratio": {"numerator": {"sum": "orders.cents"}, "denominator": {"count": "orders"}}, "within": "7 days"},
}
EVEN = {"control": {"weight": 1}, "tried": {"weight": 1}}
UNEVEN = {"control": {"weight": 1}, "tried": {"weight": 4}}

Order = tuple[str, str, datetime, int | None, str]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path / "lab", customers=300, metrics=METRICS, holdouts={"global": {"percent": 15}})
    lab.campaign(experiment={"key": "incentive", "variants": EVEN})
    return lab


def metric(document: Any, name: str) -> dict[str, Any]:
    return next(each for each in document["metrics"] if each["metric"] == name)


def random_orders(chance: Random, customers: int) -> list[Order]:
    """Orders of all kinds, in any order: copies with the same id, without an id, returns, without an amount."""
    orders: list[Order] = []
    for tenant in TENANTS:
        for number in range(customers):
            for _ in range(chance.choice([0, 0, 1, 3])):
                at = AS_OF + DAY * chance.choice([chance.uniform(-40, 40), chance.choice([-28, 0, 2, 14, 16])])
                name = chance.choice([f"{tenant}{len(orders)}", f"{tenant}{len(orders)}", "", f"shared{number % 3}"])
                order = (tenant, f"c{number}", at, chance.choice([None, -700, 0, chance.randrange(9000)]), name)
                orders += [order] * chance.choice([1, 1, 2])
    chance.shuffle(orders)
    return orders


def once(orders: list[Order], positive: bool = False) -> list[Order]:
    """Orders without copies: of those of a customer with the same id, the earliest time and the smallest amount of all,
    or of those that are positive.
    """
    copies: dict[tuple[str, str, str], list[Order]] = {}
    for order in orders:
        copies.setdefault((order[0], order[1], order[4]), []).append(order)
    found: list[Order] = []
    for (tenant, customer, name), same in copies.items():
        amounts = [order[3] for order in same if order[3] is not None and (order[3] > 0 or not positive)]
        at = min(order[2] for order in same)
        found.append((tenant, customer, at, min(amounts, default=None), name))
    return found


class Participant:
    """A customer of the experiment: arm, exposure, weights."""

    def __init__(self, arm: str, since: datetime, weights: str) -> None:
        self.arm, self.since, self.weights = arm, since, weights


def participants(launches: list[tuple[datetime, str, dict[str, Row]]]) -> dict[str, Participant]:
    """Who takes part, by unit: the first launch that gave a variant, else the first that held out."""
    found: dict[str, Participant] = {}
    for assigned in (True, False):
        for since, weights, decisions in launches:
            for unit, row in decisions.items():
                if unit not in found and (row["variant"] if assigned else row["outcome"] == "holdout"):
                    found[unit] = Participant(row["variant"] or "holdout", since, weights)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_several_launches_with_copies_and_other_weights_are_what_counting_by_hand_gives(lab: Lab, seed: int) -> None:
    print(f"seed {seed}")
    chance = Random(seed)
    lab.define(metrics=METRICS, holdouts={"global": {"percent": 15}}, events={"orders": {**ORDERS, "id": "id"}})
    orders = [order for order in random_orders(chance, 300) if order[4] != ""]
    lab.orders(orders)
    launches = []
    for number, (weights, low, high) in enumerate([(EVEN, 0, 120), (EVEN, 60, 200), (UNEVEN, 100, 300)]):
        lab.campaign(
            experiment={"key": "incentive", "variants": weights},
            audience={"where": f"age >= {low} and age < {high}"},
        )
        since = AS_OF + number * 2 * DAY
        launches.append((since, str(weights), lab.launch(f"launch{number}", as_of=since)))
    people = participants(launches)
    as_of = chance.choice([NOW, AS_OF + 9.5 * DAY])
    document = Campaigns(lab.root).analyze("incentive", as_of=as_of)

    assert document["strata"] == 2
    assert document["customers"] == {
        arm: sum(one.arm == arm for one in people.values()) for arm in ("control", "tried", "holdout")
    }
    known = [order for order in orders if order[2] < as_of]

    def summed(unit: str, start: timedelta, end: timedelta, *, kind: str) -> float:
        since = people[unit].since
        real = once([each for each in known if f"{each[0]}/{each[1]}" == unit], positive=kind == "positive")
        mine = [each for each in real if since + start <= each[2] < since + end]
        if kind == "sum":
            return float(sum(each[3] or 0 for each in mine))
        return float(len(mine) if kind == "count" else sum((each[3] or 0) > 0 for each in mine))

    nothing, fortnight = timedelta(0), 14 * DAY
    month = {one.since: 30 * DAY for one in people.values()}  # June has 30 days
    values = {
        "conversion": {unit: float(summed(unit, nothing, fortnight, kind="count") > 0) for unit in people},
        "orders": {unit: summed(unit, nothing, month[people[unit].since], kind="positive") for unit in people},
        "revenue": {unit: summed(unit, nothing, fortnight, kind="sum") for unit in people},
    }
    for name, by_unit in values.items():
        for arm in ("control", "tried", "holdout"):
            mine = [value for unit, value in by_unit.items() if people[unit].arm == arm]
            group = metric(document, name)["groups"][arm]
            assert group["mean"] == pytest.approx(statistics.fmean(mine), rel=1e-9, abs=1e-12)
            assert group["standard_deviation"] == pytest.approx(statistics.stdev(mine), rel=1e-9)
    found = metric(document, "orders")["comparisons"][0]
    estimate, variance = post_stratified(people, values["orders"])
    assert found["absolute"]["estimate"] == pytest.approx(estimate, rel=1e-9, abs=1e-12)
    assert found["standard_error"] == pytest.approx(math.sqrt(variance), rel=1e-9)


def post_stratified(people: dict[str, Participant], values: dict[str, float]) -> tuple[float, float]:
    """The effect within each set of weights, averaged with the shares of the customers who are compared."""
    strata: dict[str, dict[str, list[float]]] = {}
    for unit, one in people.items():
        if one.arm != "holdout":
            strata.setdefault(one.weights, {}).setdefault(one.arm, []).append(values[unit])
    total = sum(len(each) for arms in strata.values() for each in arms.values())
    estimate = variance = 0.0
    for arms in strata.values():
        share = sum(map(len, arms.values())) / total
        estimate += share * (statistics.fmean(arms["tried"]) - statistics.fmean(arms["control"]))
        variance += share**2 * sum(statistics.variance(each) / len(each) for each in arms.values())
    return estimate, variance


def counted(lab: Lab, name: str = "orders") -> float:
    found = metric(Campaigns(lab.root).analyze("incentive", metrics=[name], as_of=NOW), name)
    return float(sum(group["n"] * group["mean"] for arm, group in found["groups"].items() if arm != "campaign"))


def test_rows_without_an_id_are_an_event_each(lab: Lab) -> None:
    lab.define(metrics=METRICS, events={"orders": {**ORDERS, "id": "id"}})
    lab.launch("first")
    lab.orders([("mart", "c1", AS_OF + DAY, 5, "")] * 3 + [("mart", "c1", AS_OF + DAY, 7, "x")] * 2)
    with duckdb.connect() as connection:
        file = lab.root / "orders.parquet"
        connection.execute(
            f"COPY (SELECT * REPLACE (nullif(id, '') AS id) FROM '{file}') TO '{file}.new' (FORMAT parquet)"
        ).fetchall()
        Path(f"{file}.new").rename(file)
    assert counted(lab) == pytest.approx(4)
    assert counted(lab, "revenue") == pytest.approx(22)


def test_copies_that_differ_count_with_the_earliest_time_in_whatever_order(lab: Lab) -> None:
    """The copy before the exposure makes the event one of before it."""
    lab.define(metrics=METRICS, events={"orders": {**ORDERS, "id": "id"}})
    lab.launch("first")
    copies: list[Order] = [("mart", "c1", AS_OF - DAY, 5, "x"), ("mart", "c1", AS_OF + DAY, 5, "x")]
    for rows in (copies, copies[::-1]):
        lab.orders(rows)
        assert counted(lab, "revenue") == 0


def test_a_launch_after_the_instant_has_not_happened(lab: Lab) -> None:
    lab.campaign(experiment={"key": "incentive", "variants": EVEN}, audience={"where": "age < 100"})
    first = lab.launch("first")
    lab.campaign(experiment={"key": "incentive", "variants": UNEVEN})
    lab.launch("second", as_of=AS_OF + 10 * DAY)
    document = Campaigns(lab.root).analyze("incentive", metrics=["conversion"], as_of=AS_OF + 5 * DAY)
    assert sum(document["customers"].values()) == len(first)
    assert [launch["launch_id"] for launch in document["launches"]] == ["first"]
    assert document["strata"] == 1
    with pytest.raises(NotFound, match=r"experiment 'incentive': no launch .*2026-05-31"):
        Campaigns(lab.root).analyze("incentive", as_of=AS_OF - DAY)


def test_values_that_are_not_finite_add_nothing(lab: Lab) -> None:
    lab.define(metrics={"paid": {"sum": "orders.paid", "within": "14 days", "covariate": "28 days"}})
    lab.launch("first")
    amounts = ["1.5", "'inf'::DOUBLE", "'-inf'::DOUBLE", "'nan'::DOUBLE", "NULL"]
    rows = " UNION ALL ".join(
        f"SELECT 'c{number}' AS customer, 'mart' AS tenant, TIMESTAMP '2026-06-02' AS at, {amount} AS paid"
        for number, amount in enumerate(amounts)
    )
    duckdb.execute(f"COPY ({rows}) TO '{lab.root}/orders.parquet'")
    assert counted(lab, "paid") == pytest.approx(1.5)


def test_metrics_whose_names_differ_only_by_case_are_refused(lab: Lab) -> None:
    lab.define(metrics={"Sales": METRICS["orders"], "sales": METRICS["conversion"]})
    with pytest.raises(InvalidDefinition, match=r"metric 'sales' differs from 'Sales' only by case"):
        Campaigns(lab.root)


@pytest.mark.parametrize("amount", [None, 0, -500, 700])
def test_zero_variance_and_a_covariate_of_nothing(lab: Lab, amount: int | None) -> None:
    """Everybody the same: no effect, and nothing divided by zero."""
    lab.launch("first")
    lab.orders([(tenant, f"c{n}", AS_OF + DAY, amount, f"{tenant}{n}") for tenant in TENANTS for n in range(300)])
    document = Campaigns(lab.root).analyze("incentive", as_of=NOW)
    for name in METRICS:
        for each in metric(document, name)["comparisons"]:
            if each["absolute"] is not None:
                assert each["absolute"]["estimate"] == 0
                assert each["p_value"] == 1
                if name != "conversion":  # of a share, all or none leaves some doubt
                    assert (each["absolute"]["low"], each["absolute"]["high"]) == (0, 0)
    assert metric(document, "revenue")["groups"]["campaign"]["mean"] == pytest.approx(amount or 0)


def test_a_variant_of_nobody(lab: Lab) -> None:
    lab.campaign(experiment={"key": "incentive", "variants": {**EVEN, "rare": {"weight": 0}}})
    lab.launch("first")
    document = Campaigns(lab.root).analyze("incentive", as_of=NOW)
    rare = next(each for each in metric(document, "conversion")["comparisons"] if each["treated"] == "rare")
    assert (rare["absolute"], rare["p_value"], rare["p_value_adjusted"]) == (None, None, None)
    assert document["split"]["trusted"]
    assert "nobody was assigned to rare" in document["warnings"]


def test_a_source_that_is_gone_is_named(lab: Lab) -> None:
    from campaigns.errors import InvalidData

    lab.launch("first")
    (lab.root / "orders.parquet").unlink()
    with pytest.raises(InvalidData, match=r"events\.orders: no file at orders\.parquet"):
        Campaigns(lab.root).analyze("incentive", as_of=NOW)


def test_a_unit_of_several_customers_is_told(lab: Lab) -> None:
    lab.campaign(experiment={"key": "incentive", "variants": EVEN, "unit": "house"})
    lab.launch("first")
    document = Campaigns(lab.root).analyze("incentive", as_of=NOW)
    assert any("not independent" in words for words in document["warnings"])


def test_strata_in_which_nothing_can_be_compared_are_told(lab: Lab) -> None:
    lab.campaign(experiment={"key": "incentive", "variants": EVEN}, audience={"where": "age < 100"})
    lab.launch("first")
    lab.campaign(experiment={"key": "incentive", "variants": {**EVEN, "control": {"weight": 0}}})
    lab.launch("second", as_of=AS_OF + DAY)
    document = Campaigns(lab.root).analyze("incentive", metrics=["orders"], as_of=NOW)
    (found,) = [each for each in metric(document, "orders")["comparisons"] if each["against"] == "control"]
    assert 300 < found["left_out"] < 400
    assert any(f"{found['left_out']:,} customers are left out" in words for words in document["warnings"])


def test_a_launch_that_is_not_complete_is_told(lab: Lab) -> None:
    from campaigns.errors import Terminated

    class Watch:
        def claimed(self, launch: object) -> None: ...

        def freezing(self, done: float) -> None: ...

        def emitting(self, done: int, total: int) -> None:
            if done:
                raise Terminated("here")

    with pytest.raises(Terminated):
        Campaigns(lab.root).launch("winback", AS_OF, "first", Watch())
    document = Campaigns(lab.root).analyze("incentive", metrics=["orders"], as_of=NOW)
    assert sum(document["customers"].values()) == 600
    assert any("intention to treat" in words for words in document["warnings"])
