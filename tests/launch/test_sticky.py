"""Assignments that last from launch to launch, allocations that shrink, and tests whose winner goes to the rest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.app import Campaigns
from campaigns.errors import Conflict, InvalidDefinition, NeedsConfirmation
from support.lab import AS_OF, Lab, Row, arm, share

EVEN = {"control": {"weight": 1}, "tried": {"weight": 1}}
LATER = AS_OF + timedelta(days=1)


def experiment(**changes: Any) -> dict[str, Any]:
    return {"key": "incentive", "variants": EVEN, **changes}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab")


def variants(decisions: dict[str, Row]) -> dict[str, str]:
    return {unit: row["variant"] for unit, row in decisions.items() if row["variant"]}


def test_a_sticky_customer_keeps_the_variant_whatever_happens_to_weights_and_allocation(lab: Lab) -> None:
    lab.campaign(experiment=experiment(allocation="0-50%"))
    first = variants(lab.launch("first"))
    weights = {"control": {"weight": 1}, "tried": {"weight": 9}}
    lab.campaign(experiment=experiment(variants=weights, allocation="50-100%", sticky=True))
    found = lab.launch("second", as_of=LATER, confirm=True)

    for unit, row in found.items():
        if unit in first:
            assert (row["outcome"], row["variant"], row["sticky"]) == ("send", first[unit], True)
        else:
            assert (row["variant"], row["sticky"]) == (
                arm("experiment.incentive", unit, {"control": 1, "tried": 9}),
                False,
            )
    assert Campaigns(lab.root).status("second")["split_p_value"] > 0.001  # only the new ones are held against 1:9


def test_the_last_assignment_counts_and_a_variant_that_is_gone_is_assigned_anew(lab: Lab) -> None:
    lab.campaign(experiment=experiment())
    lab.launch("first")
    lab.campaign(experiment=experiment(variants={"control": {"weight": 1}, "other": {"weight": 1}}))
    second = variants(lab.launch("second", as_of=LATER))
    lab.campaign(experiment=experiment(variants={"third": {"weight": 1}, "other": {"weight": 1}}, sticky=True))
    third = lab.launch("third", as_of=LATER + timedelta(days=1))
    for unit, row in third.items():
        assert row["sticky"] == (second[unit] == "other")
        if not row["sticky"]:
            assert row["variant"] == arm("experiment.incentive", unit, {"third": 1, "other": 1})


def test_a_new_bucket_version_assigns_anew_and_the_least_one_leaves_out_who_was_in_before(lab: Lab) -> None:
    lab.campaign(experiment=experiment(allocation="0-50%"))
    first = variants(lab.launch("first"))
    lab.campaign(experiment=experiment(sticky=True, bucket_version=1))
    assert not any(row["sticky"] for row in lab.launch("second", as_of=LATER).values())
    lab.campaign(experiment=experiment(sticky=True, bucket_version=2, min_bucket_version=1))
    found = lab.launch("third", as_of=LATER + timedelta(days=1))
    blocked = {unit for unit, row in found.items() if row["reason"] == "bucket_version_blocked"}
    assert blocked == set(first)
    assert {row["outcome"] for unit, row in found.items() if unit in blocked} == {"suppressed"}


def test_forced_variants_and_purged_launches_are_not_remembered(lab: Lab) -> None:
    lab.campaign(experiment=experiment(forced={"mart/c1": "tried", "mart/c2": "control"}))
    lab.launch("first")
    lab.campaign(experiment=experiment(sticky=True))
    found = lab.launch("second", as_of=LATER)
    assert {unit for unit, row in found.items() if not row["sticky"]} == {"mart/c1", "mart/c2"}
    for launch in ("first", "second"):
        Campaigns(lab.root).purge(launch, confirmed=True)
    assert "sticky" not in next(iter(lab.launch("third", as_of=LATER + timedelta(days=1)).values()))


def test_the_unit_of_the_experiment_is_what_is_remembered(lab: Lab) -> None:
    lab.campaign(experiment=experiment(unit="house"))
    first = lab.launch("first")
    lab.campaign(experiment=experiment(unit="house", sticky=True, variants={**EVEN, "third": {"weight": 8}}))
    second = lab.launch("second", as_of=LATER)
    assert {unit: row["variant"] for unit, row in second.items()} == {
        unit: arm("experiment.incentive", row["experiment_unit"], {"control": 1, "tried": 1})
        for unit, row in first.items()
    }


def test_shrinking_an_allocation_asks_and_says_how_many_lose_their_assignment(lab: Lab) -> None:
    lab.campaign(experiment=experiment(allocation="0-50%"))
    first = variants(lab.launch("first"))
    lab.campaign(experiment=experiment(allocation="0-30%"))
    losing = sum(share("experiment.incentive", unit) >= 0.3 for unit in first)
    with pytest.raises(NeedsConfirmation) as told:
        lab.launch("second", as_of=LATER)
    assert f"from 0-50% to 0-30%: {losing:,} customers lose their assignment" in str(told.value)
    assert list(Campaigns(lab.root).events("second")) == []
    assert Campaigns(lab.root).resume("second", confirm=True)["sent"] == len(first) - losing
    lab.launch("third", as_of=LATER + timedelta(days=1))  # as before: nobody is asked


def test_a_stopped_launch_is_neither_remembered_nor_the_one_to_compare_with(lab: Lab) -> None:
    lab.campaign(experiment=experiment(allocation="0-50%"))
    first = variants(lab.launch("first"))
    lab.campaign(experiment=experiment(allocation="0-30%", sticky=True))
    lab.campaign("other", experiment=experiment(key="other", sticky=True), limit=1)
    with pytest.raises(NeedsConfirmation):
        lab.launch("held", "other")
    lab.campaign("other", experiment=experiment(key="other", sticky=True, variants={**EVEN, "third": {"weight": 9}}))
    assert "sticky" not in next(iter(lab.launch("told", "other", as_of=LATER).values()))
    lab.campaign(experiment=experiment(allocation="0-30%"))
    for launch in ("second", "third"):  # the second one never goes on: the third is asked about as well
        with pytest.raises(NeedsConfirmation, match=r"customers lose their assignment"):
            lab.launch(launch, as_of=LATER)
    assert first


def test_shrinking_counts_customers_also_when_the_unit_changed(lab: Lab) -> None:
    lab.campaign(experiment=experiment(unit="house", allocation="0-50%"))
    lab.launch("first")
    lab.campaign(experiment=experiment(allocation="0-30%"))
    with pytest.raises(NeedsConfirmation, match="customers lose their assignment"):
        lab.launch("second", as_of=LATER)


def test_a_sticky_customer_keeps_what_was_promoted(lab: Lab) -> None:
    lab.campaign(experiment=experiment(test={"share": "20%"}))
    waiting = {unit for unit, row in lab.launch("trial").items() if row["reason"] == "awaiting_winner"}
    Campaigns(lab.root).promote("trial", "tried")
    lab.campaign(experiment=experiment(sticky=True))
    found = lab.launch("next", as_of=LATER)
    assert {found[unit]["variant"] for unit in waiting} == {"tried"}


def test_a_launch_that_only_has_the_name_is_no_promotion(lab: Lab) -> None:
    lab.campaign(experiment=experiment(test={"share": "20%"}))
    lab.launch("trial")
    lab.launch("trial-winner", as_of=LATER)
    with pytest.raises(Conflict, match="exists and is no promotion"):
        Campaigns(lab.root).promote("trial", "tried")


def test_widening_an_allocation_asks_nobody(lab: Lab) -> None:
    lab.campaign(experiment=experiment(allocation="10-30%"))
    lab.launch("first")
    lab.campaign(experiment=experiment(allocation=["0-35%", "90-100%"]))
    lab.launch("second", as_of=LATER)


def test_a_test_goes_to_its_share_and_the_winner_to_the_rest_nobody_twice(lab: Lab) -> None:
    lab.campaign(
        experiment=experiment(test={"share": "20%"}, allocation="0-80%"), holdout={"key": "own", "percent": 10}
    )
    test = lab.launch("trial")
    sent = {unit for unit, row in test.items() if row["outcome"] == "send"}
    waiting = {unit for unit, row in test.items() if row["reason"] == "awaiting_winner"}
    assert sent == {unit for unit in sent | waiting if share("experiment.incentive.test", unit) < 0.2}
    assert Counter(row["outcome"] for row in test.values())["holdout"] > 100

    place = Campaigns(lab.root)
    with pytest.raises(Conflict, match="leaves it to a person"):
        place.promote("trial")
    with pytest.raises(InvalidDefinition, match="unknown variant 'nobody'; there are control, tried"):
        place.promote("trial", "nobody")
    report = place.promote("trial", "tried")
    assert report["launch_id"] == "trial-winner"
    assert (report["sent"], report["variants"]) == (len(waiting), {"tried": len(waiting)})
    assert place.promote("trial", "tried")["already_complete"]
    assert place.promote("trial")["already_complete"]
    with pytest.raises(Conflict):
        place.promote("trial", "control")
    with pytest.raises(Conflict, match="was no test"):
        place.promote("trial-winner", "tried")

    reached = Counter((event["tenant_id"], event["customer_id"]) for event in events(lab))
    assert set(reached.values()) == {1}
    assert len(reached) == len(sent | waiting)


def test_a_promotion_goes_by_the_definition_of_its_test_whatever_the_file_says_by_then(lab: Lab) -> None:
    lab.campaign(experiment=experiment(test={"share": "50%"}), audience={"where": "age < 500"})
    waiting = {unit for unit, row in lab.launch("trial").items() if row["reason"] == "awaiting_winner"}
    lab.campaign(experiment=experiment(), audience={"where": "age >= 0"})
    Campaigns(lab.root).promote("trial", "tried")
    assert set(lab.decisions("trial-winner")) == waiting


def events(lab: Lab) -> list[Row]:
    return [json.loads(event)["data"] for event in Campaigns(lab.root).events()]


METRICS = {"conversion": {"exists": "orders", "within": "14 days"}}
RULE = {"share": "50%", "then": "best of conversion after 24 hours"}


def buying(lab: Lab, decisions: dict[str, Row], variant: str, part: float, at: timedelta) -> None:
    """Let a part of the customers of one variant buy."""
    units = [unit for unit, row in decisions.items() if row["variant"] == variant]
    lab.buy(units[: round(part * len(units))], AS_OF + at)


def test_the_analysis_chooses_the_winner_where_the_test_says_so(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", metrics=METRICS)
    lab.campaign(experiment=experiment(test=RULE))
    test = lab.launch("trial")
    waiting = sum(row["reason"] == "awaiting_winner" for row in test.values())
    place = Campaigns(lab.root)

    buying(lab, test, "tried", 0.5, timedelta(hours=25))  # too late for the instant that the test names
    with pytest.raises(Conflict, match="no variant is for sure the best of conversion"):
        place.promote("trial")
    buying(lab, test, "tried", 0.5, timedelta(hours=5))
    report = place.promote("trial")
    assert report["variants"] == {"tried": waiting}


def test_control_wins_if_everything_else_is_worse(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", metrics=METRICS)
    lab.campaign(experiment=experiment(test=RULE))
    buying(lab, lab.launch("trial"), "control", 0.5, timedelta(hours=5))
    assert set(Campaigns(lab.root).promote("trial")["variants"]) == {"control"}


def test_a_winner_is_not_chosen_before_its_time(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab", metrics=METRICS)
    lab.campaign(experiment=experiment(test=RULE))
    lab.launch("trial", as_of=datetime.now(UTC).replace(microsecond=0))
    with pytest.raises(Conflict, match="is decided at"):
        Campaigns(lab.root).promote("trial")


def test_a_promotion_that_was_killed_goes_on_and_sends_nobody_twice(lab: Lab) -> None:
    lab.campaign(experiment=experiment(test={"share": "20%"}))
    test = lab.launch("trial")
    program = str(Path(sys.executable).with_name("campaigns"))
    command = [program, "promote", "trial", "--variant", "tried"]
    for failpoint in ("before-validate", "before-publish", "before-close"):
        done = subprocess.run(command, cwd=lab.root, env={**os.environ, "CAMPAIGNS_FAILPOINT": failpoint}, check=False)
        assert done.returncode == -signal.SIGKILL
    report = Campaigns(lab.root).promote("trial")
    assert report["variants"].keys() == {"tried"}
    reached = {(event["tenant_id"], event["customer_id"]) for event in events(lab)}
    assert len(reached) == len(test)
