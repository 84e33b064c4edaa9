"""A figure: what was measured, against what, and the bar it is held to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Bar:
    """What the ratio must reach or not exceed; without a ratio, the figure itself."""

    kind: Literal["at least", "at most"]
    limit: float

    def met_by(self, value: float) -> bool:
        """Whether the bar holds."""
        return value >= self.limit if self.kind == "at least" else value <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value in `unit`; `other` is the same of `against`, in the same unit."""

    what: str
    value: float
    unit: str
    against: str = ""
    other: float | None = None
    bar: Bar | None = None

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of the other one; None where nothing is compared."""
        return None if self.other is None else self.value / self.other

    @property
    def met(self) -> bool | None:
        """Whether the bar holds; None without a bar."""
        judged = self.value if self.ratio is None else self.ratio
        return None if self.bar is None else self.bar.met_by(judged)

    def document(self) -> dict[str, Any]:
        """The figure as JSON, with what follows from it."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}

    @classmethod
    def load(cls, document: dict[str, Any]) -> Figure:
        """The figure of a `document`."""
        fields = {name: document[name] for name in cls.__slots__}
        return cls(**fields | {"bar": Bar(**document["bar"]) if document["bar"] else None})


def at_least(limit: float) -> Bar:
    """A bar that more clears."""
    return Bar("at least", limit)


def at_most(limit: float) -> Bar:
    """A bar that less clears."""
    return Bar("at most", limit)


def shown(value: float, unit: str = "") -> str:
    """A value for people: three digits, and M for millions."""
    if value >= 1e6:
        text = f"{value / 1e6:.2f} M"
    elif value >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.2f}" if value < 10 else f"{value:.1f}"
    return f"{text} {unit}".rstrip()
