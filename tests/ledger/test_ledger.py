"""Claim, fence, books: what the ledger promises to launchers."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from campaigns.errors import Conflict, Damaged, NotFound, Stopped
from campaigns.ledger import Launch, Ledger, State
from campaigns.ledger.ledger import LEASE_SECONDS
from support.ledgers import BOOKS, ELSEWHERE, ME, SHARDS, dead, emitted, frozen, new

WRITES: dict[str, Callable[[Ledger, Launch], None]] = {
    "renew": lambda ledger, claim: ledger.renew(claim),
    "advance": lambda ledger, claim: ledger.advance(claim, State.FREEZING),
    "validate_snapshot": lambda ledger, claim: ledger.validate_snapshot(claim, "0" * 64, BOOKS, SHARDS, 1),
    "begin_emission": lambda ledger, claim: ledger.begin_emission(claim, "another stream"),
    "checkpoint": lambda ledger, claim: ledger.checkpoint(claim, 0, 3, 2),
    "complete": lambda ledger, claim: ledger.complete(claim, {}),
    "release": lambda ledger, claim: ledger.release(claim, "stale"),
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
    for again in (partial(ledger.claim, new()), partial(ledger.resume, "spring")):
        with pytest.raises(Conflict, match=f"is being worked on by process {ME.pid} on {ME.host}"):
            again(ME)


def test_a_dead_launcher_is_replaced_at_once(ledger: Ledger) -> None:
    ledger.claim(new(), dead())
    claim = ledger.resume("spring", ME)
    assert (claim.epoch, claim.owner) == (2, ME)


def test_a_launcher_of_another_host_is_replaced_when_its_lease_is_over(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.claim(new(), ELSEWHERE)
    now = time.time()
    with pytest.raises(Conflict, match="process 4711 on another-host"):
        ledger.resume("spring", ME)
    monkeypatch.setattr(time, "time", lambda: now + LEASE_SECONDS + 1)
    assert ledger.resume("spring", ME).owner == ME


def test_a_renewed_lease_lasts_longer(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = ledger.claim(new(), ELSEWHERE)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + LEASE_SECONDS - 1)
    ledger.renew(claim)
    monkeypatch.setattr(time, "time", lambda: now + 2 * LEASE_SECONDS - 2)
    with pytest.raises(Conflict, match="another-host"):
        ledger.resume("spring", ME)
    monkeypatch.setattr(time, "time", lambda: now + 2 * LEASE_SECONDS)
    assert ledger.resume("spring", ME).epoch == 2


def test_a_checkpoint_renews_the_lease(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = frozen(ledger, ledger.claim(new(), ELSEWHERE))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + LEASE_SECONDS - 1)
    ledger.checkpoint(claim, 0, 1, 1)
    monkeypatch.setattr(time, "time", lambda: now + 2 * LEASE_SECONDS - 3)
    with pytest.raises(Conflict):
        ledger.resume("spring", ME)


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
    reading = {"close", "find", "all", "claim", "resume"}
    assert {name for name in vars(Ledger) if not name.startswith("_")} - reading == set(WRITES)


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
    found = ledger.find("spring")
    assert found is not None
    assert (found.owner, found.error, found.state) == (None, "the disk is full", State.CLAIMED)
    assert ledger.resume("spring", ME).epoch == 2


def test_a_failed_launch_may_be_resumed_once_its_cause_is_gone(ledger: Ledger) -> None:
    ledger.release(ledger.claim(new(), ME), "customers: no such file", failed=True)
    claim = ledger.resume("spring", ME)
    assert claim.state == State.FAILED
    ledger.advance(claim, State.FREEZING)
    found = ledger.find("spring")
    assert found is not None
    assert (found.state, found.error) == (State.FREEZING, None)


def test_closed_books_complete_a_launch_for_good(ledger: Ledger) -> None:
    claim = frozen(ledger, ledger.claim(new(), ME))
    emitted(ledger, claim)
    ledger.complete(claim, {"emit": 2.0, "total": 4.0})
    found = ledger.find("spring")
    assert found is not None
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
    ledger.checkpoint(claim, 0, 3, acknowledged)
    ledger.checkpoint(claim, 1, 2, 1)
    with pytest.raises(Damaged, match=f"'spring': the books do not close: .*{said}"):
        ledger.complete(claim, {})
    found = ledger.find("spring")
    assert found is not None
    assert (found.state, found.completed_at) == (State.EMITTING, None)


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
def test_a_launch_that_was_stopped_for_good_is_not_resumed(ledger: Ledger, state: State) -> None:
    claim = ledger.claim(new(), ME)
    ledger.advance(claim, state)
    ledger.release(claim)
    for again in (partial(ledger.claim, new()), partial(ledger.resume, "spring")):
        with pytest.raises(Stopped, match=f"'spring' is {state}"):
            again(ME)


def test_a_purge_ends_the_claim_of_a_launcher_that_only_seemed_dead(ledger: Ledger) -> None:
    stale = frozen(ledger, ledger.claim(new(), dead()))
    ledger.mark_purged(stale, cancel=True)
    with pytest.raises(Conflict):
        ledger.checkpoint(stale, 0, 3, 2)
    found = ledger.find("spring")
    assert found is not None
    assert (found.state, found.acknowledged) == (State.CANCELLED, 0)


def test_a_purge_forgets_an_error_that_may_name_a_customer(ledger: Ledger, url: str, tmp_path: Path) -> None:
    claim = ledger.claim(new(), ME)
    ledger.release(claim, "customer ada@example.org: broken; " * 1000, failed=True)
    ledger.close()
    assert b"ada@example.org" in (tmp_path / "ledger.db").read_bytes()
    with closing(Ledger(url)) as reopened:
        reopened.mark_purged(claim, cancel=True)
    assert [path for path in tmp_path.iterdir() if b"ada@example.org" in path.read_bytes()] == []


def test_the_audit_says_what_happened_in_order(ledger: Ledger, url: str) -> None:
    first = ledger.claim(new(), dead())
    ledger.advance(first, State.FREEZING)
    second = frozen(ledger, ledger.resume("spring", ME))
    ledger.release(second, "somebody's name")
    third = ledger.resume("spring", ME)
    emitted(ledger, third)
    ledger.complete(third, {})
    ledger.mark_purged(third, cancel=False)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        rows = connection.execute("SELECT epoch, who, what FROM audit ORDER BY id").fetchall()
    assert [(epoch, what) for epoch, _, what in rows] == [
        (1, "claimed"),
        (1, "freezing"),
        (2, "claimed again"),
        (2, "frozen"),
        (2, "released"),
        (3, "claimed again"),
        (3, "completed"),
        (3, "purged"),
    ]
    assert {who for _, who, _ in rows} == {str(ME), str(dead())}


def dump(url: str) -> list[str]:
    """Everything the database holds."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


def test_emission_goes_on_only_on_the_stream_that_acknowledged(ledger: Ledger) -> None:
    claim = frozen(ledger, ledger.claim(new(), ME))
    ledger.begin_emission(claim, "first")
    ledger.begin_emission(claim, "second")  # nothing was acknowledged yet, so nothing can be lost
    ledger.checkpoint(claim, 0, 1, 1)
    found = ledger.find("spring")
    assert found is not None
    ledger.begin_emission(found, "second")
    with pytest.raises(Damaged, match="the stream that acknowledged 1 of its events is gone"):
        ledger.begin_emission(found, "third")
