"""A launch: claim -> freeze -> guard -> emit -> close. This file is the flow; each step has its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from campaigns.definitions.instants import parse_instant
from campaigns.engines.port import Changed, Engine
from campaigns.errors import CampaignsError, InvalidData, InvalidDefinition
from campaigns.failpoints import reach
from campaigns.launch.definition import definition_of
from campaigns.launch.emit import emit
from campaigns.launch.freeze import freeze
from campaigns.launch.guards import guard
from campaigns.launch.lease import Lease, leased
from campaigns.launch.snapshot import open_snapshot
from campaigns.ledger import Launch, Ledger, State, person
from campaigns.plan import Plan, envelope_of
from campaigns.streams import Publisher

_FREEZES = 3


class Watch(Protocol):
    """Whoever wants to see a launch go on."""

    def claimed(self, launch: Launch) -> None:
        """The launch is ours: from here on `resume` can finish it."""

    def freezing(self, done: float) -> None:
        """The part of the audience's evaluation that is done, 0.0 to 1.0."""

    def emitting(self, done: int, total: int) -> None:
        """Events acknowledged, of all."""


class Unwatched:
    """Nobody looks."""

    def claimed(self, launch: Launch) -> None:
        """Nothing to show."""

    def freezing(self, done: float) -> None:
        """Nothing to show."""

    def emitting(self, done: int, total: int) -> None:
        """Nothing to show."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What a launch works with. `stream` is the stream's URL, `publisher` opens a publisher of it; `planner` composes
    the plan of the claimed definition and attaches its sources; `reader` opens an engine that only reads snapshots;
    `last` finds the campaign's last complete launch before a claim, `shrinks` says whether it
    takes customers out of its experiment; `root` is the workspace's folder. `paced` is false
    where rates hold nothing back, because nothing really leaves."""

    root: Path
    ledger: Ledger
    stream: str
    publisher: Callable[[], Publisher]
    snapshots: Path
    planner: Callable[[Launch], tuple[Plan, Engine]]
    reader: Callable[[], Engine]
    last: Callable[[Launch], Launch | None]
    shrinks: Callable[[Launch], str | None]
    paced: bool = True


def run(
    claim: Launch,
    ports: Ports,
    watch: Watch | None = None,
    stop: Event | None = None,
    *,
    confirm: bool = False,
) -> Launch:
    """Finish a claimed launch: every matched customer decided once, every event acknowledged, the books closed.

    Safe to interrupt anywhere and to call again. On an error the launch is released, so that it can be resumed.
    `confirm` records a person's word that its audience is meant. Set `stop` from anywhere to end it early: it waits a
    moment for what is under way, checkpoints, and raises Terminated.

    Raises Stopped when somebody pauses or cancels it, NeedsConfirmation before its first event when it matched
    suspiciously many, Conflict when another launcher takes it over, InvalidData, Unavailable, Damaged.
    """
    started = time.monotonic()
    watch = watch or Unwatched()
    with _released_on_error(ports, claim), leased(ports.ledger, claim, stop or Event()) as lease:
        if confirm:
            ports.ledger.confirm(claim, person())
            claim = _again(ports.ledger, claim)
        watch.claimed(claim)
        # Opened before anything is decided: a dead broker or a missing topic is told at once, not after the freeze.
        with closing(_opened(ports, lease)) as publisher:
            claim = _frozen(claim, ports, watch, lease)
            _guarded(claim, ports)
            emitting = time.monotonic()
            _emitted(claim, ports, publisher, watch, lease)
        with closing(_opened(ports, lease)) as again:  # one that was made anew meanwhile has none of the first events
            ports.ledger.begin_emission(_again(ports.ledger, claim), ports.stream, again.identity)
        now = time.monotonic()
        reach("before-close")
        ports.ledger.complete(
            claim,
            {
                "emit": claim.seconds.get("emit", 0.0) + now - emitting,
                "total": claim.seconds.get("total", 0.0) + now - started,
            },
        )
        reach("after-close")
    return _again(ports.ledger, claim)


def _guarded(claim: Launch, ports: Ports) -> None:
    if not claim.confirmed_at and not claim.acknowledged:
        guard(claim, definition_of(claim).campaign, ports.last(claim), ports.shrinks(claim))


def _opened(ports: Ports, lease: Lease) -> Publisher:
    """The publisher; what stopped the launch meanwhile counts more than a broker that does not answer."""
    lease.check()
    try:
        return ports.publisher()
    except CampaignsError:
        lease.check()
        raise


def _frozen(claim: Launch, ports: Ports, watch: Watch, lease: Lease) -> Launch:
    """The claim with a valid snapshot; an earlier attempt's is used as it is."""
    lease.check()
    if claim.manifest is None:
        _freeze(claim, ports, watch, lease)
        return _again(ports.ledger, claim)
    if claim.state != State.EMITTING:
        ports.ledger.advance(claim, State.EMITTING)
    return claim


def _freeze(claim: Launch, ports: Ports, watch: Watch, lease: Lease) -> None:
    """Freeze, and freeze anew while sources change under it, a few times."""
    for again in reversed(range(_FREEZES)):
        plan, engine = ports.planner(claim)
        with closing(engine):
            try:
                try:
                    freeze(
                        plan, engine, ports.snapshots, ports.ledger, claim, check=lease.check, progress=watch.freezing
                    )
                except InvalidData:
                    engine.unchanged()  # a file that was replaced while it was read seems broken, and is not
                    raise
                return
            except Changed:
                if not again:
                    raise


def _emitted(claim: Launch, ports: Ports, publisher: Publisher, watch: Watch, lease: Lease) -> None:
    snapshot = open_snapshot(ports.snapshots, claim)
    definition = definition_of(claim)
    done, total = claim.acknowledged, sum(shard.sends for shard in claim.shards)
    watch.emitting(done, total)

    def progress(count: int) -> None:
        nonlocal done
        done += count
        watch.emitting(done, total)

    rates = {key: tenant.rate for key, tenant in definition.tenants.items() if tenant.rate is not None}
    ports.ledger.begin_emission(claim, ports.stream, publisher.identity)
    with closing(ports.reader()) as engine:
        emit(
            snapshot,
            envelope_of(definition, claim.launch_id, parse_instant(claim.as_of)),
            engine,
            publisher,
            ports.ledger,
            claim,
            variables=bool(definition.campaign.variables),
            check=lease.check,
            rates=rates if ports.paced else {},
            progress=progress,
        )


def _again(ledger: Ledger, claim: Launch) -> Launch:
    found = ledger.find(claim.launch_id)
    assert found is not None  # noqa: S101 - launches are never deleted
    return found


@contextmanager
def _released_on_error(ports: Ports, claim: Launch) -> Iterator[None]:
    try:
        yield
    except CampaignsError as error:
        told = str(error).replace(f"{ports.root}{os.sep}", "")  # a workspace may be moved: no path of it is stored
        with suppress(CampaignsError):  # the first error is the one to tell
            ports.ledger.release(claim, told, failed=isinstance(error, InvalidData | InvalidDefinition))
        raise
    except BaseException as error:
        with suppress(CampaignsError):
            ports.ledger.release(claim, type(error).__name__)
        raise
