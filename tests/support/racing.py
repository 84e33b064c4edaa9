"""Processes that want the same thing of a ledger at the same instant."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import closing
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Any

from campaigns.errors import Conflict, Stopped
from campaigns.ledger import Ledger, Owner
from support.ledgers import again, new

RACERS = 8
_FORKING = multiprocessing.get_context("forkserver")
_PATIENCE = 60.0


def raced(racer: Callable[[str, Barrier, Barrier], Any], url: str) -> list[Any]:
    """What each of the processes returned; `racer` is a function of this module."""
    start, finish, told = _FORKING.Barrier(RACERS), _FORKING.Barrier(RACERS), _FORKING.SimpleQueue()
    racers = [_FORKING.Process(target=_run, args=(racer, url, start, finish, told)) for _ in range(RACERS)]
    for process in racers:
        process.start()
    for process in racers:
        process.join(_PATIENCE)
    assert [process.exitcode for process in racers] == [0] * RACERS
    return [told.get() for _ in racers]


def _run(
    racer: Callable[[str, Barrier, Barrier], Any], url: str, start: Barrier, finish: Barrier, told: SimpleQueue[Any]
) -> None:
    told.put(racer(url, start, finish))


def open_ledger(url: str, start: Barrier, _: Barrier) -> str:
    """Open the ledger, which perhaps does not exist yet."""
    start.wait(_PATIENCE)
    Ledger(url).close()
    return "opened"


def claim_launch(url: str, start: Barrier, finish: Barrier) -> Owner | str:
    """Claim the launch `spring`: the owner that won it, or the refusal."""
    with closing(Ledger(url)) as ledger:
        start.wait(_PATIENCE)
        try:
            return ledger.claim(new(), Owner.current()).owner or "nobody"
        except Conflict as error:
            return str(error)
        finally:
            finish.wait(_PATIENCE)  # the winner lives until all have tried


def end_launch(url: str, start: Barrier, _: Barrier) -> str:
    """Half of the processes cancel the launch `spring`, half complete it: what became of it, or the refusal's kind."""
    with closing(Ledger(url)) as ledger:
        claim = again(ledger)
        cancelling = start.wait(_PATIENCE) % 2 == 0
        try:
            if cancelling:
                return ledger.cancel("spring", "somebody").state
            ledger.complete(claim, {})
        except (Conflict, Stopped) as error:
            return type(error).__name__
        return "completed"
