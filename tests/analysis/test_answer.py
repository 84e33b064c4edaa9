"""The answer of an experiment against a small computation of its own, customer by customer."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from scipy.stats import ttest_ind

from campaigns.app import Campaigns
from campaigns.errors import Conflict, InvalidDefinition, NeedsConfirmation, NotFound
from support.lab import AS_OF, TENANTS, Lab, Row

DAY = timedelta(days=1)
NOW = AS_OF + timedelta(days=40)
WEIGHTS = {"control": {"weight": 1}, "tried": {"weight": 1}}
METRICS: dict[str, dict[str, Any]] = {
    "conversion": {"exists": "orders", "within": "14 days"},
    "orders": {"count": "orders", "within": "14 days", "where": "cents > 0"},
    "revenue": {"sum": "orders.cents", "within": "14 days", "covariate": "28 days"},
    "basket": {"ratio": {"numerator": {"sum": "orders.cents"}, "denominator": {"count": "orders"}}, "within": "7 days"},
}

Order = tuple[str, str, datetime, int | None, str]


def experiment(**changes: Any) -> dict[str, Any]:
    return {"key": "incentive", "variants": WEIGHTS, **changes}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path / "lab", customers=400, metrics=METRICS, holdouts={"global": {"percent": 10}})
    lab.campaign(experiment=experiment())
    return lab


def random_orders(seed: int, customers: int = 400) -> list[Order]:
    """Orders around AS_OF, some on the very edges of windows, some returns, some without an amount."""
    print(f"orders of seed {seed}")
    chance = Random(seed)
    edges = [
        timedelta(0),
        -DAY * 28,
        DAY * 7,
        DAY * 14,
        timedelta(microseconds=-1),
        DAY * 14 - timedelta(microseconds=1),
    ]
    orders: list[Order] = []
    for tenant in (*TENANTS, "elsewhere"):
        for number in range(customers):
            for _ in range(chance.choice([0, 0, 1, 2, 5])):
                at = AS_OF + (chance.choice(edges) if chance.random() < 0.2 else DAY * chance.uniform(-40, 30))
                cents = chance.choice([None, -500, 0, chance.randrange(100, 9000)])
                orders.append((tenant, f"c{number}", at, cents, str(len(orders))))
    return orders


def measured(
    orders: list[Order], unit: str, since: datetime, until: datetime, value: Callable[[Order], float]
) -> float:
    return sum(value(order) for order in orders if f"{order[0]}/{order[1]}" == unit and since <= order[2] < until)


def arms(decisions: Mapping[str, Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for unit, row in decisions.items():
        found.setdefault(row["variant"] or row["outcome"], []).append(unit)
    return found


def metric(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in document["metrics"] if each["metric"] == name)


def comparison(found: Mapping[str, Any], treated: str, against: str = "control") -> dict[str, Any]:
    return next(each for each in found["comparisons"] if (each["treated"], each["against"]) == (treated, against))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_metric_is_what_counting_by_hand_gives(lab: Lab, seed: int) -> None:
    orders = random_orders(seed)
    lab.orders(orders)
    groups = arms(lab.launch("first"))
    document = Campaigns(lab.root).analyze("incentive", as_of=NOW)

    assert document["customers"] == {arm: len(groups[arm]) for arm in ("control", "tried", "holdout")}
    end, before = AS_OF + 14 * DAY, AS_OF - 28 * DAY
    by_hand: dict[str, Callable[[str], float]] = {
        "conversion": lambda unit: measured(orders, unit, AS_OF, end, lambda _: 1) > 0,
        "orders": lambda unit: measured(orders, unit, AS_OF, end, lambda order: (order[3] or 0) > 0),
        "revenue": lambda unit: measured(orders, unit, AS_OF, end, lambda order: order[3] or 0),
    }
    for name, value in by_hand.items():
        for arm, units in groups.items():
            values = [float(value(unit)) for unit in units]
            found = metric(document, name)["groups"][arm]
            assert found["n"] == len(values)
            assert found["mean"] == pytest.approx(statistics.fmean(values), rel=1e-9)
            assert found["standard_deviation"] == pytest.approx(statistics.stdev(values), rel=1e-9)
    test = ttest_ind(
        [by_hand["orders"](unit) for unit in groups["tried"]],
        [by_hand["orders"](unit) for unit in groups["control"]],
        equal_var=False,
    )
    found = comparison(metric(document, "orders"), "tried")
    assert found["p_value"] == pytest.approx(test.pvalue, rel=1e-9)
    interval = test.confidence_interval()
    assert (found["absolute"]["low"], found["absolute"]["high"]) == pytest.approx(
        (interval.low, interval.high), rel=1e-9
    )

    past = [measured(orders, unit, before, AS_OF, lambda order: order[3] or 0) for unit in groups["tried"]]
    future = [by_hand["revenue"](unit) for unit in groups["tried"]]
    assert statistics.correlation(past, future) ** 2 < 1
    assert comparison(metric(document, "revenue"), "tried")["variance_reduction"] is not None
    week = AS_OF + 7 * DAY
    units = groups["control"]
    ratio = sum(measured(orders, unit, AS_OF, week, lambda order: order[3] or 0) for unit in units) / sum(
        measured(orders, unit, AS_OF, week, lambda _: 1) for unit in units
    )
    assert metric(document, "basket")["groups"]["control"]["mean"] == pytest.approx(ratio, rel=1e-9)


def test_each_look_is_the_analysis_of_that_instant(lab: Lab) -> None:
    lab.orders(random_orders(4))
    lab.launch("first")
    place = Campaigns(lab.root)
    whole = place.analyze("incentive", as_of=NOW)
    for day in (1, 5, 13):
        then = place.analyze("incentive", as_of=AS_OF + day * DAY)
        for name in METRICS:
            (look,) = [each for each in metric(whole, name)["over_time"] if each["day"] == day]
            for each in look["comparisons"]:
                at_once = comparison(metric(then, name), each["treated"], each["against"])
                assert each["estimate"] == pytest.approx(at_once["absolute"]["estimate"], rel=1e-6, abs=1e-9)
                assert each["low"] == pytest.approx(at_once["absolute"]["low"], rel=1e-6)
                assert each["sequential_low"] == pytest.approx(at_once["sequential"]["low"], rel=1e-6)
    assert not metric(then, "conversion")["complete"]
    assert metric(whole, "conversion")["complete"]


def test_weights_that_changed_between_launches_are_not_pooled(lab: Lab) -> None:
    """Simpson's paradox: nothing has an effect, but who came later buys more and was mostly treated."""
    lab.define(metrics=METRICS)
    lab.campaign(audience={"where": "age < 200"}, experiment=experiment())
    first = lab.launch("first")
    rare = {"control": {"weight": 1}, "tried": {"weight": 9}}
    lab.campaign(audience={"where": "age >= 200"}, experiment=experiment(variants=rare))
    second = lab.launch("second", as_of=AS_OF + DAY)
    buyers = [unit for unit in first if int(unit.split("c")[-1]) % 20 == 0]
    buyers += [unit for unit in second if int(unit.split("c")[-1]) % 20 != 0]
    lab.buy(buyers, AS_OF + 2 * DAY)

    document = Campaigns(lab.root).analyze("incentive", metrics=["conversion"], as_of=NOW)
    found = metric(document, "conversion")
    assert document["strata"] == 2
    pooled = found["groups"]["tried"]["mean"] - found["groups"]["control"]["mean"]
    assert pooled > 0.2
    assert abs(comparison(found, "tried")["absolute"]["estimate"]) < 0.05
    assert comparison(found, "tried")["p_value"] > 0.05
    assert document["trusted"]
    assert any("Simpson" in words for words in document["warnings"])


