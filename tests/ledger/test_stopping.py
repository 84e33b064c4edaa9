"""Pause, cancel, expiry, confirmation: people's words count at once, and a launcher at work overrules none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from campaigns.errors import Conflict, NotFound, Stopped
from campaigns.ledger import Launch, Ledger, State, person
from support.ledgers import BOOKS, ME, SHARDS, again, alter, completed, dead, dump, emitted, frozen, new

ADA = "ada on laptop (process 7)"
PAST = "2026-01-01T00:00:00Z"
FUTURE = "2126-01-01T00:00:00Z"

HALTS: dict[str, Callable[[Ledger], Launch]] = {
    "paused": lambda ledger: ledger.pause("spring", ADA),
    "cancelled": lambda ledger: ledger.cancel("spring", ADA),
}
GOING_ON: dict[str, Callable[[Ledger, Launch], None]] = {
    "renew": lambda ledger, claim: ledger.renew(claim),
    "advance": lambda ledger, claim: ledger.advance(claim, State.FREEZING),
    "validate_snapshot": lambda ledger, claim: ledger.validate_snapshot(claim, "0" * 64, BOOKS, SHARDS, 1),
    "begin_emission": lambda ledger, claim: ledger.begin_emission(claim, "s", "a stream"),
    "complete": lambda ledger, claim: ledger.complete(claim, {}),
    "confirm": lambda ledger, claim: ledger.confirm(claim, ADA),
}
halts = pytest.mark.parametrize("halt", HALTS)


def said(ledger: Ledger) -> list[tuple[str, str]]:
    """Who did what, without the claims of this process."""
    return [(entry.who, entry.what) for entry in ledger.audit("spring") if entry.who not in {str(ME), str(dead())}]


@halts
@pytest.mark.parametrize("name", GOING_ON)
def test_a_launcher_at_work_is_refused_and_told_by_whom(ledger: Ledger, url: str, halt: str, name: str) -> None:
    claim = frozen(ledger, ledger.claim(new(), ME))
    emitted(ledger, claim)
    assert HALTS[halt](ledger).state == halt
    before = dump(url)
    with pytest.raises(Stopped, match=rf"launch 'spring' was {halt} by ada on laptop \(process 7\)"):
        GOING_ON[name](ledger, claim)
    assert dump(url) == before


@halts
def test_what_the_stream_has_is_recorded_all_the_same(ledger: Ledger, halt: str) -> None:
    claim = frozen(ledger, ledger.claim(new(), ME))
    HALTS[halt](ledger)
    ledger.checkpoint(claim, 0, 0, 3, 2)
    found = again(ledger)
    assert (found.acknowledged, found.state, found.epoch, found.owner) == (2, halt, 1, ME)


@halts
@pytest.mark.parametrize("failed", [False, True])
def test_letting_go_does_not_undo_it(ledger: Ledger, halt: str, failed: bool) -> None:
    claim = ledger.claim(new(), ME)
    HALTS[halt](ledger)
    ledger.release(claim, "whatever", failed=failed)
    found = again(ledger)
    assert (found.state, found.owner) == (halt, None)


@halts
def test_saying_it_twice_is_recorded_once(ledger: Ledger, url: str, halt: str) -> None:
    ledger.claim(new(), ME)
    first = HALTS[halt](ledger)
    before = dump(url)
    assert HALTS[halt](ledger) == first
    assert dump(url) == before
    assert said(ledger) == [(ADA, halt)]


@halts
def test_it_is_known_after_everything_was_started_anew(ledger: Ledger, url: str, halt: str) -> None:
    ledger.claim(new(), dead())
    HALTS[halt](ledger)
    with closing(Ledger(url)) as reopened, pytest.raises(Stopped):
        reopened.claim(new(), ME)
    assert again(ledger).state == halt


@halts
def test_there_must_be_such_a_launch(ledger: Ledger, halt: str) -> None:
    with pytest.raises(NotFound, match="'spring' does not exist"):
        HALTS[halt](ledger)


@halts
def test_what_is_completed_stays_completed(ledger: Ledger, halt: str) -> None:
    found = completed(ledger)
    with pytest.raises(Conflict, match=f"'spring' is completed: it cannot be {halt} any more"):
        HALTS[halt](ledger)
    assert again(ledger) == found


def test_a_failed_launch_can_be_cancelled_but_not_paused(ledger: Ledger) -> None:
    ledger.release(ledger.claim(new(), ME), "broken", failed=True)
    with pytest.raises(Conflict, match="'spring' is failed: it cannot be paused any more"):
        ledger.pause("spring", ADA)
    assert ledger.cancel("spring", ADA).state == State.CANCELLED


def test_a_paused_launch_can_be_cancelled_but_not_the_reverse(ledger: Ledger) -> None:
    ledger.claim(new(), ME)
    ledger.pause("spring", ADA)
    ledger.cancel("spring", "bob")
    with pytest.raises(Conflict, match="'spring' is cancelled: it cannot be paused any more"):
        ledger.pause("spring", ADA)
    assert said(ledger) == [(ADA, "paused"), ("bob", "cancelled")]


def test_a_scheduler_that_tries_again_does_not_undo_a_pause(ledger: Ledger) -> None:
    claim = ledger.claim(new(), ME)
    ledger.pause("spring", ADA)
    for _ in range(2):  # while the launcher still drains, and after it let go
        with pytest.raises(Stopped, match=r"was paused by ada .*; `campaigns resume spring` goes on with it"):
            ledger.claim(new(), ME)
        ledger.release(claim)


def test_a_person_resumes_a_paused_launch_once_its_launcher_let_go(ledger: Ledger) -> None:
    claim = frozen(ledger, ledger.claim(new(), ME))
    ledger.pause("spring", ADA)
    with pytest.raises(Conflict, match="is being worked on"):
        ledger.resume("spring", ME)
    ledger.release(claim)
    resumed = ledger.resume("spring", ME)
    assert (resumed.state, resumed.epoch, resumed.owner) == (State.CLAIMED, 2, ME)
    assert said(ledger) == [(ADA, "paused"), (person(), "resumed")]
    ledger.advance(resumed, State.EMITTING)
    emitted(ledger, resumed)
    ledger.complete(resumed, {})


def test_the_launcher_of_before_a_pause_stays_fenced_after_the_resume(ledger: Ledger) -> None:
    stale = ledger.claim(new(), dead())
    ledger.pause("spring", ADA)
    ledger.resume("spring", ME)
    with pytest.raises(Conflict, match="taken over by another launcher"):
        ledger.renew(stale)


def test_a_cancelled_launch_is_never_resumed(ledger: Ledger) -> None:
    ledger.claim(new(), dead())
    ledger.cancel("spring", ADA)
    with pytest.raises(Stopped, match="'spring' is cancelled"):
        ledger.claim(new(), ME)
    with pytest.raises(Stopped, match="'spring' is cancelled"):
        ledger.resume("spring", ME)


def test_a_launch_that_expired_before_it_began_leaves_no_trace(ledger: Ledger) -> None:
    with pytest.raises(Stopped, match=f"'spring' expired at {PAST}: it may be neither started nor resumed"):
        ledger.claim(new(expires_at=PAST), ME)
    assert ledger.all() == []
    assert ledger.claim(new(expires_at=FUTURE), ME).expires_at == FUTURE


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("attempt", ["claim", "resume"])
def test_an_unfinished_launch_expires_where_somebody_asks_for_it(
    ledger: Ledger, url: str, attempt: str, paused: bool
) -> None:
    stale = ledger.claim(new(expires_at=FUTURE), dead())
    if paused:
        ledger.pause("spring", ADA)
    alter(url, expires_at=PAST)
    attempts: dict[str, Callable[[], Launch]] = {
        "claim": lambda: ledger.claim(new(), ME),
        "resume": lambda: ledger.resume("spring", ME),
    }
    for _ in range(2):
        with pytest.raises(Stopped, match=f"'spring' expired at {PAST}"):
            attempts[attempt]()
    found = again(ledger)
    assert (found.state, found.owner, found.epoch) == (State.EXPIRED, None, 1)
    assert [entry.what for entry in ledger.audit("spring")].count("expired") == 1
    with pytest.raises(Stopped, match=f"'spring' expired at {PAST}"):  # its launcher was only asleep
        ledger.advance(stale, State.FREEZING)
    with pytest.raises(Conflict, match="'spring' is expired: it cannot be cancelled any more"):
        ledger.cancel("spring", ADA)


def test_a_launcher_at_work_may_finish_after_the_expiry(ledger: Ledger, url: str) -> None:
    claim = frozen(ledger, ledger.claim(new(expires_at=FUTURE), ME))
    alter(url, expires_at=PAST)
    with pytest.raises(Conflict, match="is being worked on"):
        ledger.resume("spring", ME)
    emitted(ledger, claim)
    ledger.complete(claim, {})
    assert ledger.claim(new(), ME).state == State.COMPLETED


def test_a_confirmation_is_kept_with_who_gave_it(ledger: Ledger) -> None:
    claim = ledger.claim(new(), ME)
    assert claim.confirmed_at is None
    ledger.confirm(claim, ADA)
    assert again(ledger).confirmed_at is not None
    assert said(ledger) == [(ADA, "confirmed")]


def test_a_rate_is_kept_until_another_is_given(ledger: Ledger) -> None:
    claim = ledger.claim(new(rate=100), ME)
    assert claim.rate == 100
    attempts: list[tuple[Callable[[], Launch], int]] = [
        (lambda: ledger.resume("spring", ME), 100),
        (lambda: ledger.resume("spring", ME, rate=200), 200),
        (lambda: ledger.claim(new(), ME), 200),
        (lambda: ledger.claim(new(rate=300), ME), 300),
    ]
    for attempt, expected in attempts:
        ledger.release(again(ledger))
        assert attempt().rate == expected
