"""Who takes part in an experiment and in which arm, against a computation of its own."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from scipy.stats import chi2_contingency

from campaigns.app import Campaigns
from campaigns.errors import InvalidDefinition
from support.lab import AS_OF, Lab, arm, share

EVEN = {"control": {"weight": 1}, "tried": {"weight": 1}}
WEIGHTS = {"control": 1, "tried": 1}


def experiment(**changes: Any) -> dict[str, Any]:
    return {"key": "incentive", "variants": EVEN, **changes}


def test_only_the_allocated_part_of_the_layer_is_sent(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    lab.campaign(experiment=experiment(layer="incentives", allocation=["0-20%", "57.25-80%"]))

    for unit, row in lab.launch("first").items():
        at = share("layer.incentives", unit)
        if at < 0.2 or 0.5725 <= at < 0.8:
            assert (row["outcome"], row["variant"]) == ("send", arm("experiment.incentive", unit, WEIGHTS))
        else:
            assert (row["outcome"], row["reason"], row["variant"]) == ("suppressed", "not_allocated", None)
    books = Campaigns(lab.root).status("first")
    assert books["matched"] == books["sent"] + books["suppressed"]["not_allocated"] == 2000
    assert 0.35 < books["sent"] / 2000 < 0.5


def test_experiments_that_share_a_layer_without_overlap_never_meet_a_customer_twice(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    lab.campaign("one", experiment=experiment(key="one", layer="incentives", allocation="0-50%"))
    lab.campaign("two", experiment=experiment(key="two", layer="incentives", allocation="50-100%"))
    assert Campaigns(lab.root).validate() == ["one", "two"]

    sent = [{unit for unit, row in lab.launch(key, key).items() if row["outcome"] == "send"} for key in ("one", "two")]
    assert sent[0] & sent[1] == set()
    assert len(sent[0] | sent[1]) == 2000


def test_an_overlap_is_told_with_both_names_unless_they_never_run_at_the_same_time(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    lab.campaign("one", experiment=experiment(key="one", layer="incentives", allocation="0-50%"))
    lab.campaign("two", experiment=experiment(key="two", layer="incentives", allocation="40-100%"))
    with pytest.raises(InvalidDefinition) as told:
        Campaigns(lab.root).validate()
    for words in ("'one'", "'two'", "40-50%", "two.yaml"):
        assert words in str(told.value)
    with pytest.raises(InvalidDefinition, match="both own 40-50%"):
        Campaigns(lab.root).launch("one", AS_OF)

    first = experiment(key="one", layer="incentives", allocation="0-50%", end="2026-07-01")
    lab.campaign("one", experiment=first)
    second = experiment(key="two", layer="incentives", allocation="40-100%", start="2026-07-01")
    lab.campaign("two", experiment=second)
    assert Campaigns(lab.root).validate() == ["one", "two"]
    with pytest.raises(InvalidDefinition, match="runs from 2026-07-01T00:00:00Z"):
        Campaigns(lab.root).launch("two", AS_OF)


def test_a_layer_and_an_experiment_hash_independently(tmp_path: Path) -> None:
    """5 M customers by tenth of the layer and variant: a chi-square test finds no dependence."""
    lab = Lab(tmp_path / "lab", customers=10)
    lab.campaign(experiment=experiment(layer="incentives", allocation="0-50%"))
    text = Campaigns(lab.root).plan("winback", AS_OF).decide().text
    assert "'layer.incentives:'" in text
    assert "'experiment.incentive:'" in text
    counted = duckdb.execute(
        """
        SELECT ('0x' || md5('layer.incentives:mart/c' || i)[1:8])::BIGINT * 10 // 4294967296 AS tenth,
            md5('experiment.incentive:mart/c' || i)[9:16] < '80000000' AS control, count(*)
        FROM range(5000000) r(i) GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    table = [[count for tenth, control, count in counted if control == arm_] for arm_ in (False, True)]
    assert sum(map(sum, table)) == 5_000_000
    assert chi2_contingency(table).pvalue > 0.001


