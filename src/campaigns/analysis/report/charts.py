"""What the charts of the page are drawn from: places in percent, and the words beside them. The template draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.analysis.report.numbers import Numbers, count, share, signed
from campaigns.analysis.report.rows import Bounds, Row
from campaigns.analysis.report.scale import Scale, scale_over
from campaigns.analysis.report.sentences import funnel

_SETTLED = 3


@dataclass(frozen=True, slots=True)
class Tick:
    """A number of an axis and its place in percent."""

    at: float
    text: str

    @property
    def anchor(self) -> str:
        """How the text hangs on its place, so that it is not cut at an edge."""
        return "start" if self.at < 6 else "end" if self.at > 94 else "middle"


@dataclass(frozen=True, slots=True)
class Span:
    """A line from `start` to `end` in percent; an open end goes on beyond the chart."""

    start: float
    end: float
    open_start: bool
    open_end: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of a forest plot: the estimate and both intervals, each None where it is undefined."""

    row: Row
    estimate: float | None
    fixed: Span | None
    sequential: Span | None


@dataclass(frozen=True, slots=True)
class Forest:
    """Effects under each other on one scale."""

    marks: list[Mark]
    zero: float
    ticks: list[Tick]

    @property
    def drawn(self) -> bool:
        """Whether there is anything to draw."""
        return any(mark.row.bounds.known for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Course:
    """An effect over time with both intervals: polygons and a line as SVG points, 0 to 100 either way, y downwards."""

    name: str
    fixed: str
    sequential: str
    line: str
    zero: float
    days: list[Tick]
    values: list[Tick]
    beyond: bool
    looks: list[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its name, its length in percent of the longest, what is written on it, and where a mark stands on it."""

    name: str
    length: float
    told: str
    mark: float | None = None


def forest(rows: Sequence[Row], numbers: Numbers) -> Forest:
    """A forest plot of the rows."""
    known = [row.bounds.known for row in rows if row.bounds.known]
    scale = scale_over((min(each), max(each)) for each in known)
    return Forest([_mark(row, scale) for row in rows], scale.at(0), _ticks(scale, numbers))


def courses(metric: Mapping[str, Any], numbers: Numbers) -> list[Course]:
    """How each comparison against control went, all on the same scales; none with fewer than two looks."""
    tracks: dict[str, list[tuple[float, Bounds]]] = {}
    for look in metric.get("over_time") or []:
        for each in look["comparisons"]:
            if each["estimate"] is not None:
                bounds = Bounds(
                    *(each[name] for name in ("estimate", "low", "high", "sequential_low", "sequential_high"))
                )
                tracks.setdefault(each["treated"], []).append((look["day"], bounds))
    tracks = {name: track for name, track in tracks.items() if len(track) > 1}
    if not tracks:
        return []
    values = _settled_scale(list(tracks.values()))
    days = Scale(min(track[0][0] for track in tracks.values()), max(track[-1][0] for track in tracks.values()))
    return [_course(name, track, days, values, numbers) for name, track in tracks.items()]


def funnel_bars(document: Mapping[str, Any]) -> list[Bar]:
    """Assigned, held out, and left out by reason."""
    steps = funnel(document)
    longest, total = max(number for _, number in steps), sum(number for _, number in steps)
    return [Bar(name, _length(number, longest), f"{count(number)} ({share(number, total)})") for name, number in steps]


def split_bars(document: Mapping[str, Any]) -> list[Bar]:
    """Customers per variant, and a mark where the weights would have them."""
    observed, expected = document["split"]["observed"], document["split"]["expected"]
    longest = max([*observed.values(), *expected.values(), 1])
    return [
        Bar(name, _length(number, longest), _against(number, expected.get(name)), _place(expected.get(name), longest))
        for name, number in observed.items()
    ]


def _mark(row: Row, scale: Scale) -> Mark:
    found = row.bounds
    return Mark(
        row,
        None if found.estimate is None else scale.at(found.estimate),
        _span(found.low, found.high, scale),
        _span(found.sequential_low, found.sequential_high, scale),
    )


def _span(low: float | None, high: float | None, scale: Scale) -> Span | None:
    if low is None or high is None:
        return None
    return Span(scale.at(low), scale.at(high), not scale.holds(low), not scale.holds(high))


def _ticks(scale: Scale, numbers: Numbers) -> list[Tick]:
    places = scale.ticks()
    step = (places[1] - places[0] if len(places) > 1 else 1) * numbers.scale
    decimals = next((digits for digits in range(7) if abs(step - round(step, digits)) < step * 1e-6), 6)
    return [Tick(scale.at(each), signed(each * numbers.scale, decimals)) for each in places]


def _settled_scale(tracks: Sequence[Sequence[tuple[float, Bounds]]]) -> Scale:
    """Wide enough for the intervals of all but the first third of the looks: those are huge, and go beyond the edge."""
    settled = [[each for _, bounds in track[len(track) // _SETTLED :] for each in bounds.known] for track in tracks]
    return scale_over((min(each), max(each)) for each in settled)


def _course(name: str, track: Sequence[tuple[float, Bounds]], days: Scale, values: Scale, numbers: Numbers) -> Course:
    fixed = [(day, each.low, each.high) for day, each in track]
    sequential = [(day, each.sequential_low, each.sequential_high) for day, each in track]
    ends = [bound for _, low, high in (*fixed, *sequential) for bound in (low, high) if bound is not None]
    return Course(
        name=name,
        fixed=_band(fixed, days, values),
        sequential=_band(sequential, days, values),
        line=_points([(day, each.estimate) for day, each in track if each.estimate is not None], days, values),
        zero=_down(0, values),
        days=[Tick(days.at(day), f"{day:g}") for day in days.ticks() if day == int(day)],
        values=[Tick(100 - tick.at, tick.text) for tick in _ticks(values, numbers)],
        beyond=not all(map(values.holds, ends)),
        looks=[
            (
                f"{day:g}",
                numbers.difference(each.estimate),
                numbers.interval(each.low, each.high),
                numbers.interval(each.sequential_low, each.sequential_high),
            )
            for day, each in track
        ],
    )


def _band(bounds: Sequence[tuple[float, float | None, float | None]], days: Scale, values: Scale) -> str:
    """The outline of an interval over time: along its upper bounds, back along the lower ones."""
    known = [(day, low, high) for day, low, high in bounds if low is not None and high is not None]
    there = [(day, high) for day, _, high in known]
    back = [(day, low) for day, low, _ in reversed(known)]
    return _points([*there, *back], days, values)


def _points(places: Sequence[tuple[float, float]], days: Scale, values: Scale) -> str:
    return " ".join(f"{days.at(day):g},{_down(value, values):g}" for day, value in places)


def _down(value: float, values: Scale) -> float:
    """From the top of the chart; what lies beyond it stays beyond, and is cut there."""
    return round((values.high - value) / (values.high - values.low) * 100, 2)


def _length(number: float, longest: float) -> float:
    return round(number / longest * 100, 2) if longest else 0.0


def _place(expected: float | None, longest: float) -> float | None:
    return None if expected is None else _length(expected, longest)


def _against(number: int, expected: float | None) -> str:
    if not expected:
        return count(number) if expected is None else f"{count(number)}, none expected"
    return f"{count(number)}, expected {expected:,.0f} ({signed((number / expected - 1) * 100, 1)} %)"
