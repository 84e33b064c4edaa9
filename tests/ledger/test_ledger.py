"""Claim, fence, books: what the ledger promises to launchers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import case

from campaigns.errors import Conflict, Damaged, NotFound
from campaigns.ledger import Launch, Ledger, Shard, State
from campaigns.ledger.claims import LEASE_SECONDS
from campaigns.ledger.tables import launches
from support.ledgers import (
    BOOKS,
    ELSEWHERE,
    ME,
    SHARDS,
    again,
    alter,
    completed,
    dead,
    dump,
    emitted,
    frozen,
    new,
    wait_of,
)

WRITES: dict[str, Callable[[Ledger, Launch], None]] = {
    "renew": lambda ledger, claim: ledger.renew(claim),
    "advance": lambda ledger, claim: ledger.advance(claim, State.FREEZING),
    "validate_snapshot": lambda ledger, claim: ledger.validate_snapshot(claim, "0" * 64, BOOKS, SHARDS, 1),
    "begin_emission": lambda ledger, claim: ledger.begin_emission(claim, "s", "another stream"),
    "checkpoint": lambda ledger, claim: ledger.checkpoint(claim, 0, 0, 3, 2),
    "complete": lambda ledger, claim: ledger.complete(claim, {}),
    "release": lambda ledger, claim: ledger.release(claim, "stale"),
    "confirm": lambda ledger, claim: ledger.confirm(claim, "ada"),
    "mark_purged": lambda ledger, claim: ledger.mark_purged(claim, cancel=True),
}


def test_a_claim_creates_the_launch_and_says_who_owns_it(ledger: Ledger) -> None:
    claim = ledger.claim(new(), ME)
    assert (claim.state, claim.epoch, claim.owner, claim.manifest) == (State.CLAIMED, 1, ME, None)
    assert claim.live_owner() == ME
    assert ledger.find("spring") == claim
    assert ledger.all() == [claim]


def test_there_is_nothing_to_resume_where_nothing_was_claimed(ledger: Ledger) -> None:
    assert ledger.find("spring") is None
    with pytest.raises(NotFound, match="'spring' does not exist"):
        ledger.resume("spring", ME)


def test_a_live_launcher_is_named_in_the_refusal(ledger: Ledger) -> None:
    ledger.claim(new(), ME)
    for attempt in (partial(ledger.claim, new()), partial(ledger.resume, "spring")):
        with pytest.raises(Conflict, match=f"is being worked on by process {ME.pid} on {ME.host}"):
            attempt(ME)


def test_a_dead_launcher_is_replaced_at_once(ledger: Ledger) -> None:
    ledger.claim(new(), dead())
    claim = ledger.resume("spring", ME)
    assert (claim.epoch, claim.owner) == (2, ME)


def test_a_launcher_of_another_host_is_replaced_when_its_lease_is_over(ledger: Ledger, url: str) -> None:
    ledger.claim(new(), ELSEWHERE)
    wait_of(url, LEASE_SECONDS - 2)
    with pytest.raises(Conflict, match="process 4711 on another-host"):
        ledger.resume("spring", ME)
    wait_of(url, 3)
    assert ledger.resume("spring", ME).owner == ME


@pytest.mark.parametrize("write", ["renew", "checkpoint"])
def test_a_launcher_at_work_keeps_its_lease(ledger: Ledger, url: str, write: str) -> None:
    claim = frozen(ledger, ledger.claim(new(), ELSEWHERE))
    wait_of(url, LEASE_SECONDS - 2)
    WRITES[write](ledger, claim)
    wait_of(url, LEASE_SECONDS - 2)
    with pytest.raises(Conflict, match="another-host"):
        ledger.resume("spring", ME)
    wait_of(url, 3)
    assert ledger.resume("spring", ME).epoch == 2


@pytest.mark.parametrize("name", WRITES)
def test_a_launcher_that_lost_its_claim_changes_nothing(ledger: Ledger, url: str, name: str) -> None:
    stale = frozen(ledger, ledger.claim(new(), dead()))
    emitted(ledger, stale)  # so that even `complete` would have nothing else to object to
    current = ledger.resume("spring", ME)
    before = dump(url)
    with pytest.raises(Conflict, match="taken over by another launcher"):
        WRITES[name](ledger, stale)
    assert dump(url) == before
    assert ledger.find("spring") == current


def test_every_method_that_writes_is_tried_with_a_stale_claim() -> None:
    reading = {"close", "find", "all", "last_completed", "audit", "clock"}
    anybody = {"claim", "resume", "pause", "cancel"}
    assert {name for name in vars(Ledger) if not name.startswith("_")} - reading - anybody == set(WRITES)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"campaign": "onboarding"}, "with campaign winback, not onboarding"),
        ({"campaign_version": "f" * 16}, "with definition 0123456789abcdef, not ffffffffffffffff"),
        ({"as_of": "2026-07-01T00:00:00Z"}, "with as_of 2026-06-01T00:00:00Z, not 2026-07-01T00:00:00Z"),
    ],
)
def test_an_id_belongs_to_one_definition(ledger: Ledger, changed: dict[str, str], said: str) -> None:
    ledger.claim(new(), dead())
    with pytest.raises(Conflict, match=said):
        ledger.claim(new(**changed), ME)


def test_an_as_of_that_nobody_asked_for_is_no_conflict(ledger: Ledger) -> None:
    ledger.claim(new(), dead())
    claim = ledger.claim(new(as_of="2026-07-01T00:00:00Z", explicit_as_of=False), ME)
    assert claim.as_of == "2026-06-01T00:00:00Z"


def test_a_released_launch_may_be_resumed_by_anyone_at_once(ledger: Ledger) -> None:
    ledger.release(ledger.claim(new(), ME), "the disk is full")
    found = again(ledger)
    assert (found.owner, found.error, found.state) == (None, "the disk is full", State.CLAIMED)
    assert ledger.resume("spring", ME).epoch == 2


def test_a_failed_launch_may_be_resumed_once_its_cause_is_gone(ledger: Ledger) -> None:
    ledger.release(ledger.claim(new(), ME), "customers: no such file", failed=True)
    claim = ledger.resume("spring", ME)
    assert claim.state == State.CLAIMED  # a launcher is at work: it may be paused
    ledger.advance(claim, State.FREEZING)
    found = again(ledger)
    assert (found.state, found.error) == (State.FREEZING, None)


def test_closed_books_complete_a_launch_for_good(ledger: Ledger) -> None:
    found = completed(ledger)
    assert (found.state, found.owner, found.acknowledged) == (State.COMPLETED, None, 3)
    assert found.seconds == {"freeze": 1.5, "emit": 2.0, "total": 4.0}
    assert ledger.claim(new(), ME) == found
    assert ledger.resume("spring", ME) == found


@pytest.mark.parametrize(
    ("books", "acknowledged", "said"),
    [
        ({}, 1, "acknowledged 2"),
        ({}, 3, "acknowledged 4"),
        ({"matched": 6}, 2, "matched 6, decided 5, in the snapshot 5"),
        ({"held_out": 2}, 2, "matched 5, decided 6"),
        ({"sent": 4, "held_out": 0}, 2, "to send 4, in the snapshot 3"),
        ({"matched": 6, "quarantined": {"payload_too_large": 1}}, 2, "in the snapshot 5"),
    ],
)
def test_books_that_do_not_close_complete_nothing(
    ledger: Ledger, books: dict[str, object], acknowledged: int, said: str
) -> None:
    claim = ledger.claim(new(), ME)
    ledger.validate_snapshot(claim, "f" * 64, {**BOOKS, **books}, SHARDS, 1)
    claim = next(iter(ledger.all()))
    ledger.checkpoint(claim, 0, 0, 3, acknowledged)
    ledger.checkpoint(claim, 1, 0, 2, 1)
    with pytest.raises(Damaged, match=f"'spring': the books do not close: .*{said}"):
        ledger.complete(claim, {})
    found = again(ledger)
    assert (found.state, found.completed_at) == (State.EMITTING, None)


def test_a_purge_ends_the_claim_of_a_launcher_that_only_seemed_dead(ledger: Ledger) -> None:
    stale = frozen(ledger, ledger.claim(new(), dead()))
    ledger.mark_purged(stale, cancel=True)
    with pytest.raises(Conflict):
        ledger.checkpoint(stale, 0, 0, 3, 2)
    found = again(ledger)
    assert (found.state, found.acknowledged) == (State.CANCELLED, 0)


def test_a_purge_forgets_an_error_that_may_name_a_customer(sqlite_url: str, tmp_path: Path) -> None:
    ledger = Ledger(sqlite_url)
    claim = ledger.claim(new(), ME)
    ledger.release(claim, "customer ada@example.org: broken; " * 1000, failed=True)
    ledger.close()
    assert b"ada@example.org" in (tmp_path / "ledger.db").read_bytes()
    with closing(Ledger(sqlite_url)) as reopened:
        reopened.mark_purged(claim, cancel=True)
    assert [path for path in tmp_path.iterdir() if b"ada@example.org" in path.read_bytes()] == []


def test_the_audit_says_what_happened_in_order(ledger: Ledger) -> None:
    first = ledger.claim(new(), dead())
    ledger.advance(first, State.FREEZING)
    second = frozen(ledger, ledger.resume("spring", ME))
    ledger.release(second, "somebody's name")
    third = ledger.resume("spring", ME)
    emitted(ledger, third)
    ledger.complete(third, {})
    ledger.mark_purged(third, cancel=False)
    entries = ledger.audit("spring")
    assert [(entry.epoch, entry.what) for entry in entries] == [
        (1, "claimed"),
        (1, "freezing"),
        (2, "claimed again"),
        (2, "frozen"),
        (2, "released"),
        (3, "claimed again"),
        (3, "completed"),
        (3, "purged"),
    ]
    assert {entry.who for entry in entries} == {str(ME), str(dead())}
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert ledger.audit("autumn") == []


def test_emission_goes_on_only_on_the_stream_that_acknowledged(ledger: Ledger) -> None:
    claim = frozen(ledger, ledger.claim(new(), ME))
    ledger.begin_emission(claim, "s", "first")
    ledger.begin_emission(claim, "s", "second")  # nothing was acknowledged yet, so nothing can be lost
    ledger.checkpoint(claim, 0, 0, 1, 1)
    found = again(ledger)
    ledger.begin_emission(found, "s", "second")
    with pytest.raises(Damaged, match="the stream that acknowledged 1 of its events is gone"):
        ledger.begin_emission(found, "s", "third")


def test_each_lane_of_a_file_has_its_own_checkpoint(ledger: Ledger) -> None:
    claim = ledger.claim(new(), ME)
    lanes = [Shard(0, 1, 1, 1), Shard(1, 0, 2, 1), Shard(0, 0, 2, 1)]
    ledger.validate_snapshot(claim, "f" * 64, BOOKS, lanes, 1)
    ledger.checkpoint(claim, 0, 1, 3, 1)
    assert again(ledger).shards == (Shard(0, 0, 2, 1), Shard(1, 0, 2, 1), Shard(0, 1, 1, 1, 3, 1))
    with pytest.raises(Damaged, match="'spring': the ledger has no lane 1 of shard 1"):
        ledger.checkpoint(claim, 1, 1, 1, 1)


def test_text_that_no_database_takes_is_kept_as_an_escape(ledger: Ledger) -> None:
    claim = ledger.claim(new(), ME)
    ledger.release(claim, "customer 'a\0b\ud800c': broken")
    assert again(ledger).error == "customer 'a\\x00b\\ud800c': broken"
    ledger.pause("spring", "a\0da " + 400 * "x")
    assert ledger.audit("spring")[-1].who == "a\\x00da " + 292 * "x"


def test_the_newest_completed_launch_of_a_campaign_is_told(ledger: Ledger, url: str) -> None:
    assert ledger.last_completed("winback", "spring") is None
    first, second = completed(ledger, launch_id="first"), completed(ledger, launch_id="second")
    alter(url, completed_at=case((launches.c.launch_id == "first", "2026-01-01"), else_="2026-01-02"))
    completed(ledger, launch_id="other", campaign="onboarding")
    frozen(ledger, ledger.claim(new(), ME))
    assert [ledger.last_completed("winback", before) for before in ("spring", "second")] == [
        again(ledger, second.launch_id),
        again(ledger, first.launch_id),
    ]
