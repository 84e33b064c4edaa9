"""Launchers in processes of their own, which tests race, stop, starve and kill."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from support.workspaces import AS_OF

PUBLISH_EVENTS = 50
"""Events in one publish of such a launcher: small, so that a launch has many places to die at."""

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

    `failpoint` is where it dies; `sleeps_at` where it stops, the `sleeps_count`-th time, until SIGCONT;
    `file_bytes` is how large its files may get.
    """

    root: Path
    launch_id: str = "spring"
    verb: str = "launch"
    failpoint: str = ""
    file_bytes: int = 0
    sleeps_at: str = ""
    sleeps_count: int = 1


class Launcher:
    """A running launcher."""

    def __init__(self, order: Order) -> None:
        self._connection, child = _FORKING.Pipe()
        self._process = _FORKING.Process(target=_work, args=(order, child))
        self._process.start()
        child.close()
        self._connection.recv()  # it is there: what it takes to start a process is not part of any delay
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
        """Wait until it has stopped."""
        while psutil.Process(self.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)

    def waited(self, seconds: float) -> None:
        """Wait for its end, but not longer."""
        self._process.join(seconds)

    def ending(self) -> Ending:
        """Wait for its end."""
        try:
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


@contextmanager
def started(order: Order) -> Iterator[Launcher]:
    """A launcher at work; it is dead when the block ends."""
    launcher = Launcher(order)
    try:
        yield launcher
    finally:
        launcher.signal(9)
        launcher.waited(10)


def _sleeper(order: Order) -> Callable[[str], None]:
    passed: list[str] = []

    def reach(name: str) -> None:
        passed.append(name)
        if name == order.sleeps_at and passed.count(name) == order.sleeps_count:
            os.kill(os.getpid(), signal.SIGSTOP)

    return reach


def _work(order: Order, parent: Connection) -> None:
    import campaigns.launch.emit
    from campaigns.app import Campaigns

    campaigns.launch.emit.PUBLISH_EVENTS = PUBLISH_EVENTS
    if order.sleeps_at:
        vars(campaigns.launch.emit)["reach"] = _sleeper(order)
    parent.send(None)
    parent.recv()
    if order.failpoint:
        os.environ["CAMPAIGNS_FAILPOINT"] = order.failpoint
    if order.file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.file_bytes, resource.RLIM_INFINITY))
    try:
        opened = Campaigns(order.root)
        work = {
            "launch": lambda: opened.launch("winback", AS_OF, order.launch_id),
            "resume": lambda: opened.resume(order.launch_id),
        }
        parent.send((work[order.verb](), "", ""))
    except BaseException as error:  # noqa: BLE001 - told to the test
        parent.send((None, type(error).__name__, str(error)))