def test_a_customer_of_two_launches_counts_once_from_the_first_on(lab: Lab) -> None:
    lab.launch("first")
    lab.campaign(experiment=experiment(salt="other"))
    lab.launch("second", as_of=AS_OF + DAY)
    lab.orders([("mart", f"c{number}", AS_OF + timedelta(hours=1), 5, str(number)) for number in range(400)])
    document = Campaigns(lab.root).analyze("incentive", metrics=["conversion"], as_of=NOW)
    assert sum(document["customers"].values()) == 800
    assert document["left_out"]["crossovers"] > 200
    assert metric(document, "conversion")["groups"]["campaign"]["mean"] == pytest.approx(0.5, abs=0.05)


def test_the_same_event_counts_once_where_the_table_says_what_an_event_is(lab: Lab) -> None:
    lab.launch("first")
    lab.orders([("mart", "c1", AS_OF + DAY, 5, "same")] * 3 + [("corner", "c1", AS_OF + DAY, 5, "same")])
    orders = {"from": "orders.parquet", "customer": "customer", "tenant": "tenant", "at": "at"}

    def counted() -> float:
        found = metric(Campaigns(lab.root).analyze("incentive", metrics=["orders"], as_of=NOW), "orders")
        return float(sum(group["n"] * group["mean"] for arm, group in found["groups"].items() if arm != "campaign"))

    assert counted() == pytest.approx(4)
    lab.define(metrics=METRICS, holdouts={"global": {"percent": 10}}, events={"orders": {**orders, "id": "id"}})
    assert counted() == pytest.approx(2)


