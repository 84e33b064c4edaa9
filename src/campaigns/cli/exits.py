"""Exit codes: the one place that knows them."""

from __future__ import annotations

from campaigns.errors import (
    Conflict,
    Damaged,
    InvalidData,
    InvalidDefinition,
    NeedsConfirmation,
    NotFound,
    Stopped,
    Terminated,
    Unavailable,
)

DONE = 0
USAGE = 2
QUARANTINED = 6
INTERNAL = 70


class Interrupted(Exception):
    """A person pressed Ctrl-C; the message says what is done and how to go on."""


EXIT: dict[type[BaseException], int] = {
    InvalidDefinition: 3,
    InvalidData: 3,
    NotFound: 4,
    Conflict: 5,
    Unavailable: 7,
    OSError: 7,
    NeedsConfirmation: 8,
    Damaged: 9,
    Stopped: 10,
    Terminated: 143,
    Interrupted: 130,
    KeyboardInterrupt: 130,
    BrokenPipeError: 141,
}
"""The exit code of an error is that of its nearest class here."""


def nearest(error: BaseException) -> type[BaseException] | None:
    """The class that decides the exit code; None for an error nobody expected."""
    return next((each for each in type(error).__mro__ if each in EXIT), None)
