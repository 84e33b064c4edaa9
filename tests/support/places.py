"""A shop whose launch `spring` is disturbed, on one kind of stream and ledger; and what must be true of it after."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import yaml

from campaigns.app import Campaigns
from campaigns.errors import NotFound, Unavailable
from campaigns.failpoints import NAMES
from campaigns.ledger import Launch, Ledger, State
from campaigns.streams import Creatable, Stream
from support.launchers import PUBLISH_EVENTS, Ending, Launcher, Order, ended, started
from support.ledgers import dump
from support.shop import contents, expected_ids
from support.tally import TALLY
from support.workspaces import AS_OF, write_yaml

COMMAND = Path(sys.executable).with_name("campaigns")
KILLED = -signal.SIGKILL
PARTITIONS = 3
FREEZING = ("freeze", "validate")
PUBLISHING = ("before-publish", "after-publish", "after-checkpoint")
"""Failpoints that every publish passes."""


@dataclass
class Place:
    """A shop at `root`. `undisturbed` are the events, by id, of a launch that nothing happened to.

    `interruptions` are what happened to the launch here: each may repeat one publish. `seconds` is about how long an
    undisturbed launch takes.
    """

    root: Path
    name: str
    undisturbed: Mapping[str, bytes] = field(repr=False)
    seconds: float = 0.4
    interruptions: int = 0
    kills: int = 0

    def names_stream(self, url: str, **config: object) -> None:
        """Let events go to that stream."""
        self.change({"stream": {"url": url, "config": config}} if config else {"stream": url})

    def names_ledger(self, url: str) -> None:
        """Let the launch be recorded there."""
        self.change({"ledger": url})

    @property
    def ledger_url(self) -> str:
        """Where the launch is recorded."""
        return str(self._workspace().get("ledger", f"sqlite:///{self.root}/.campaigns/ledger.db"))

    def ledger(self) -> Launch | None:
        """The ledger's row of the launch, None when there is none."""
        url = self.ledger_url
        if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
            return None
        with closing(Ledger(url)) as ledger:
            return ledger.find("spring")

    def acknowledged(self) -> int:
        """How many events the ledger says are on the stream."""
        launch = self.ledger()
        return launch.acknowledged if launch else 0

    def is_complete(self) -> bool:
        """Whether the ledger says so."""
        launch = self.ledger()
        return launch is not None and launch.state == State.COMPLETED

    def record(self) -> tuple[list[tuple[Any, ...]], dict[str, bytes]]:
        """All that the ledger holds, and every file of snapshots."""
        return dump(self.ledger_url), contents(self.root / ".campaigns" / "snapshots")

    def outlast_lease(self) -> None:
        """Wait until nobody who is alive owns the launch any more."""

        def is_over() -> bool:
            launch = self.ledger()
            return launch is not None and launch.live_owner() is None

        until("the lease is over", is_over)

    def events(self) -> dict[str, list[bytes]]:
        """Every event on the stream by id, copies included: the stream belongs to this place alone."""
        found: dict[str, list[bytes]] = {}
        for event in Campaigns(self.root).events():
            found.setdefault(json.loads(event)["id"], []).append(event)
        return found

    def stored(self) -> int:
        """How many events are on the stream, copies included."""
        return sum(1 for _ in Campaigns(self.root).events())

    def order(self, verb: str = "launch", **changes: Any) -> Order:
        """What a launcher here is to do."""
        return Order(self.root, verb=verb, **changes)

    def killed_at(self, failpoint: str, verb: str = "launch") -> Ending:
        """A launcher is killed when it passes the failpoint, `name` or `name:count`; it may end before."""
        return self._noted(ended(self.order(verb, failpoint=failpoint)))

    def killed_after(self, seconds: float, verb: str = "launch") -> Ending:
        """A launcher is killed when it has worked for that long; it may end before."""
        with started(self.order(verb)) as launcher:
            launcher.waited(seconds)
            return self.kill(launcher)

    def kill(self, launcher: Launcher) -> Ending:
        """kill -9 of a launcher, which may have ended before."""
        launcher.signal(signal.SIGKILL)
        return self._noted(launcher.ending())

    def killed_somewhere(self, chance: Random) -> Ending:
        """A launcher is killed at a random instant, before which it may end, or at a random failpoint."""
        launch = self.ledger()
        verb = chance.choice(["launch", "resume"]) if launch else "launch"
        if chance.random() < 0.5:
            return self.killed_after(chance.uniform(0, self.seconds), verb)
        return self.killed_at(chance.choice(_ahead(launch)), verb)

    def finish(self) -> dict[str, Any]:
        """What a person does: resume; or launch, when nothing had begun."""
        try:
            return Campaigns(self.root).resume("spring")
        except NotFound:
            return Campaigns(self.root).launch("winback", AS_OF, "spring")

    def finish_once_it_answers(self) -> dict[str, Any]:
        """The same as often as it takes: a server that came back may need a moment."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.finish()
            except Unavailable:
                assert time.monotonic() < deadline
                self.interruptions += 1

    def launching(self, *, rate: int | None = 4 * PUBLISH_EVENTS) -> list[str]:
        """The arguments that launch `spring` here; with that rate, in small publishes."""
        held = ["--rate", str(rate)] if rate else []
        return ["launch", "winback", "--as-of", AS_OF.isoformat(), "--launch-id", "spring", *held]

    def command(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """The installed command, run in this workspace; `env` is its whole environment."""
        with self.begun(*arguments, env=env) as process:
            out, told = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, out, told)

    @contextmanager
    def begun(self, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
        """The same at work; it is dead when the block ends."""
        process = subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.root,
            env=dict(env or os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def check_checkpoint(self) -> None:
        """I7: the ledger never claims an event that is not on the stream."""
        if launch := self.ledger():
            assert launch.acknowledged <= len(self.events())

    def check_whole(self) -> None:
        """I1, I2, I10: nobody lost, nobody else, the same bytes for the same id, the books closed; copies bounded."""
        found, expected = self.events(), expected_ids()
        assert expected == self.undisturbed.keys()
        lost, foreign = expected - found.keys(), found.keys() - expected
        changed = [name for name in expected & found.keys() if set(found[name]) != {self.undisturbed[name]}]
        duplicates = sum(len(events) - 1 for events in found.values())
        bound = self.interruptions * PUBLISH_EVENTS
        self._tell(len(lost), len(foreign), len(changed), duplicates, bound)
        assert not lost, f"{len(lost)} of {len(expected)} lost"
        assert not foreign, f"{len(foreign)} that nobody expected"
        assert not changed, f"{len(changed)} with other bytes"
        assert duplicates <= bound, f"{duplicates} duplicates, after {self.interruptions} interruptions"
        status = Campaigns(self.root).status("spring")
        assert status["state"] == "completed"
        assert status["matched"] == status["sent"] + status["held_out"]
        assert status["acknowledged"] == status["sent"] == len(expected)
        self._check_verified(len(expected), duplicates)

    def _check_verified(self, expected: int, duplicates: int) -> None:
        """What we counted, `campaigns verify` counts."""
        found = Campaigns(self.root).verify("spring")
        assert found["ok"], found["problems"]
        assert found["books_closed"]
        assert (found["expected"], found["found"], found["duplicates"]) == (expected, expected, duplicates)

    def _tell(self, lost: int, foreign: int, changed: int, duplicates: int, bound: int) -> None:
        TALLY.runs[self.name] += 1
        TALLY.lost += lost
        TALLY.foreign += foreign
        TALLY.changed += changed
        TALLY.duplicates += duplicates
        TALLY.bound += bound

    def _noted(self, ending: Ending) -> Ending:
        if ending.exit == KILLED:
            self.interruptions += 1
            self.kills += 1
            TALLY.kills[self.name] += 1
        return ending

    def _workspace(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((self.root / "workspace.yaml").read_text(encoding="utf-8"))
        return found

    def change(self, values: Mapping[str, Any]) -> None:
        """Change keys of the workspace."""
        write_yaml(self.root / "workspace.yaml", {**self._workspace(), **values})


def _ahead(launch: Launch | None) -> list[str]:
    """The failpoints that the next launcher will pass, each pass of them."""
    frozen = launch is not None and launch.manifest is not None
    events = sum(shard.sends - shard.acknowledged for shard in launch.shards) if launch and frozen else 1
    publishes = range(1, -(-events // PUBLISH_EVENTS) + 1)
    return [
        *(
            name
            for name in NAMES
            if name.partition("-")[2] not in {"publish", "checkpoint", *(FREEZING if frozen else ())}
        ),
        *(f"{name}:{count}" for name in PUBLISHING for count in publishes),
    ]


def until(what: str, happened: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until `happened()` is true. Fails, naming `what`, when it takes longer."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} seconds"
        time.sleep(0.02)


def seeds(count: int) -> Sequence[int]:
    """The seeds of a randomized test: `count` of them, or the one that CAMPAIGNS_SEED asks for."""
    wanted = os.environ.get("CAMPAIGNS_SEED")
    return [int(wanted)] if wanted else range(count)


def chance_of(test: str, seed: int) -> Random:
    """The randomness of a test's seed, which is told."""
    print(f"{test}: run again with CAMPAIGNS_SEED={seed}")
    TALLY.seeds.setdefault(test, []).append(seed)
    return Random(f"{test}/{seed}")


def new_stream(kind: str, address: str) -> str:
    """The URL of a new, empty stream of its own on a server: a topic of Kafka's, a stream of NATS'."""
    url = f"{kind}://{address}/fault-{uuid4().hex}"
    stream = stream_at(url)
    assert isinstance(stream, Creatable)
    stream.create(PARTITIONS)
    return url


def stream_at(url: str) -> Stream:
    """The stream of such a URL."""
    kind, _, rest = url.partition("://")
    address, _, name = rest.partition("/")
    if kind == "kafka":
        from campaigns.streams.kafka import KafkaStream

        return KafkaStream(address, name)
    from campaigns.streams.nats import NatsStream

    return NatsStream(address, name)