def test_outliers_count_less_on_request_only_and_it_is_told(lab: Lab) -> None:
    capped = {"revenue": {"sum": "orders.cents", "within": "14 days", "winsorize": 99}}
    lab.launch("first")
    orders = [("mart", f"c{number}", AS_OF + DAY, 100, str(number)) for number in range(400)]
    lab.orders([*orders, ("mart", "c7", AS_OF + DAY, 1_000_000, "huge")])
    assert metric(Campaigns(lab.root).analyze("incentive", as_of=NOW), "revenue")["winsorized_at"] is None
    lab.define(metrics=capped, holdouts={"global": {"percent": 10}})
    document = Campaigns(lab.root).analyze("incentive", as_of=NOW)
    assert metric(document, "revenue")["winsorized_at"] == 100
    assert metric(document, "revenue")["groups"]["campaign"]["mean"] < 100
    assert any("winsorized" in words for words in document["warnings"])


def test_forced_customers_are_left_out(lab: Lab) -> None:
    lab.campaign(experiment=experiment(forced={"mart/c1": "tried", "mart/c2": "tried"}))
    lab.launch("first")
    document = Campaigns(lab.root).analyze("incentive", metrics=["conversion"], as_of=NOW)
    assert document["left_out"]["forced"] == 2
    assert sum(document["customers"].values()) == 798


def test_who_kept_the_variant_of_a_purged_launch_is_not_counted(lab: Lab) -> None:
    lab.campaign(audience={"where": "age < 200"}, experiment=experiment())
    lab.launch("first")
    rare = {"control": {"weight": 1}, "tried": {"weight": 9}}
    lab.campaign(experiment=experiment(variants=rare, sticky=True))
    groups = arms({unit: row for unit, row in lab.launch("second", as_of=AS_OF + DAY).items() if not row["sticky"]})
    Campaigns(lab.root).purge("first", confirmed=True)
    document = Campaigns(lab.root).analyze("incentive", metrics=["conversion"], as_of=NOW)
    assert document["customers"] == {arm: len(groups[arm]) for arm in ("control", "tried", "holdout")}
    assert document["trusted"]


def test_a_planted_52_48_on_an_even_plan_is_not_trusted(lab: Lab) -> None:
    """An audience that knows the variant: the split shows it."""
    lab.campaign(experiment=experiment())
    lab.launch("first")
    kept = lab.decisions("first")
    dropped = [unit for unit, row in kept.items() if row["variant"] == "tried"][:120]
    ages = ", ".join(sorted({unit.split("c")[-1] for unit in dropped if unit.startswith("mart/")}))
    lab.campaign(
        "second",
        tenants=["mart"],
        audience={"where": f"age not in ({ages})"},
        experiment=experiment(key="lossy", salt="experiment.incentive"),
    )
    lab.launch("second", "second")
    document = Campaigns(lab.root).analyze("lossy", metrics=["conversion"], as_of=NOW)
    assert document["split"]["p_value"] < 0.001
    assert not document["trusted"]


def test_factors_are_told_by_themselves(lab: Lab) -> None:
    factors = {"subject": ["a", "b"], "incentive": ["none", "ten_off"]}
    lab.campaign(experiment={"key": "both", "factors": factors})
    found = lab.launch("first")
    buyers = [unit for unit, row in found.items() if row["levels"] and row["levels"]["incentive"] == "ten_off"]
    lab.buy(buyers, AS_OF + DAY)
    document = Campaigns(lab.root).analyze("both", metrics=["orders"], as_of=NOW)
    main = {each["factor"]: each for each in metric(document, "orders")["factors"]["main"]}
    assert main["incentive"]["absolute"]["estimate"] == pytest.approx(1.0)
    assert main["subject"]["absolute"]["estimate"] == pytest.approx(0.0)
    (together,) = metric(document, "orders")["factors"]["interactions"]
    assert together["absolute"]["estimate"] == pytest.approx(0.0)


