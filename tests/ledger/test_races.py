"""Eight launchers want one launch."""

from __future__ import annotations

import multiprocessing
import re
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

from campaigns.errors import Conflict
from campaigns.ledger import Ledger, Owner
from support.ledgers import dead, new

_FORKING = multiprocessing.get_context("forkserver")
_RACERS = 8


def test_one_of_eight_racing_launchers_gets_the_launch(url: str) -> None:
    Ledger(url).close()
    check_race(url, epoch=1)


def test_one_of_eight_racing_launchers_takes_over_a_dead_one(url: str) -> None:
    with closing(Ledger(url)) as ledger:
        ledger.claim(new(), dead())
    check_race(url, epoch=2)


def check_race(url: str, epoch: int) -> None:
    """One wins, and the others are told who: its process and host."""
    start, finish = _FORKING.Barrier(_RACERS), _FORKING.Barrier(_RACERS)
    pipes = [_FORKING.Pipe(duplex=False) for _ in range(_RACERS)]
    racers = [_FORKING.Process(target=_race, args=(url, child, start, finish)) for _, child in pipes]
    for racer in racers:
        racer.start()
    told = [parent.recv() for parent, _ in pipes]
    for racer in racers:
        racer.join()
    winners = [owner for kind, owner in told if kind == "won"]
    refusals = {said for kind, said in told if kind == "refused"}
    assert len(winners) == 1
    assert len(told) - len(winners) == _RACERS - 1
    assert refusals == {f"launch 'spring' is being worked on by {winners[0]}"}
    assert re.fullmatch(r"process \d+ on \S+", str(winners[0]))
    with closing(Ledger(url)) as ledger:
        (launch,) = ledger.all()
    assert (launch.owner, launch.epoch) == (winners[0], epoch)


def _race(url: str, parent: Connection, start: Barrier, finish: Barrier) -> None:
    with closing(Ledger(url)) as ledger:
        start.wait(30)
        try:
            claim = ledger.claim(new(), Owner.current())
            parent.send(("won", claim.owner))
        except Conflict as error:
            parent.send(("refused", str(error)))
        finish.wait(30)  # the winner lives until all have tried
