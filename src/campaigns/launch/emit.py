"""Emit: frozen decisions leave as events; the checkpoint follows the stream's acknowledgement, never leads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress

from campaigns.engines.port import Engine
from campaigns.errors import CampaignsError
from campaigns.events.encode import Envelope
from campaigns.failpoints import reach
from campaigns.launch.lanes import Lane, lanes_of
from campaigns.launch.outbox import Outbox, lenient
from campaigns.launch.pace import Pace
from campaigns.launch.reading import Publish, Reader
from campaigns.launch.snapshot import Snapshot
from campaigns.ledger import Launch, Ledger
from campaigns.streams import Publisher

PUBLISH_EVENTS = 20_000
"""Events that may be under way: in one publish, or in two halves where the stream can begin one before the other
is acknowledged. Well under a second on the embedded stream."""

_PAGE_SECONDS = 10
"""A lane that is held to a rate reads what it sends in this time at once."""

_SMALLEST_PAGE = 256
_PAGES_EVENTS = 80_000
"""Events that all lanes with a rate hold together, unless there are so many that each has the smallest page."""

_LOOK_SECONDS = 0.1
"""How long an emission that waits for its pace sleeps until it looks again whether it should go on."""


def emit(
    snapshot: Snapshot,
    envelope: Envelope,
    engine: Engine,
    publisher: Publisher,
    ledger: Ledger,
    claim: Launch,
    *,
    variables: bool,
    check: Callable[[], None],
    rates: Mapping[str, int],
    progress: Callable[[int], None] | None = None,
) -> None:
    """Publish every event of the snapshot that is not acknowledged yet, each lane in the order of its rows.

    Lanes take turns, each by the number of its tenants; `rates` holds tenants back, `claim.rate` the whole launch, in
    events a second. `check` is called before every publish and while waiting: it raises to stop. Safe to call again
    after any interruption: at most `PUBLISH_EVENTS` are repeated, with the same bytes.
    """

    def acknowledged(lane: Lane, publish: Publish) -> None:
        # The stream has these events now: a crash here repeats the publish, it never loses one.
        reach("after-publish")
        ledger.checkpoint(claim, publish.shard, lane.number, publish.end, publish.events)
        reach("after-checkpoint")
        if progress:
            progress(publish.events)

    outbox = Outbox(publisher, lenient(check), acknowledged)
    reader = Reader(engine, snapshot, envelope, claim, variables, max(1, PUBLISH_EVENTS // outbox.at_once))
    lanes = lanes_of(snapshot.lanes)
    for lane in lanes:
        reader.check(lane)  # before anything leaves: a wrong checkpoint would repeat events, or pass them over
    try:
        with ExitStack() as stack:
            turns = [stack.enter_context(closing(turn)) for turn in _turns(reader, lanes, rates)]
            for turn, publish in _in_turns(turns, Pace(claim.rate), check, outbox.settle):
                reach("before-publish")
                outbox.put(turn.lane, publish)
            outbox.settle()
    except CampaignsError:
        with suppress(CampaignsError):  # the first error is the one to tell; what is out by now is noted
            outbox.settle()
        raise


def _turns(reader: Reader, lanes: Sequence[Lane], rates: Mapping[str, int]) -> list[Turn]:
    """The lanes of a launch. However many tenants have rates, what is read ahead for them together is bounded."""
    held = [rates.get(lane.only[0]) if lane.only else None for lane in lanes]
    paced = sum(rate is not None for rate in held)
    most = min(reader.events, max(_SMALLEST_PAGE, _PAGES_EVENTS // max(1, paced)))
    return [Turn(reader, lane, rate, most, alone=len(lanes) == 1) for lane, rate in zip(lanes, held, strict=True)]


class Turn:
    """A lane in the round: what comes next in it, what it has sent, and when it may send again."""

    def __init__(self, reader: Reader, lane: Lane, rate: int | None, most: int, *, alone: bool) -> None:
        self.lane = lane
        self.pace = Pace(rate)
        self.ready_at = 0.0
        self._sent = 0
        self._tenants = len(lane.only) or max(1, len(reader.envelope.tenants) - len(lane.but))
        # A lane that is held to a rate keeps nothing open between its pages: there may be hundreds of them.
        self._coming = (
            reader.publishes(lane, 2 if alone else 1)
            if rate is None
            else reader.pages(lane, min(most, max(_SMALLEST_PAGE, rate * _PAGE_SECONDS)))
        )
        self._head: Publish | None = None

    @property
    def served(self) -> float:
        """Events sent for each tenant of the lane: who has got least is next."""
        return self._sent / self._tenants

    def waiting(self) -> int:
        """How many events are there to be sent at once; none: the lane is done."""
        if self._head is None:
            self._head = next(self._coming, None)
        return self._head.events if self._head else 0

    def take(self, events: int) -> Publish:
        """Send so many of those that are waiting."""
        assert self._head is not None  # noqa: S101 - callers ask what is waiting first
        taken, left = self._head.cut(events) if events < self.waiting() else (self._head, None)
        self._head = left
        self._sent += events
        return taken

    def close(self) -> None:
        """Stop reading."""
        self._coming.close()


def _in_turns(
    turns: list[Turn], pace: Pace, check: Callable[[], None], rest: Callable[[], None]
) -> Iterator[tuple[Turn, Publish]]:
    """What leaves next, when it may: fair among tenants, none before its time. Before it waits, it calls `rest`."""
    while turns:
        check()
        now = time.monotonic()
        turn = min(turns, key=lambda each: (max(each.ready_at - now, 0.0), each.served, each.lane.number))
        if turn.ready_at > now:
            rest()
            time.sleep(min(turn.ready_at - now, _LOOK_SECONDS))
            continue
        waiting = turn.waiting()
        if not waiting:
            turns.remove(turn)
            continue
        events = min(most for most in (waiting, pace.portion, turn.pace.portion) if most is not None)
        if hold := turn.pace.hold(events):
            turn.ready_at = now + hold
            continue
        while hold := pace.hold(events):
            rest()
            time.sleep(min(hold, _LOOK_SECONDS))
            check()
        yield turn, turn.take(events)