@pytest.mark.parametrize("by", ["tenant", "half", "past"])
def test_every_value_of_an_attribute_adds_up_to_the_whole(lab: Lab, by: str) -> None:
    lab.define(metrics=METRICS, attributes={"past": {"count": "orders"}}, holdouts={"global": {"percent": 10}})
    with duckdb.connect() as connection:
        file = lab.root / "customers.parquet"
        halves = f"SELECT *, age < 200 AS half FROM '{file}'"
        connection.execute(f"COPY ({halves}) TO '{file}.new' (FORMAT parquet)").fetchall()
        Path(f"{file}.new").rename(file)
    lab.orders(random_orders(5))
    lab.launch("first")
    document = Campaigns(lab.root).analyze("incentive", metrics=["orders"], by=by, as_of=NOW)
    values = document["by"]["values"]
    assert document["by"]["attribute"] == by
    assert len(values) > 1
    for arm, count in document["customers"].items():
        assert sum(value["customers"].get(arm, 0) for value in values) == count
        parts = [metric(value, "orders")["groups"].get(arm, {"n": 0, "mean": 0.0}) for value in values]
        whole = metric(document, "orders")["groups"][arm]
        assert sum(each["n"] * each["mean"] for each in parts) == pytest.approx(whole["n"] * whole["mean"])
    if by == "past":
        assert {value["value"] for value in values} >= {"0", "1", "2"}


def test_what_does_not_exist_is_named(lab: Lab) -> None:
    place = Campaigns(lab.root)
    with pytest.raises(NotFound, match="experiment 'incentive': no launch decided anything"):
        place.analyze("incentive")
    lab.launch("first")
    with pytest.raises(NotFound, match=r"'incentives'.*did you mean 'incentive'"):
        place.analyze("incentives")
    with pytest.raises(NotFound, match="metric 'revenu' does not exist; did you mean 'revenue'"):
        place.analyze("incentive", metrics=["revenu"])
    with pytest.raises(NotFound, match="attribute 'agee' does not exist; did you mean 'age'"):
        place.analyze("incentive", by="agee")
    with pytest.raises(InvalidDefinition, match="more than 50 values"):
        place.analyze("incentive", by="age")
    place.purge("first", confirmed=True)
    with pytest.raises(NotFound, match="all its launches were purged"):
        place.analyze("incentive")


def test_a_metric_that_cannot_be_measured_is_named_with_its_place(lab: Lab) -> None:
    broken = {
        "typo": {"exists": "order", "within": "1 day"},
    }
    lab.define(metrics=broken)
    with pytest.raises(InvalidDefinition, match="unknown event table 'order'; did you mean 'orders'"):
        Campaigns(lab.root)
    lab.define(
        metrics={"text": {"sum": "orders.id", "within": "1 day"}, "rule": {**METRICS["orders"], "where": "cent > 0"}}
    )
    with pytest.raises(InvalidDefinition) as told:
        Campaigns(lab.root).validate()
    assert "sum needs integer or number, found 'id' of type text" in str(told.value)
    assert "cent" in str(told.value)


@pytest.mark.parametrize("customers", [1, 2])
def test_next_to_nobody_gives_an_answer_without_numbers(tmp_path: Path, customers: int) -> None:
    lab = Lab(tmp_path / "lab", customers=customers, metrics=METRICS)
    lab.campaign(experiment=experiment())
    lab.launch("first")
    document = Campaigns(lab.root).analyze("incentive", as_of=NOW)
    for each in document["metrics"]:
        assert each["comparisons"][0]["significant"] == {"fixed": False, "sequential": False}


def test_the_exposure_log_is_one_row_per_customer(lab: Lab, tmp_path: Path) -> None:
    groups = arms(lab.launch("first"))
    told = Campaigns(lab.root).assignments("incentive", tmp_path / "log")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT tenant || '/' || customer, variant, first_exposure, launch_id FROM '{tmp_path}/log/*.parquet'"
        ).fetchall()
    assert {row[0]: row[1] for row in rows} == {unit: arm for arm, units in groups.items() for unit in units}
    assert len(rows) == 800
    assert {row[2:] for row in rows} == {(AS_OF.replace(tzinfo=None), "first")}
    assert told["customers"] == {arm: len(groups[arm]) for arm in ("control", "tried", "holdout")}
    with pytest.raises(Conflict, match="not an empty folder"):
        Campaigns(lab.root).assignments("incentive", tmp_path / "log")


