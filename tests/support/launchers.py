"""Launchers in processes of their own, which tests race, stop, starve and kill."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import psutil

from support.workspaces import AS_OF

if TYPE_CHECKING:
    from campaigns.ledger import Launch, Ledger

PUBLISH_EVENTS = 50
"""Events in one publish of such a launcher: small, so that a launch has many places to die at."""

_PATIENCE = 120.0
"""Seconds within which a launcher comes to its sleep or its end, however busy the machine is."""

_FORKING = multiprocessing.get_context("forkserver")  # children of a process without threads, modules loaded
_LOADED = ["app", "engines.duckdb", "streams.sqlite"]
_LAZY = ["alembic.command", "scipy.special", "sqlalchemy.dialects.sqlite", "sqlglot.dialects.duckdb"]
_FORKING.set_forkserver_preload([*(f"campaigns.{name}" for name in _LOADED), *_LAZY])


@dataclass(frozen=True)
class Ending:
    """How a launcher ended: `exit` is negative for a signal; the report, or the error's class and message."""

    exit: int
    report: dict[str, Any] | None = None
    error: str = ""
    message: str = ""


@dataclass(frozen=True)
class Order:
    """What a launcher is to do.

    `failpoint` is where it dies; `sleeps_at` the failpoint where it stops, the `sleeps_count`-th time, until SIGCONT;
    `lease` is for how many seconds it owns the launch without renewing, 0 for as long as usual; `file_bytes` is how
    large its files may get; `rate` is in events a second.
    """

    root: Path
    launch_id: str = "spring"
    verb: str = "launch"
    campaign: str = "winback"
    failpoint: str = ""
    file_bytes: int = 0
    sleeps_at: str = ""
    sleeps_count: int = 1
    lease: float = 0.0
    rate: int | None = None


class Launcher:
    """A process that is about to launch: it begins with `go`."""

    def __init__(self, order: Order) -> None:
        self._connection, child = _FORKING.Pipe()
        self._process = _FORKING.Process(target=_work, args=(order, child))
        self._ending: Ending | None = None
        self._process.start()
        child.close()
        self._connection.recv()  # it is there: what it takes to start a process is not part of any delay

    def go(self) -> None:
        """Let it begin."""
        self._connection.send(None)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send a signal to the launcher, if it still lives."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def asleep(self) -> None:
        """Wait until it has stopped. Fails when it ends instead."""
        deadline = time.monotonic() + _PATIENCE
        process = psutil.Process(self.pid)
        while (status := process.status()) != psutil.STATUS_STOPPED:
            assert status != psutil.STATUS_ZOMBIE, f"the launcher ended: {self.ending()}"
            assert time.monotonic() < deadline, "the launcher does not come to where it is to stop"
            time.sleep(0.01)

    def awake(self) -> None:
        """Let it go on after it stopped."""
        self.signal(signal.SIGCONT)

    def waited(self, seconds: float) -> None:
        """Wait for its end, but not longer."""
        self._process.join(seconds)

    def ending(self) -> Ending:
        """Wait for its end; asked again, the same. Fails when it does not come."""
        if self._ending is None:
            self._ending = self._await_ending()
        return self._ending

    def _await_ending(self) -> Ending:
        try:
            if not self._connection.poll(_PATIENCE):
                self.signal(signal.SIGABRT)  # it says on stderr where it hangs
                raise AssertionError("the launcher does not end")
            report, error, message = self._connection.recv()
        except EOFError:  # it was killed
            report, error, message = None, "", ""
        self._process.join()
        assert self._process.exitcode is not None
        return Ending(self._process.exitcode, report, error, message)


def ended(order: Order) -> Ending:
    """Run a launcher to its end."""
    with started(order) as launcher:
        return launcher.ending()


def raced(orders: Sequence[Order]) -> dict[int, Ending]:
    """How launchers ended that began at the same instant, by process id."""
    with ExitStack() as stack:
        launchers = [stack.enter_context(_made(order)) for order in orders]
        for launcher in launchers:
            launcher.go()
        return {launcher.pid: launcher.ending() for launcher in launchers}


@contextmanager
def started(order: Order) -> Iterator[Launcher]:
    """A launcher at work; it is dead when the block ends."""
    with _made(order) as launcher:
        launcher.go()
        yield launcher


@contextmanager
def _made(order: Order) -> Iterator[Launcher]:
    launcher = Launcher(order)
    try:
        yield launcher
    finally:
        launcher.signal(signal.SIGKILL)
        launcher.waited(10)


def _work(order: Order, parent: Connection) -> None:
    import campaigns.launch.emit
    from campaigns.app import Campaigns
    from campaigns.ledger import claims

    faulthandler.enable()
    campaigns.launch.emit.PUBLISH_EVENTS = PUBLISH_EVENTS
    if order.sleeps_at:
        _sleeping(order)
    if order.lease:
        _replace("LEASE_SECONDS", claims.LEASE_SECONDS, order.lease)
    parent.send(None)
    parent.recv()
    if order.failpoint:
        os.environ["CAMPAIGNS_FAILPOINT"] = order.failpoint
    if order.file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.file_bytes, resource.RLIM_INFINITY))
    try:
        opened = Campaigns(order.root)
        work = {
            "launch": lambda: opened.launch(order.campaign, AS_OF, order.launch_id, rate=order.rate),
            "resume": lambda: opened.resume(order.launch_id, rate=order.rate),
        }
        parent.send((work[order.verb](), "", ""))
    except BaseException as error:  # noqa: BLE001 - told to the test
        parent.send((None, type(error).__name__, str(error)))


def _sleeping(order: Order) -> None:
    """Stop where the order says, but never while the lease is being renewed: the ledger would stay locked."""
    from campaigns.failpoints import reach
    from campaigns.ledger import Ledger

    renew, renewing = Ledger.renew, Lock()
    passed: list[str] = []

    def renewed(ledger: Ledger, launch: Launch) -> None:
        with renewing:
            renew(ledger, launch)

    def reached(name: str) -> None:
        reach(name)
        passed.append(name)
        if name == order.sleeps_at and passed.count(name) == order.sleeps_count:
            with renewing:
                os.kill(os.getpid(), signal.SIGSTOP)

    setattr(Ledger, "renew", renewed)  # noqa: B010
    _replace("reach", reach, reached)


def _replace(name: str, was: object, value: object) -> None:
    """In every module of the engine that uses it."""
    for module in [found for key, found in sys.modules.items() if key.startswith("campaigns.")]:
        if vars(module).get(name) is was:
            setattr(module, name, value)
