"""Source rows that cannot be decided: counted by their first reason, with samples, and never launched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from campaigns.app import Campaigns
from campaigns.launch.books import warnings
from support.workspaces import AS_OF, customer, make_workspace

EVERYONE = {
    "campaign": "everyone",
    "tenants": ["marketplace"],
    "channel": "email",
    "audience": {"where": "email_opt_in or not email_opt_in"},
}


def launched(root: Path, people: Sequence[dict[str, Any]]) -> tuple[dict[str, int], list[str]]:
    """Quarantined rows by reason, and who got an event."""
    campaigns = Campaigns(make_workspace(root, customers=people, campaign=EVERYONE))
    report = campaigns.launch("everyone", as_of=AS_OF, launch_id="L")
    assert campaigns.preview("everyone", as_of=AS_OF)["quarantined_rows"] == report["quarantined_rows"]
    return report["quarantined_rows"], sorted(json.loads(payload)["subject"] for payload in campaigns.events())


def test_each_reason_is_counted_beside_the_books(tmp_path: Path) -> None:
    people = [
        customer("1"),
        customer(None),
        customer(""),
        customer("nul\0inside"),
        customer("2", "nowhere"),
        customer("2", None),
        customer("3"),
        customer("3"),
        customer("3"),
    ]
    reasons = {"duplicate_id": 3, "missing_id": 2, "nul_in_id": 1, "unknown_tenant": 2}
    assert launched(tmp_path, people) == (reasons, ["1"])


def test_the_first_reason_counts(tmp_path: Path) -> None:
    people = [customer("", "nowhere")] * 2 + [customer("\0", "nowhere")] * 2 + [customer("1", "nowhere")] * 2
    assert launched(tmp_path, people) == ({"missing_id": 2, "nul_in_id": 2, "unknown_tenant": 2}, [])


def test_the_same_id_in_two_tenants_is_two_customers(tmp_path: Path) -> None:
    assert launched(tmp_path, [customer("1"), customer("1", "corner-grocer")]) == ({}, ["1"])


def test_rows_of_tenants_that_are_not_addressed_count_too(tmp_path: Path) -> None:
    """A source is as broken whichever campaign looks at it."""
    people = [customer("1"), customer("2", "corner-grocer"), customer("2", "corner-grocer")]
    assert launched(tmp_path, people) == ({"duplicate_id": 2}, ["1"])


def test_ids_that_only_look_alike_are_different(tmp_path: Path) -> None:
    alike = ["a", "A", " a", "a ", "\u00e9", "e\u0301", "7", "07"]
    assert launched(tmp_path, [customer(who) for who in alike]) == ({}, sorted(alike))


def test_samples_are_kept_and_few(tmp_path: Path) -> None:
    people = [customer(f"{'x' * 500}{number}", "nowhere") for number in range(20)]
    launched(tmp_path, people)
    (manifest,) = tmp_path.glob(".campaigns/snapshots/L/*/manifest.json")
    samples = json.loads(manifest.read_text())["quarantine_samples"]["unknown_tenant"]
    assert len(samples) == 5
    assert samples[0] == {"tenant": "nowhere", "customer": "x" * 200}


def test_reports_name_a_few_of_the_rows_until_they_are_purged(tmp_path: Path) -> None:
    people = [customer("1"), customer("2\x1b[31m"), customer("2\x1b[31m")]
    campaigns = Campaigns(make_workspace(tmp_path, customers=people, campaign=EVERYONE))
    samples = {"duplicate_id": [{"tenant": "marketplace", "customer": "2\x1b[31m"}]}
    assert campaigns.preview("everyone", as_of=AS_OF)["quarantine_samples"] == samples
    report = campaigns.launch("everyone", as_of=AS_OF, launch_id="L")
    assert report["quarantine_samples"] == campaigns.status("L")["quarantine_samples"] == samples
    said = r"source rows that cannot be decided: 2 duplicate_id (such as 'marketplace/2\x1b[31m')"
    assert warnings(report) == [said]
    campaigns.purge("L")
    assert campaigns.status("L")["quarantine_samples"] == {}
