"""Groups of one metric compared: each arm with control, everybody with who was held out, factors by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.analysis.frame import HOLDOUT, Frame
from campaigns.analysis.outcomes import Group, pairs_of
from campaigns.analysis.strata import by_chance_of_holdout, by_split
from campaigns.definitions import Experiment, arm_name
from campaigns.definitions.metrics import Metric
from campaigns.statistics import (
    Bounds,
    Effect,
    Interval,
    Kind,
    Moments,
    confidence_sequence,
    effect,
    factorial,
    pooled,
)

CAMPAIGN = "campaign"
"""How documents call all assigned customers together."""

_Strata = list[Moments]


@dataclass(frozen=True, slots=True)
class Compared:
    """One group against another: with all outcomes, and at each look as it could have been read then."""

    treated: str
    against: str
    effect: Effect | None
    looks: Sequence[Effect | None]
    bounds: Sequence[Bounds | None]

    def look(self, number: int) -> dict[str, Any] | None:
        """What was known at a look; None before anything was."""
        found, bounds = self.looks[number], self.bounds[number]
        if found is None:
            return None
        return {
            "treated": self.treated,
            "against": self.against,
            "estimate": found.absolute.estimate,
            "low": found.absolute.low,
            "high": found.absolute.high,
            "sequential_low": bounds.low if bounds else None,
            "sequential_high": bounds.high if bounds else None,
        }


def kind_of(metric: Metric) -> Kind:
    """What a metric is of a group of customers."""
    if metric.ratio is not None:
        return Kind.RATIO
    return Kind.PROPORTION if metric.exists is not None else Kind.MEAN


def comparisons(
    frame: Frame,
    metric: Metric,
    groups: Mapping[Group, Moments],
    over_time: Sequence[Mapping[Group, Moments]],
    control: str,
    confidence: float,
) -> list[Compared]:
    """Each arm against control; where somebody was held out, each arm and the whole campaign against them.

    With control, customers of all launches who were split alike are one stratum. With the holdout, only those are
    compared whom the same launch met first, under the same holdouts: among others, something else than chance decided.
    """
    wanted = [(arm, control) for arm in frame.arms if arm != control]
    if frame.count(HOLDOUT):
        wanted += [(arm, HOLDOUT) for arm in (*frame.arms, CAMPAIGN)]
    return [_compared(frame, metric, groups, over_time, pair, confidence) for pair in wanted]


def document_of(compared: Compared) -> dict[str, Any]:
    """A comparison as the document has it; what is undefined is null."""
    found, bounds = compared.effect, compared.bounds[-1] if compared.bounds else None
    return {
        "treated": compared.treated,
        "against": compared.against,
        "treated_mean": found.treated if found else None,
        "against_mean": found.control if found else None,
        "absolute": _interval(found.absolute if found else None),
        "relative": _interval(found.relative if found else None),
        "standard_error": found.standard_error if found else None,
        "p_value": found.p_value if found else None,
        "p_value_adjusted": None,
        "variance_reduction": found.variance_reduction if found else None,
        "left_out": found.left_out if found else 0,
        "sequential": {
            "low": bounds.low if bounds else None,
            "high": bounds.high if bounds else None,
            "relative_low": bounds.relative_low if bounds else None,
            "relative_high": bounds.relative_high if bounds else None,
        },
        "significant": {
            "fixed": False,
            "sequential": bool(bounds and (bounds.low > 0 or bounds.high < 0)),
        },
    }


def factors_of(
    experiment: Experiment, frame: Frame, metric: Metric, groups: Mapping[Group, Moments], confidence: float
) -> dict[str, Any] | None:
    """Main effects and two-way interactions of a factorial experiment; None without factors."""
    if not experiment.factors:
        return None
    parts = by_split(frame.strata)
    cells = {tuple(levels.values()): _strata(metric, groups, arm_name(levels), parts) for levels in experiment.cells}
    levels = {factor: list(levels) for factor, levels in experiment.factors.items()}
    found = factorial(cells, levels, kind_of(metric), covariate=bool(metric.covariate), confidence=confidence)
    return {
        "main": [
            {
                "factor": each.factors[0],
                "level": each.levels[0],
                "against": each.against[0],
                "absolute": _interval(each.absolute),
                "p_value": each.p_value,
                "p_value_adjusted": None,
            }
            for each in found.main
        ],
        "interactions": [
            {
                "factors": list(each.factors),
                "levels": list(each.levels),
                "absolute": _interval(each.absolute),
                "p_value": each.p_value,
                "p_value_adjusted": None,
            }
            for each in found.interactions
        ],
    }


def _compared(
    frame: Frame,
    metric: Metric,
    groups: Mapping[Group, Moments],
    over_time: Sequence[Mapping[Group, Moments]],
    pair: tuple[str, str],
    confidence: float,
) -> Compared:
    parts = by_chance_of_holdout(frame.strata) if HOLDOUT in pair else by_split(frame.strata)

    def found(groups: Mapping[Group, Moments]) -> tuple[Effect | None, int, int]:
        treated, control = (_strata(metric, groups, arm, parts) for arm in pair)
        known = effect(treated, control, kind_of(metric), covariate=bool(metric.covariate), confidence=confidence)
        return known, sum(each.n for each in treated), sum(each.n for each in control)

    looks = [found(look) for look in over_time]
    known = [(each, treated, control) for each, treated, control in looks if each is not None]
    bounds = iter(confidence_sequence(known, confidence))
    return Compared(
        *pair,
        found(groups)[0],
        [each for each, _, _ in looks],
        [None if each is None else next(bounds) for each, _, _ in looks],
    )


def _strata(metric: Metric, groups: Mapping[Group, Moments], arm: str, parts: Sequence[Sequence[int]]) -> _Strata:
    """The moments of an arm in each part of the strata, none where nobody is."""
    found = []
    for numbers in parts:
        mine = [
            moments
            for group, moments in groups.items()
            if group.stratum in numbers and (group.arm != HOLDOUT if arm == CAMPAIGN else group.arm == arm)
        ]
        found.append(pooled(mine) if mine else _nobody(metric))
    return found


def _nobody(metric: Metric) -> Moments:
    names, pairs = pairs_of(metric)
    return Moments(0, dict.fromkeys(names, 0.0), dict.fromkeys(pairs, 0.0))


def _interval(interval: Interval | None) -> dict[str, float] | None:
    if interval is None:
        return None
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
