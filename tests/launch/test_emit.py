"""The order in which a launch's events leave: fair among tenants, and none before its time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.launch import emit
from support.workspaces import AS_OF, CAMPAIGN, WORKSPACE, customer, make_workspace

EVERYONE = {"campaign": "winback", "tenants": "all", "channel": "email", "audience": {"where": "email_opt_in"}}


def make_market(root: Path, sizes: Mapping[str, int], rates: Mapping[str, int] | None = None) -> Path:
    """A workspace where everybody gets an event; customers lie tenant by tenant, in the order of `sizes`."""
    tenants = {
        key: {"surface": "storefront", **({"rate": rates[key]} if rates and key in rates else {})} for key in sizes
    }
    rows = [customer(f"c{number}", key) for key, size in sizes.items() for number in range(size)]
    return make_workspace(root, customers=rows, campaign=EVERYONE, workspace={**WORKSPACE, "tenants": tenants})


def tenants_in_order(root: Path) -> list[str]:
    return [str(json.loads(event)["data"]["tenant_id"]) for event in Campaigns(root).events("spring")]


def test_no_tenant_waits_for_the_millions_of_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emit, "PUBLISH_EVENTS", 200)
    sizes = {"hot": 9_000, **{f"t{number}": 1_000 // 350 + (number < 300) for number in range(350)}}
    root = make_market(tmp_path, sizes)
    Campaigns(root).launch("winback", AS_OF, "spring")
    order = tenants_in_order(root)
    last = max(position for position, tenant in enumerate(order) if tenant != "hot")
    assert len(order) == sum(sizes.values())
    assert last < len(order) / 3


def test_two_hot_tenants_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emit, "PUBLISH_EVENTS", 50)
    root = make_market(tmp_path, {"a": 500, "b": 500})
    Campaigns(root).launch("winback", AS_OF, "spring")
    order = tenants_in_order(root)
    for end in range(100, 1000, 100):
        assert order[:end].count("a") == order[:end].count("b")


def test_a_tenant_with_a_rate_holds_nobody_else_back(tmp_path: Path) -> None:
    root = make_market(tmp_path, {"slow": 30, "a": 500, "b": 500}, rates={"slow": 20})
    started = time.monotonic()
    report = Campaigns(root).launch("winback", AS_OF, "spring")
    assert report["seconds"]["emit"] >= (30 - 5) / 20
    assert time.monotonic() - started < 30
    order = tenants_in_order(root)
    assert order.count("slow") == 30
    assert order[-20:] == ["slow"] * 20


def test_a_launch_keeps_its_rate(tmp_path: Path) -> None:
    root = make_market(tmp_path, {"a": 60, "b": 60})
    report = Campaigns(root).launch("winback", AS_OF, "spring", rate=100)
    assert report["acknowledged"] == 120
    assert report["seconds"]["emit"] >= (120 - 25) / 100


def test_a_launch_over_nobody_is_complete(tmp_path: Path) -> None:
    root = make_workspace(tmp_path, customers=[], campaign=CAMPAIGN)
    assert Campaigns(root).launch("winback", AS_OF, "spring")["state"] == "completed"