def test_widening_an_allocation_changes_the_variant_of_nobody_who_was_in(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    lab.campaign(experiment=experiment(layer="incentives", allocation="0-20%"))
    before = lab.launch("first")
    lab.campaign(experiment=experiment(layer="incentives", allocation="0-70%"))
    after = lab.launch("second")

    was_in = {unit: row["variant"] for unit, row in before.items() if row["variant"]}
    assert {unit: after[unit]["variant"] for unit in was_in} == was_in
    assert sum(row["variant"] is not None for row in after.values()) > 3 * len(was_in)


def test_forced_variants_go_before_everything_and_are_marked(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", holdouts={"global": {"percent": 100}})
    lab.campaign(experiment=experiment(allocation="0-1%", forced={"mart/c1": "tried", "corner/c2": "control"}))
    found = lab.launch("first")
    assert {unit: (row["outcome"], row["variant"]) for unit, row in found.items() if row["forced"]} == {
        "mart/c1": ("send", "tried"),
        "corner/c2": ("send", "control"),
    }
    assert Counter(row["outcome"] for row in found.values()) == {"holdout": 1998, "send": 2}
    assert Campaigns(lab.root).status("first")["split_p_value"] is None  # nobody was assigned by chance


def test_holdouts_hold_for_their_scope_and_time_and_the_first_one_counts(tmp_path: Path) -> None:
    holdouts = {
        "global": {"percent": 10},
        "marts": {"percent": 20, "surface": "marts"},
        "corner-only": {"percent": 30, "tenants": ["corner"]},
        "over": {"percent": 100, "end": "2026-06-01"},
        "later": {"percent": 100, "start": "2026-06-02"},
    }
    lab = Lab(tmp_path / "lab", holdouts=holdouts)
    lab.campaign(holdout={"key": "own", "percent": 5})
    for unit, row in lab.launch("first").items():
        scoped = ("marts", 0.2) if unit.startswith("mart/") else ("corner-only", 0.3)
        keys = [key for key, part in (("global", 0.1), scoped, ("own", 0.05)) if share(f"holdout.{key}", unit) < part]
        assert (row["outcome"], row["reason"]) == (("holdout", keys[0]) if keys else ("send", None)), unit


def test_a_holdout_is_the_same_customers_in_every_campaign_but_those_that_ignore_it(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", holdouts={"global": {"percent": 10}, "other": {"percent": 10}})
    lab.campaign("one")
    lab.campaign("two")
    lab.campaign("receipt", ignore_holdouts="all")
    lab.campaign("half", ignore_holdouts=["global"])
    held = {
        key: {(unit, row["reason"]) for unit, row in lab.launch(key, key).items() if row["outcome"] == "holdout"}
        for key in ("one", "two", "receipt", "half")
    }
    assert held["one"] == held["two"] != set()
    assert held["receipt"] == set()
    assert {reason for _, reason in held["half"]} == {"other"}
    assert [Campaigns(lab.root).status(key)["ignore_holdouts"] for key in ("one", "receipt", "half")] == [
        [],
        "all",
        ["global"],
    ]


def test_every_factor_is_split_by_itself_and_the_event_carries_every_level(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    factors = {
        "subject": ["a", "b"],
        "incentive": {"none": {"offer": None}, "ten_off": {"offer": "ten-off", "weight": 2}},
    }
    factors["subject"] = {"a": {}, "b": {"variables": {"title": "'Hello again'"}}}
    lab.campaign(experiment={"key": "both", "factors": factors}, offer="free-delivery", variables={"title": "'Hello'"})
    found = lab.launch("first")
    for unit, row in found.items():
        levels = {
            "subject": arm("experiment.both.subject", unit, {"a": 1, "b": 1}),
            "incentive": arm("experiment.both.incentive", unit, {"none": 1, "ten_off": 2}),
        }
        assert row["levels"] == levels
        assert row["variant"] == f"subject={levels['subject']},incentive={levels['incentive']}"
        assert row["offer"] == {"none": None, "ten_off": "ten-off"}[levels["incentive"]]
        assert row["variables"] == {"title": {"a": "Hello", "b": "Hello again"}[levels["subject"]]}
    events = [json.loads(event)["data"] for event in Campaigns(lab.root).events("first")]
    assert len(events) == 2000
    for event in events:
        row = found[f"{event['tenant_id']}/{event['customer_id']}"]
        assert (event["levels"], event["variant"]) == (row["levels"], row["variant"])


def test_a_tenant_overrides_weights_offers_and_variables_within_bounds(tmp_path: Path) -> None:
    mine: dict[str, Any] = {
        "weights": {"tried": 3},
        "offers": {"tried": "ten-off"},
        "variables": {"title": "'From the corner'"},
    }
    tenants = {"mart": {"surface": "marts"}, "corner": {"surface": "corners", "overrides": {"winback": mine}}}
    lab = Lab(tmp_path / "lab", tenants=tenants)
    bounds = {"weights": {"tried": "10-75%"}, "offers": ["ten-off"], "variables": ["title"]}
    lab.campaign(experiment=experiment(), offer="free-delivery", variables={"title": "'Hello'"}, overridable=bounds)
    for unit, row in lab.launch("first").items():
        corner = unit.startswith("corner/")
        weights = {"control": 1, "tried": 3 if corner else 1}
        assert row["variant"] == arm("experiment.incentive", unit, weights)
        assert row["offer"] == ("ten-off" if corner and row["variant"] == "tried" else "free-delivery")
        assert row["variables"] == {"title": "From the corner" if corner else "Hello"}
    p_value = Campaigns(lab.root).status("first")["split_p_value"]
    assert p_value > 0.001  # held against the weights of each tenant

    mine["weights"]["tried"] = 4
    lab.define(tenants=tenants)
    with pytest.raises(InvalidDefinition, match=r"'tried' would get 80 %, need 10-75%"):
        Campaigns(lab.root).validate()
    lab.campaign(experiment=experiment(), offer="free-delivery", variables={"title": "'Hello'"})
    with pytest.raises(InvalidDefinition) as told:
        Campaigns(lab.root).validate()
    for words in ("the weight of 'tried'", "offer 'ten-off'", "variable 'title'", "workspace.yaml"):
        assert words in str(told.value)


def test_explain_shows_every_bucket(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", holdouts={"global": {"percent": 10}})
    lab.campaign(experiment=experiment(layer="incentives", allocation="0-40%", test={"share": "50%"}))
    found = lab.launch("first")
    for unit in list(found)[:40]:
        tenant, customer = unit.split("/")
        told = Campaigns(lab.root).explain("first", customer, tenant)
        assert told["holdouts"][0]["held_out"] == (share("holdout.global", unit) < 0.1)
        assert told["experiment"]["allocation"]["inside"] == (share("layer.incentives", unit) < 0.4)
        assert told["experiment"]["test"]["inside"] == (share("experiment.incentive.test", unit) < 0.5)
        if found[unit]["outcome"] == "send":
            assert told["experiment"]["variant"] == found[unit]["variant"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"allocation": "40-20%"}, "which is empty"),
        ({"allocation": "0-101%"}, "need a range of percent"),
        ({"allocation": ["0-20%", "10-30%"]}, "overlaps a range before it"),
        ({"allocation": []}, "at least one entry"),
        ({"factors": {"subject": ["a", "b"]}}, "either variants or factors, found both"),
        ({"variants": {}}, "either variants or factors, found none"),
        ({"variants": {}, "factors": {"subject": ["a"]}}, "at least two levels, found a"),
        ({"variants": {}, "factors": {"subject": ["a", "a"]}}, "listed twice"),
        ({"forced": {"mart/c1": "nobody"}}, "unknown variant 'nobody'"),
        ({"forced": {"c1": "tried"}}, "<tenant>/<customer id>"),
        ({"forced": {"nowhere/c1": "tried"}}, "unknown tenant 'nowhere'"),
        ({"bucket_version": 1, "min_bucket_version": 2}, "at most the bucket_version"),
        ({"test": {"share": "20%", "then": "best of luck"}}, "best of conversion after 24 hours"),
        ({"test": {"share": "0%"}}, "greater than 0"),
        ({"start": "2026-06-02", "end": "2026-06-01"}, "an end after the start"),
        ({"start": "yesterday"}, "a date or time"),
        ({"test": {"share": 0.001}}, "at most two decimals"),
        ({"allocation": 40}, "a range of percent such as 0-40%"),
        ({"variants": {}, "factors": {"a": [["x"], ["y"]]}}, "need the name of a level"),
    ],
)
def test_what_an_author_gets_wrong_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    lab = Lab(tmp_path / "lab", customers=1)
    lab.campaign(experiment=experiment(**changes))
    with pytest.raises(InvalidDefinition) as told:
        Campaigns(lab.root).validate("winback")
    assert words in str(told.value)
    assert "campaigns/winback.yaml:" in str(told.value)


@pytest.mark.parametrize(
    "name",
    ["_forced", "_kept", "_holdout_digest_0", "_Factor_f_digest", "_allocation_digest", "_test_digest", "_sticky"],
)
def test_a_column_of_a_name_of_the_plan_decides_nothing(tmp_path: Path, name: str) -> None:
    lab = Lab(tmp_path / "lab", customers=100, holdouts={"global": {"percent": 10}})
    file = lab.root / "customers.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT *, 'tried' AS \"{name}\" FROM '{file}') TO '{file}.new' (FORMAT parquet)"
        ).fetchall()
    Path(f"{file}.new").rename(file)
    lab.campaign(experiment=experiment(allocation="0-50%"), variables={"mine": f'"{name}"'})
    with pytest.raises(InvalidDefinition, match="unknown attribute"):
        Campaigns(lab.root).validate()


def test_a_frozen_definition_reads_back_as_it_was(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", holdouts={"global": {"percent": 1, "start": "2026-01-01"}})
    lab.campaign(experiment=experiment(allocation="0-50%", start=datetime(2026, 1, 1, tzinfo=UTC).isoformat()))
    lab.launch("first")
    assert Campaigns(lab.root).launch("winback", AS_OF, "first")["already_complete"]


def test_the_history_of_a_holdout_is_kept(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", customers=10, holdouts={"global": {"percent": 5}})
    lab.campaign()
    lab.launch("first")
    lab.launch("again", as_of=AS_OF - timedelta(days=1))
    lab.define(holdouts={"global": {"percent": 10, "surface": "marts"}, "new": {"percent": 1}})
    lab.launch("second", as_of=AS_OF + timedelta(days=1))
    lab.define()
    found = {each["key"]: each for each in Campaigns(lab.root).holdouts()}
    assert [each["now"] for each in found.values()] == [None, None]
    assert [(past["launch_id"], past["holdout"]) for past in found["global"]["history"]] == [
        ("first", {"percent": 5.0}),
        ("second", {"percent": 10.0, "surface": "marts"}),
    ]
    assert [past["launch_id"] for past in found["new"]["history"]] == ["second"]
