"""Every error the engine raises on purpose. The class says who must act; the message says what to change.

CampaignsError
├── InvalidDefinition     the author must fix the workspace, the campaign or an argument
├── InvalidData           whoever owns a source must fix it
├── NotFound              the campaign, launch, customer or workspace does not exist
├── Conflict              the launch belongs to another definition, or to a launcher that is alive
├── Unavailable           a dependency is down or full; the same call may succeed later
├── NeedsConfirmation     the call would do something that cannot be undone
├── Damaged               frozen state fails its checksum: restore it, never decide again
└── Stopped               the launch was paused or cancelled by a person, or has expired
    └── Terminated        the launcher was asked to end (SIGTERM): it drained and let go
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class CampaignsError(Exception):
    """Base of every error that a caller may want to handle."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing an author must fix, with its place.

    `file` is relative to the workspace; `line` and `column` count from 1 and are 0 when the place is unknown.
    `excerpt` is the offending line of the file, `length` the number of characters to underline from `column`.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    length: int = 1
    excerpt: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        text = place + self.message
        if not self.excerpt:
            return text
        return f"{text}\n    {self.excerpt}\n    {' ' * (self.column - 1)}{'^' * max(1, self.length)}"


class InvalidDefinition(CampaignsError):
    """The author must fix the definition; trying again cannot help. Carries every problem found at once."""

    def __init__(self, problems: str | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (Problem(problems),) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InvalidData(CampaignsError):
    """A source cannot be read as declared: missing file or column, wrong type, broken encoding."""


class NotFound(CampaignsError):
    """The named workspace, campaign, launch or customer does not exist."""


class Conflict(CampaignsError):
    """The launch id belongs to another definition, or another launcher owns the launch."""


class Unavailable(CampaignsError):
    """A dependency (stream, ledger, disk) is down or full; the same call may succeed later."""


class NeedsConfirmation(CampaignsError):
    """The call cannot be undone and was not confirmed."""


class Damaged(CampaignsError):
    """A snapshot or the ledger does not match its checksum; nothing was emitted from it."""


class Stopped(CampaignsError):
    """The launch was paused, cancelled or has expired; it emits nothing until it is resumed, if ever."""


class Terminated(Stopped):
    """The launcher was asked to end: what the stream has is checkpointed, the launch may be resumed at once."""
