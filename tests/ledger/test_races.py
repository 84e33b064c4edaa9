"""Eight processes want one ledger, eight launchers one launch, eight people its end."""

from __future__ import annotations

from contextlib import closing

import pytest

from campaigns.ledger import Ledger, Owner, State
from support.ledgers import again, dead, emitted, frozen, new
from support.racing import RACERS, claim_launch, end_launch, open_ledger, raced


def test_eight_processes_may_create_the_ledger_at_once(url: str) -> None:
    assert raced(open_ledger, url) == ["opened"] * RACERS


@pytest.mark.parametrize("epoch", [1, 2], ids=["a new launch", "a dead launcher's launch"])
def test_one_of_eight_racing_launchers_gets_the_launch(url: str, epoch: int) -> None:
    with closing(Ledger(url)) as ledger:
        if epoch == 2:
            ledger.claim(new(), dead())

    told = raced(claim_launch, url)

    (winner,) = (owner for owner in told if isinstance(owner, Owner))
    refusal = f"launch 'spring' is being worked on by process {winner.pid} on {winner.host}"
    assert [said for said in told if said != winner] == [refusal] * (RACERS - 1)
    with closing(Ledger(url)) as ledger:
        (launch,) = ledger.all()
    assert (launch.owner, launch.epoch) == (winner, epoch)


def test_a_launch_that_is_cancelled_while_it_completes_is_one_of_both(url: str) -> None:
    with closing(Ledger(url)) as ledger:
        emitted(ledger, frozen(ledger, ledger.claim(new(), dead())))

    told = raced(end_launch, url)

    with closing(Ledger(url)) as ledger:
        state = again(ledger).state
        lines = [entry.what for entry in ledger.audit("spring")]
    refusal = {State.COMPLETED: "Conflict", State.CANCELLED: "Stopped"}[state]
    assert sorted(told) == sorted([state] * (RACERS // 2) + [refusal] * (RACERS // 2))
    assert lines == ["claimed", "frozen", *[state] * (RACERS // 2 if state == State.COMPLETED else 1)]
