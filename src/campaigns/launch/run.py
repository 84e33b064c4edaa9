"""A launch: claim -> freeze -> emit -> close. This file is the flow; each step has its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from campaigns.definitions import Definition
from campaigns.definitions.instants import parse_instant
from campaigns.engines.port import Changed, Engine
from campaigns.errors import CampaignsError, InvalidData, InvalidDefinition
from campaigns.failpoints import reach
from campaigns.launch.emit import emit
from campaigns.launch.freeze import freeze
from campaigns.launch.lease import leased
from campaigns.launch.snapshot import open_snapshot
from campaigns.ledger import Launch, Ledger, State
from campaigns.plan import Plan, envelope_of
from campaigns.streams import Stream

_FREEZES = 3


class Watch(Protocol):
    """Whoever wants to see a launch go on."""

    def claimed(self, launch_id: str) -> None:
        """The launch is ours: from here on `resume` can finish it."""

    def freezing(self, done: float) -> None:
        """The part of the audience's evaluation that is done, 0.0 to 1.0."""

    def emitting(self, done: int, total: int) -> None:
        """Events acknowledged, of all."""


class Unwatched:
    """Nobody looks."""

    def claimed(self, launch_id: str) -> None:
        """Nothing to show."""

    def freezing(self, done: float) -> None:
        """Nothing to show."""

    def emitting(self, done: int, total: int) -> None:
        """Nothing to show."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What a launch works with. `planner` composes the plan of the claimed definition and attaches its sources;
    `reader` opens an engine that only reads snapshots; `root` is the workspace's folder."""

    root: Path
    ledger: Ledger
    stream: Stream
    snapshots: Path
    planner: Callable[[Launch], tuple[Plan, Engine]]
    reader: Callable[[], Engine]


def run(claim: Launch, ports: Ports, watch: Watch | None = None) -> Launch:
    """Finish a claimed launch: every matched customer decided once, every event acknowledged, the books closed.

    Safe to interrupt anywhere and to call again. On an error the launch is released, so that it can be resumed.
    """
    started = time.monotonic()
    watch = watch or Unwatched()
    with _released_on_error(ports, claim), leased(ports.ledger, claim):
        watch.claimed(claim.launch_id)
        claim = _frozen(claim, ports, watch)
        emitting = time.monotonic()
        _emitted(claim, ports, watch)
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


def _frozen(claim: Launch, ports: Ports, watch: Watch) -> Launch:
    """The claim with a valid snapshot; an earlier attempt's is used as it is."""
    if claim.manifest is None:
        _freeze(claim, ports, watch)
        return _again(ports.ledger, claim)
    if claim.state != State.EMITTING:
        ports.ledger.advance(claim, State.EMITTING)
    return claim


def _freeze(claim: Launch, ports: Ports, watch: Watch) -> None:
    """Freeze, and freeze anew while sources change under it, a few times."""
    for again in reversed(range(_FREEZES)):
        plan, engine = ports.planner(claim)
        with closing(engine):
            try:
                freeze(plan, engine, ports.snapshots, ports.ledger, claim, watch.freezing)
                return
            except Changed:
                if not again:
                    raise


def _emitted(claim: Launch, ports: Ports, watch: Watch) -> None:
    snapshot = open_snapshot(ports.snapshots, claim)
    definition = Definition.model_validate_json(claim.definition)
    done, total = claim.acknowledged, sum(shard.sends for shard in claim.shards)
    watch.emitting(done, total)

    def progress(count: int) -> None:
        nonlocal done
        done += count
        watch.emitting(done, total)

    with closing(ports.reader()) as engine, closing(ports.stream.publisher()) as publisher:
        ports.ledger.begin_emission(claim, publisher.identity)
        emit(
            snapshot,
            envelope_of(definition, claim.launch_id, parse_instant(claim.as_of)),
            engine,
            publisher,
            ports.ledger,
            claim,
            variables=bool(definition.campaign.variables),
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
