"""Eight processes want one ledger, eight launchers one launch."""

from __future__ import annotations

from contextlib import closing

import pytest

from campaigns.ledger import Ledger, Owner
from support.ledgers import dead, new
from support.racing import RACERS, claim_launch, open_ledger, raced


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
