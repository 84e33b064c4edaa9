"""Numbers as people read them: percent for proportions, thousands separated, as many decimals as are known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.definitions.instants import parse_instant

MISSING = "–"
"""What stands for a number that is not defined."""

_MOST_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Numbers:
    """How the numbers of one metric are written. `scale` is 100 for a proportion, whose differences are in points."""

    scale: int = 1
    decimals: int = 2

    @property
    def unit(self) -> str:
        """What a difference is counted in; empty for a plain number."""
        return "points" if self.scale == 100 else ""

    def value(self, number: float | None) -> str:
        """A mean: `4.1 %`, or `1,234.5`."""
        if number is None:
            return MISSING
        return _fixed(number * self.scale, self.decimals) + (" %" if self.unit else "")

    def difference(self, number: float | None) -> str:
        """A difference with its sign and unit: `+0.9 points`."""
        return MISSING if number is None else self._with_unit(signed(number * self.scale, self.decimals))

    def distance(self, number: float) -> str:
        """A difference without its sign, for a sentence that says the direction in words."""
        return self._with_unit(_fixed(abs(number) * self.scale, self.decimals))

    def interval(self, low: float | None, high: float | None) -> str:
        """`0.2 to 1.6`, in the unit of a difference."""
        if low is None or high is None:
            return MISSING
        return f"{self.bound(low)} to {self.bound(high)}"

    def bound(self, number: float) -> str:
        """A difference without unit and without a plus."""
        return _fixed(number * self.scale, self.decimals)

    def _with_unit(self, text: str) -> str:
        return f"{text} {self.unit}".strip()


def numbers_of(metric: Mapping[str, Any]) -> Numbers:
    """How the metric's numbers are written: all with the same decimals, after the narrowest interval."""
    bounds = [each["absolute"] or {} for each in metric["comparisons"]]
    return numbers_for(
        metric["kind"], [(each["high"] - each["low"]) / 2 for each in bounds if each.get("low") is not None]
    )


def numbers_for(kind: str, precisions: Sequence[float]) -> Numbers:
    """How numbers of a kind (`proportion`, `mean` or `ratio`) are written that are known this precisely."""
    scale, least = (100, 1) if kind == "proportion" else (1, 0)
    return Numbers(scale, _decimals([each * scale for each in precisions] or [1.0], least=least))


def percent(fraction: float | None) -> str:
    """A relative difference with its sign: `+28 %`."""
    if fraction is None:
        return MISSING
    return signed(fraction * 100, 1 if abs(fraction) < 0.1 else 0) + " %"


def share(part: float, whole: float) -> str:
    """A part of a whole: `49.9 %`."""
    return MISSING if not whole else _fixed(part / whole * 100, 1) + " %"


def count(number: float | None) -> str:
    """A whole number of things: `1,234`."""
    return MISSING if number is None else _fixed(number, 0)


def signed(number: float, decimals: int) -> str:
    """A number with its sign; what rounds to nothing has none."""
    text = _fixed(number, decimals)
    return text if text.startswith("−") or not text.strip("0.") else f"+{text}"


def p_value(number: float | None) -> str:
    """Two digits that count; never 0."""
    if number is None:
        return MISSING
    return "< 0.0001" if number < 0.0001 else f"{number:.2g}" if number < 0.995 else "1"


def p_equals(number: float | None) -> str:
    """A p-value in a sentence: `p = 0.012`, `p < 0.0001`."""
    text = p_value(number)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def instant(text: str | None) -> str:
    """An instant of a document as people read it: `2026-06-15 00:00 UTC`."""
    return MISSING if text is None else f"{parse_instant(text):%Y-%m-%d %H:%M} UTC"


def _decimals(halves: Iterable[float], least: int) -> int:
    """Decimals that give the narrowest interval's half width about two digits that count."""
    narrowest = min((half for half in halves if half > 0), default=1.0)
    return min(max(math.ceil(-math.log10(narrowest / 3)), least), _MOST_DECIMALS)


def _fixed(number: float, decimals: int) -> str:
    """Thousands separated, a real minus sign, no minus before nothing."""
    text = f"{abs(number):,.{decimals}f}"
    return f"−{text}" if number < 0 and text.strip("0.,") else text
