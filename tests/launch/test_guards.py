"""What stops a launch before its first event: an audience nobody expected, and an expiry."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.app import Campaigns
from campaigns.definitions.instants import parse_instant
from campaigns.errors import Conflict, NeedsConfirmation, Stopped
from campaigns.ledger import person
from support.launchers import Order, ended
from support.shop import Check, ledger_of, stream_of
from support.workspaces import AS_OF, CAMPAIGN, write_campaign

MATCHED = 560
"""Customers of the shop that `winback` matches."""

FEW: Mapping[str, Any] = {**CAMPAIGN["audience"], "where": f"{CAMPAIGN['audience']['where']} and customer_id < 'c0104'"}
"""An audience of 140: the 70 of each tenant before c0104."""


def test_more_than_the_limit_stops_before_the_first_event_and_asks(shop: Path, whole: Check) -> None:
    write_campaign(shop, {**CAMPAIGN, "limit": MATCHED - 1})
    launch_that_must_ask(shop, "matched 560 customers, above the campaign's limit of 559; nothing was emitted")
    write_campaign(shop, CAMPAIGN)  # a launch keeps its definition, and its limit
    with pytest.raises(NeedsConfirmation, match="limit of 559"):
        Campaigns(shop).resume("spring")
    assert stream_of(shop) == {}

    report = Campaigns(shop).resume("spring", confirm=True)
    assert report["matched"] == MATCHED
    assert confirmations(shop) == [person()]


def test_as_many_as_the_limit_are_no_misfire(shop: Path) -> None:
    write_campaign(shop, {**CAMPAIGN, "limit": MATCHED})
    assert Campaigns(shop).launch("winback", AS_OF, "spring")["matched"] == MATCHED


@pytest.mark.parametrize(("growth", "asks"), [(None, True), (3.99, True), (4.0, False)])
def test_many_times_the_last_launch_asks(shop: Path, growth: float | None, asks: bool) -> None:
    write_campaign(shop, {**CAMPAIGN, "audience": FEW})
    assert Campaigns(shop).launch("winback", AS_OF, "winter")["matched"] == MATCHED / 4
    write_campaign(shop, CAMPAIGN if growth is None else {**CAMPAIGN, "max_growth": growth})
    if asks:
        told = "matched 560 customers, more than 3(.99)? times the 140 of the campaign's last launch 'winter'"
        launch_that_must_ask(shop, told)
    else:
        Campaigns(shop).launch("winback", AS_OF, "spring")


def test_a_launch_that_never_finished_is_nothing_to_compare_with(shop: Path) -> None:
    write_campaign(shop, {**CAMPAIGN, "audience": FEW})
    ended(Order(shop, "winter", failpoint="before-close"))
    Campaigns(shop).cancel("winter")
    write_campaign(shop, CAMPAIGN)
    assert Campaigns(shop).launch("winback", AS_OF, "spring")["matched"] == MATCHED


def test_a_confirmed_launch_is_not_asked_about_again_after_a_crash(shop: Path) -> None:
    write_campaign(shop, {**CAMPAIGN, "limit": 10})
    launch_that_must_ask(shop, "limit of 10")
    with pytest.raises(InterruptedError):
        Campaigns(shop).resume("spring", Breaking(), confirm=True)
    assert stream_of(shop) == {}
    assert Campaigns(shop).resume("spring")["matched"] == MATCHED


def test_a_launch_that_is_confirmed_at_once_does_not_ask(shop: Path) -> None:
    write_campaign(shop, {**CAMPAIGN, "limit": 10})
    assert Campaigns(shop).launch("winback", AS_OF, "spring", confirm=True)["matched"] == MATCHED
    assert confirmations(shop) == [person()]


class Breaking:
    """Breaks a launch before its first event."""

    def claimed(self, launch: object) -> None:
        """Not yet."""

    def freezing(self, done: float) -> None:
        """Not yet."""

    def emitting(self, done: int, total: int) -> None:
        raise InterruptedError


def launch_that_must_ask(shop: Path, told: str) -> None:
    with pytest.raises(NeedsConfirmation, match=told) as asked:
        Campaigns(shop).launch("winback", AS_OF, "spring")
    assert "`campaigns resume spring --confirm`" in str(asked.value)
    status = Campaigns(shop).status("spring")
    assert (status["state"], status["owner"], status["error"]) == ("emitting", None, str(asked.value))
    assert stream_of(shop) == {}


def confirmations(shop: Path) -> list[str]:
    return [line["who"] for line in Campaigns(shop).status("spring")["history"] if line["what"] == "confirmed"]


def test_a_launch_expires_seven_days_after_its_claim_unless_somebody_says_otherwise(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "default")
    write_campaign(shop, {**CAMPAIGN, "expires_after": "2 hours"})
    Campaigns(shop).launch("winback", AS_OF, "of-the-campaign")
    Campaigns(shop).launch("winback", AS_OF, "said", expires=parse_instant("2200-01-01"))
    for launch_id, expected in (
        ("default", datetime.now(UTC) + timedelta(days=7)),
        ("of-the-campaign", datetime.now(UTC) + timedelta(hours=2)),
        ("said", parse_instant("2200-01-01")),
    ):
        found = parse_instant(Campaigns(shop).status(launch_id)["expires_at"])
        assert abs(found - expected) < timedelta(minutes=1)


def test_what_has_expired_before_it_begins_leaves_no_trace(shop: Path) -> None:
    with pytest.raises(Stopped, match="launch 'spring' expired at 2020-01-01T00:00:00Z"):
        Campaigns(shop).launch("winback", AS_OF, "spring", expires=parse_instant("2020-01-01"))
    assert ledger_of(shop) is None


def test_an_expired_launch_is_neither_resumed_nor_launched_again(shop: Path) -> None:
    ended(Order(shop, failpoint="after-checkpoint:2"))
    with closing(sqlite3.connect(shop / ".campaigns" / "ledger.db")) as connection, connection:
        connection.execute("UPDATE launches SET expires_at = '2026-06-08T00:00:00Z'")
    left = stream_of(shop)
    with pytest.raises(Stopped, match="launch 'spring' expired at 2026-06-08T00:00:00Z"):
        Campaigns(shop).resume("spring")
    with pytest.raises(Stopped, match="expired"):
        Campaigns(shop).launch("winback", AS_OF, "spring", expires=parse_instant("2200-01-01"))
    with pytest.raises(Conflict, match="expired"):
        Campaigns(shop).pause("spring")
    assert stream_of(shop) == left
    assert Campaigns(shop).status("spring")["state"] == "expired"
    Campaigns(shop).purge("spring")  # its personal data goes without a confirmation: nobody will resume it
