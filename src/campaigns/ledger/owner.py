"""Who works on a launch: a process on a host, recognizable after a restart and after its pid was given away again."""

from __future__ import annotations

import getpass
import os
import platform
from dataclasses import dataclass

import psutil

_START_TOLERANCE = 2.0
"""Seconds by which a process's start may be reported differently after the clock was set."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A launcher. `started` is when its process began, seconds since the epoch."""

    host: str
    pid: int
    started: float

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return cls(platform.node(), os.getpid(), psutil.Process().create_time())

    def surely_dead(self) -> bool:
        """True only when this host can tell that the process is gone: never for a process of another host."""
        if self.host != platform.node():
            return False
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) <= _START_TOLERANCE
            return not same or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def person() -> str:
    """Who gives this process its orders, for the audit: user, host and process."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name (OSError from Python 3.13 on)
        user = f"user {os.getuid()}"
    return f"{user} on {platform.node()} (process {os.getpid()})"
