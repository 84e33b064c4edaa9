"""A hot tenant: nine of ten events are one tenant's, and the other 350 do not wait for them, also after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from support.launchers import Order, ended
from support.places import KILLED
from support.tally import TALLY
from support.workspaces import CAMPAIGN, WORKSPACE, customer, make_workspace, order

OTHERS = [f"t{number:03}" for number in range(350)]
SHARE = 3
"""Customers of every other tenant."""

HOT = 9 * SHARE * len(OTHERS)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of 351 tenants."""
    people = [("hot", f"c{number}") for number in range(HOT)]
    people += [(tenant, f"c{number}") for tenant in OTHERS for number in range(SHARE)]
    tenants = {name: {"surface": "web", "variables": {"brand": name}} for name in ("hot", *OTHERS)}
    campaign = {key: CAMPAIGN[key] for key in ("campaign", "tenants", "channel", "audience", "variables")}
    return make_workspace(
        tmp_path_factory.mktemp("crowd") / "shop",
        customers=[customer(name, tenant) for tenant, name in people],
        orders=[order(name, tenant) for tenant, name in people],
        workspace={**WORKSPACE, "tenants": tenants},
        campaign=campaign,
    )


def test_the_others_do_not_wait_for_a_hot_tenant(crowd: Path) -> None:
    killed = ended(Order(crowd, failpoint="after-checkpoint:5"))
    assert killed.exit == KILLED
    assert ended(Order(crowd, verb="resume")).error == ""
    TALLY.faults["hot tenant"] += 1

    tenants = [json.loads(event)["data"]["tenant_id"] for event in Campaigns(crowd).events("spring")]
    assert len(tenants) == HOT + SHARE * len(OTHERS)
    last = max(place for place, tenant in enumerate(tenants) if tenant != "hot")
    assert last < len(tenants) / 3
    found = Campaigns(crowd).verify("spring")
    assert (found["ok"], found["lost"], found["foreign"], found["duplicates"]) == (True, 0, 0, 0)