def test_power_is_by_the_same_window_before(lab: Lab) -> None:
    lab.orders(random_orders(6))
    document = Campaigns(lab.root).power("winback", "conversion", effect=0.1, as_of=AS_OF)
    sent = arms(lab.launch("first"))
    assert document["comparisons"][0]["customers"] == {arm: len(sent[arm]) for arm in ("tried", "control")}
    orders, since = random_orders(6), AS_OF - 14 * DAY
    units = [*sent["tried"], *sent["control"]]
    bought = [measured(orders, unit, since, AS_OF, lambda _: 1) > 0 for unit in units]
    assert document["history"]["mean"] == pytest.approx(statistics.fmean(bought), rel=1e-9)
    assert 0 < document["comparisons"][0]["mde_relative"] < 1
    assert document["comparisons"][0]["customers_needed"] > 700
    lab.campaign(experiment=experiment(variants={"control": {"weight": 1}}))
    assert "nothing to compare" in Campaigns(lab.root).power("winback", "conversion", as_of=AS_OF)["warnings"][0]


def test_a_holdout_of_one_tenant_does_not_mislead(lab: Lab) -> None:
    """mart buys thrice as often as corner, and only customers of mart are held out: nothing has an effect."""
    lab.define(metrics=METRICS, holdouts={"marts": {"percent": 40, "tenants": ["mart"]}})
    lab.launch("first")
    buyers = [("mart", number) for number in range(400) if number % 10 < 6]
    buyers += [("corner", number) for number in range(400) if number % 10 < 2]
    lab.orders([(tenant, f"c{number}", AS_OF + DAY, 100, f"{tenant}{number}") for tenant, number in buyers])
    found = metric(Campaigns(lab.root).analyze("incentive", metrics=["conversion"], as_of=NOW), "conversion")
    assert found["groups"]["campaign"]["mean"] < found["groups"]["holdout"]["mean"] - 0.1
    assert comparison(found, "campaign", "holdout")["p_value"] > 0.05


def test_an_allocation_that_was_widened_later_does_not_mislead(lab: Lab) -> None:
    """Everybody buys more in the second month; most treated customers came in only then, who was held out did not."""
    lab.campaign(experiment=experiment(allocation="0-20%"))
    lab.launch("first")
    later = AS_OF + 20 * DAY
    lab.campaign(experiment=experiment())
    lab.launch("second", as_of=later)
    orders = [(t, f"c{n}", AS_OF + DAY, 100, f"a{t}{n}") for t in TENANTS for n in range(400) if n % 10 < 1]
    orders += [(t, f"c{n}", later + DAY, 100, f"b{t}{n}") for t in TENANTS for n in range(400) if n % 10 < 8]
    lab.orders(orders)
    document = Campaigns(lab.root).analyze("incentive", metrics=["conversion"], as_of=later + 15 * DAY)
    found = metric(document, "conversion")
    assert found["groups"]["campaign"]["mean"] > found["groups"]["holdout"]["mean"] + 0.3
    assert comparison(found, "campaign", "holdout")["p_value"] > 0.05
    assert any("waited for their launch" in words for words in document["warnings"])


def test_a_launch_that_was_stopped_before_its_first_event_is_no_exposure(lab: Lab) -> None:
    lab.campaign(experiment=experiment(), limit=1)
    with pytest.raises(NeedsConfirmation):
        lab.launch("stopped")
    lab.campaign(experiment=experiment(salt="other"))
    groups = arms(lab.launch("second", as_of=AS_OF + DAY))
    document = Campaigns(lab.root).analyze("incentive", metrics=["conversion"], as_of=NOW)
    assert [launch["launch_id"] for launch in document["launches"]] == ["second"]
    assert document["customers"] == {arm: len(groups[arm]) for arm in ("control", "tried", "holdout")}


def test_without_metrics_the_split_alone_is_told_and_nobody_is_an_error(lab: Lab) -> None:
    lab.define(holdouts={"global": {"percent": 10}})
    lab.launch("first")
    document = Campaigns(lab.root).analyze("incentive", as_of=NOW)
    assert document["metrics"] == []
    assert document["split"]["trusted"]
    lab.define(metrics=METRICS)
    lab.campaign(audience={"where": "age < 0"}, experiment=experiment(key="empty"))
    Campaigns(lab.root).launch("winback", AS_OF, "empty")
    with pytest.raises(NotFound, match="'empty'"):
        Campaigns(lab.root).analyze("empty", as_of=NOW)
