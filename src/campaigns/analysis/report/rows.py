"""Comparisons as rows of words and numbers, the same for the terminal and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.analysis.report.numbers import Numbers, count, p_value, percent

HOLDOUT = "holdout"
CAMPAIGN = "campaign"
"""The names of the two groups that are no variants: who was held out, and everybody assigned."""

UNTRUSTED = "not to be trusted"
UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True)
class Bounds:
    """An estimate with its fixed interval and its confidence sequence, as numbers for drawing; None is undefined."""

    estimate: float | None
    low: float | None
    high: float | None
    sequential_low: float | None = None
    sequential_high: float | None = None

    @property
    def known(self) -> list[float]:
        """Those that are defined."""
        all_of_them = (self.estimate, self.low, self.high, self.sequential_low, self.sequential_high)
        return [each for each in all_of_them if each is not None]


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison, written for people. `valid` is the interval that may be read now; `direction` +1, -1 or 0.

    0 means that no difference is shown.
    """

    label: str
    customers: str
    treated_mean: str
    against_mean: str
    difference: str
    relative: str
    fixed: str
    sequential: str
    p_value: str
    p_value_adjusted: str
    variance_reduction: str
    valid: str
    verdict: str
    direction: int
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Context:
    """What decides how a metric's comparisons are read: whether the split is trusted, and the windows are closed."""

    numbers: Numbers
    trusted: bool
    complete: bool
    confidence: float

    @property
    def sure(self) -> str:
        """The confidence of the intervals as text: `95 %`."""
        return f"{self.confidence * 100:g} %"

    @property
    def alpha(self) -> float:
        """Below which p-value a difference is shown."""
        return 1 - self.confidence


def against(metric: Mapping[str, Any], *, holdout: bool) -> list[Mapping[str, Any]]:
    """The metric's comparisons against the holdout, or all the others, which are against control."""
    return [each for each in metric["comparisons"] if (each["against"] == HOLDOUT) == holdout]


def rows(metric: Mapping[str, Any], comparisons: Sequence[Mapping[str, Any]], context: Context) -> list[Row]:
    """A row for each of the comparisons."""
    return [_row(metric, each, context) for each in comparisons]


def bounds_of(comparison: Mapping[str, Any]) -> Bounds:
    """The numbers of a comparison of the document."""
    absolute, sequential = comparison.get("absolute") or {}, comparison.get("sequential") or {}
    return Bounds(
        *(absolute.get(name) for name in ("estimate", "low", "high")),
        *(sequential.get(name) for name in ("low", "high")),
    )


def relative_of(comparison: Mapping[str, Any]) -> float | None:
    """The relative difference; None where it is undefined, or says nothing: a percentage of what is below 0."""
    base, relative = comparison["against_mean"], comparison["relative"]
    return None if relative is None or base is None or base <= 0 else relative["estimate"]


def verdict(comparison: Mapping[str, Any], context: Context) -> tuple[str, int]:
    """What the comparison shows, in words and as a direction, in the readings that are valid now."""
    estimate = bounds_of(comparison).estimate
    if not context.trusted:
        return UNTRUSTED, 0
    if estimate is None:
        return UNDEFINED, 0
    significant = comparison["significant"]
    readings = [name for name in ("fixed", "sequential") if significant[name] and (context.complete or name != "fixed")]
    if not readings:
        return "no difference shown" + ("" if context.complete else " yet"), 0
    where = "both readings" if len(readings) == 2 else f"{readings[0]} reading" + (" only" if context.complete else "")
    return f"{'higher' if estimate > 0 else 'lower'}: {where}", 1 if estimate > 0 else -1


def main_effects(metric: Mapping[str, Any], context: Context) -> list[Row]:
    """The effect of each factor's levels, averaged over the other factors; none without factors."""
    found = (metric["factors"] or {}).get("main", [])
    return [
        _factor_row(f"{each['factor']}: {each['level']} against {each['against']}", each, context) for each in found
    ]


def interactions(metric: Mapping[str, Any], context: Context) -> list[Row]:
    """By how much two levels together do more or less than the sum of both; none without factors."""
    found = (metric["factors"] or {}).get("interactions", [])
    return [_factor_row(_together(each), each, context) for each in found]


def group_name(name: str) -> str:
    """A group as a row calls it; what crosses factors, `subject=a,incentive=none`, may then be broken at a space."""
    return {CAMPAIGN: "the whole campaign"}.get(name, name.replace(",", ", "))


def _row(metric: Mapping[str, Any], comparison: Mapping[str, Any], context: Context) -> Row:
    numbers, found = context.numbers, bounds_of(comparison)
    told, direction = verdict(comparison, context)
    group = metric["groups"].get(comparison["treated"]) or {}
    fixed = numbers.interval(found.low, found.high)
    sequential = numbers.interval(found.sequential_low, found.sequential_high)
    reduction = comparison.get("variance_reduction")
    return Row(
        label=group_name(comparison["treated"]),
        customers=count(group.get("n")),
        treated_mean=numbers.value(comparison["treated_mean"]),
        against_mean=numbers.value(comparison["against_mean"]),
        difference=numbers.difference(found.estimate),
        relative=percent(relative_of(comparison)),
        fixed=fixed,
        sequential=sequential,
        p_value=p_value(comparison["p_value"]),
        p_value_adjusted=p_value(comparison["p_value_adjusted"]),
        valid=fixed if context.complete else sequential,
        variance_reduction="" if reduction is None else f"{reduction:.0%}".replace("%", " %"),
        verdict=told,
        direction=direction,
        bounds=found,
    )


def _factor_row(label: str, effect: Mapping[str, Any], context: Context) -> Row:
    numbers, found = context.numbers, bounds_of(effect)
    told, direction = _factor_verdict(effect, context)
    fixed = numbers.interval(found.low, found.high)
    return Row(
        label=label,
        customers="",
        treated_mean="",
        against_mean="",
        difference=numbers.difference(found.estimate),
        relative="",
        fixed=fixed,
        sequential="",
        p_value=p_value(effect["p_value"]),
        p_value_adjusted=p_value(effect["p_value_adjusted"]),
        variance_reduction="",
        valid=fixed if context.complete else "",
        verdict=told,
        direction=direction,
        bounds=found,
    )


def _factor_verdict(effect: Mapping[str, Any], context: Context) -> tuple[str, int]:
    """Factors have the fixed reading only."""
    estimate, adjusted = bounds_of(effect).estimate, effect["p_value_adjusted"]
    if not context.trusted:
        return UNTRUSTED, 0
    if estimate is None or adjusted is None:
        return UNDEFINED, 0
    if not context.complete:
        return "not valid yet", 0
    if adjusted >= context.alpha:
        return "no difference shown", 0
    return ("higher", 1) if estimate > 0 else ("lower", -1)


def _together(effect: Mapping[str, Any]) -> str:
    return " with ".join(f"{name}={level}" for name, level in zip(effect["factors"], effect["levels"], strict=True))
