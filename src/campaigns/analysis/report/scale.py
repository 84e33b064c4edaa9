"""From numbers to places on a chart, in percent of its width or height."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

_MOST_TICKS = 6
_STEPS = (1, 2, 5, 10)
_WIDEST = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """The part of the number line that a chart shows; `low` < `high`."""

    low: float
    high: float

    def at(self, number: float) -> float:
        """Where the number is, 0 to 100; what lies beyond is at the edge."""
        part = (number - self.low) / (self.high - self.low)
        return round(min(max(part, 0.0), 1.0) * 100, 2)

    def holds(self, number: float) -> bool:
        """Whether the number is on the chart."""
        return self.low <= number <= self.high

    def ticks(self) -> list[float]:
        """Round numbers on the scale, two to six."""
        step = _round_step((self.high - self.low) / _MOST_TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def scale_over(extents: Iterable[tuple[float, float]]) -> Scale:
    """A scale that shows 0 and all the extents, (low, high) each, with a little air.

    An extent many times as wide as most would press the others together: it goes beyond the edge.
    """
    known = list(extents) or [(0.0, 0.0)]
    limit = _WIDEST * median(high - low for low, high in known)
    lows, highs = zip(*known, strict=True)
    middle = [(low + high) / 2 for low, high in known]
    low = min(0.0, max(min(lows), min(middle) - limit / 2))
    high = max(0.0, min(max(highs), max(middle) + limit / 2))
    air = (high - low) * 0.04 or 1.0
    return Scale(low - air, high + air)


def _round_step(wanted: float) -> float:
    power = 10.0 ** math.floor(math.log10(wanted))
    return power * next(step for step in _STEPS if step * power >= wanted * (1 - 1e-9))
