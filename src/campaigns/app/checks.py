"""One thing that doctor looked at, and the words it uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from campaigns import errors

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Check:
    """What one look found. `kind` is the error that a launch would meet, None when all is well."""

    check: str
    found: str
    advice: str = ""
    kind: type[Exception] | None = None

    def document(self) -> dict[str, Any]:
        """The check as JSON shows it."""
        kind = _public(self.kind) if self.kind else None
        return {"check": self.check, "ok": kind is None, "found": self.found, "advice": self.advice, "kind": kind}


def about(number: int, one: str, many: str | None = None) -> str:
    """A number of things."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(number: float) -> str:
    """A number of bytes, in units of a thousand."""
    unit = 0
    while number >= 1000 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:,.1f} {_UNITS[unit]}" if unit else f"{number:,.0f} {_UNITS[unit]}"


def _public(kind: type[Exception]) -> str:
    """The nearest class of the tree of errors."""
    return next((each.__name__ for each in kind.__mro__ if each.__module__ == errors.__name__), "Internal")
