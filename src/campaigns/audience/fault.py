"""The one exception of the rule language."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.errors import CampaignsError


class RuleError(CampaignsError):
    """The author must fix the rule.

    `start` and `end` are offsets into the rule text, counted in code points, `end` excluded. `errors` holds
    every error that was found, in the order of the text; this exception speaks for the first of them.
    """

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.errors: tuple[RuleError, ...] = (self,)

    @classmethod
    def of(cls, errors: Sequence[RuleError]) -> RuleError:
        """Return one exception that carries all `errors` (at least one)."""
        ordered = sorted(errors, key=lambda error: (error.start, error.end))
        first = cls(ordered[0].message, ordered[0].start, ordered[0].end)
        first.errors = tuple(ordered)
        return first
