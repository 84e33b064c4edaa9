"""The answer of an experiment, as one document: the frame, the split, every metric compared, over time and by value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from campaigns.analysis.compare import Compared, comparisons, document_of, factors_of, kind_of
from campaigns.analysis.frame import HOLDOUT, Frame, Part, framed, valued
from campaigns.analysis.outcomes import Column, Group, capped, collected, looked, totals
from campaigns.analysis.strata import by_split
from campaigns.definitions import Workspace
from campaigns.definitions.instants import format_instant
from campaigns.definitions.metrics import Metric
from campaigns.engines.port import Engine, Query
from campaigns.errors import NotFound
from campaigns.experiment.split import SUSPICIOUS, split_p_value
from campaigns.ledger import State
from campaigns.plan.compile import Tables
from campaigns.statistics import Moments, holm, pooled

MOST_LOOKS = 30
"""Points of a curve over time: a longer time has fewer than one a day."""

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an experiment: its launches, oldest first, and the metrics, at an instant."""

    experiment: str
    parts: Sequence[Part]
    purged: int
    workspace: Workspace
    metrics: Sequence[str]
    as_of: datetime
    by: str | None = None

    @property
    def control(self) -> str:
        """The baseline, as the last launch has it."""
        return self.parts[-1].experiment.control


def analyze(
    question: Question,
    engine: Engine,
    tables: Tables,
    states: Mapping[str, str],
    values: Sequence[Query] | None = None,
) -> dict[str, Any]:
    """The document of an analysis. `tables` are the attached event tables, `states` the launches' states by id.

    `values` tell the attribute `by` of each launch's customers, see `valued`; not needed for the tenant.
    Raises NotFound when no launch had happened, InvalidDefinition for metrics that cannot be measured and for an
    attribute of too many values, InvalidData for broken sources.
    """
    question = replace(question, parts=_until(question))
    frame = framed(engine, question.parts)
    metrics = {name: question.workspace.metrics[name] for name in question.metrics}
    looks = looks_of(question, metrics.values())
    if not frame.exposed:
        raise NotFound(f"experiment {question.experiment!r}: no launch assigned or held out anybody by chance")
    columns = collected(engine, question.workspace, list(metrics), tables, question.as_of, looks) if metrics else []
    columns = capped(engine, columns, metrics)
    groups = totals(engine, frame, columns) if columns else {}
    over_time = looked(engine, frame, columns, looks) if columns else []
    split = _split(frame)
    measured = [
        _metric(question, frame, name, metric, groups[name], [look[name] for look in over_time], looks, columns)
        for name, metric in metrics.items()
    ]
    _adjust(measured, question.control)
    return {
        "experiment": question.experiment,
        "control": question.control,
        "as_of": format_instant(question.as_of),
        "confidence": CONFIDENCE,
        "launches": [_launch(part, states, frame, number) for number, part in enumerate(question.parts)],
        "customers": frame.exposed,
        "left_out": {
            "forced": frame.forced,
            "suppressed": dict(frame.suppressed),
            "crossovers": frame.crossovers,
            "purged_launches": question.purged,
        },
        "split": split,
        "trusted": split["trusted"],
        "strata": len(_splits(frame)),
        "warnings": _warnings(question, states, frame, measured),
        "metrics": measured,
        "by": _by(question, engine, frame, columns, values) if question.by else None,
        "reading": {
            "fixed": "valid if looked at once, when all windows have closed",
            "sequential": "valid at every look",
        },
    }


def _until(question: Question) -> list[Part]:
    """The launches that had happened at the instant. Raises NotFound when none had."""
    parts = [part for part in question.parts if part.as_of <= question.as_of]
    if not parts:
        raise NotFound(
            f"experiment {question.experiment!r}: no launch until {format_instant(question.as_of)}; "
            f"the first was at {format_instant(question.parts[0].as_of)}"
        )
    return parts


def _by(
    question: Question, engine: Engine, frame: Frame, columns: Sequence[Column], values: Sequence[Query] | None
) -> dict[str, Any]:
    """The metrics for each value of an attribute, without their course over time."""
    told, groups = [], {}
    found = valued(engine, values and values[: len(question.parts)])
    if columns:
        groups = totals(engine, frame, columns, by=True)
    for value in found:
        mine = {name: _only(each, value) for name, each in groups.items()}
        measured = [
            _metric(question, frame, name, question.workspace.metrics[name], mine[name], [], [], columns)
            for name in question.metrics
        ]
        _adjust(measured, question.control)
        customers: dict[str, int] = {}
        for group, moments in next(iter(mine.values()), {}).items():
            customers[group.arm] = customers.get(group.arm, 0) + moments.n
        told.append({"value": value, "customers": customers, "metrics": measured})
    return {"attribute": question.by, "values": told}


def looks_of(question: Question, metrics: Iterable[Metric]) -> list[datetime]:
    """Whole days since the first exposure until everything is known, and that instant; at most MOST_LOOKS."""
    first, last = question.parts[0].as_of, question.parts[-1].as_of
    ends = [metric.within.after(last) for metric in metrics]
    if not ends:
        return []
    end = min(question.as_of, max(ends))
    days = []
    for day in count(1):
        at = first + timedelta(days=day)
        if at >= end:
            break
        days.append(at)
    if len(days) >= MOST_LOOKS:
        step = len(days) / (MOST_LOOKS - 1)
        days = [days[round(number * step)] for number in range(MOST_LOOKS - 1)]
    return [*days, end] if end > first else []


def _metric(
    question: Question,
    frame: Frame,
    name: str,
    metric: Metric,
    groups: Mapping[Group, Moments],
    over_time: Sequence[Mapping[Group, Moments]],
    looks: Sequence[datetime],
    columns: Sequence[Column],
) -> dict[str, Any]:
    complete_at = metric.within.after(question.parts[-1].as_of)
    compared = comparisons(frame, metric, groups, over_time, question.control, CONFIDENCE)
    caps = [
        column.cap for column in columns if column.metric == name and column.cap is not None and not column.sum.before
    ]
    return {
        "metric": name,
        "kind": str(kind_of(metric)),
        "what": metric.what,
        "within": str(metric.within),
        "covariate": str(metric.covariate) if metric.covariate else None,
        "winsorized_at": caps[0] if caps else None,
        "complete": question.as_of >= complete_at,
        "complete_at": format_instant(complete_at),
        "groups": _groups(frame, metric, groups),
        "comparisons": [document_of(each) for each in compared],
        "over_time": [
            _look(question.parts[0].as_of, at, number, [each for each in compared if each.against == question.control])
            for number, at in enumerate(looks[: len(over_time)])
        ],
        "factors": factors_of(question.parts[-1].experiment, frame, metric, groups, CONFIDENCE),
    }


def _groups(frame: Frame, metric: Metric, groups: Mapping[Group, Moments]) -> dict[str, Any]:
    """n, mean and standard deviation of every arm, of all arms together and of who was held out."""
    found = {arm: [moments for group, moments in groups.items() if group.arm == arm] for arm in [*frame.arms, HOLDOUT]}
    everyone = [moments for group, moments in groups.items() if group.arm != HOLDOUT]
    if found[HOLDOUT]:
        found["campaign"] = everyone
    return {arm: _described(metric, pooled(parts)) for arm, parts in found.items() if parts}


def _described(metric: Metric, moments: Moments) -> dict[str, Any]:
    if metric.ratio is None:
        return {
            "n": moments.n,
            "mean": moments.mean["value"],
            "standard_deviation": moments.cov["value", "value"] ** 0.5,
        }
    denominator = moments.mean["denominator"]
    mean = moments.mean["value"] / denominator if denominator else None
    return {"n": moments.n, "mean": mean, "standard_deviation": None}


def _look(first: datetime, at: datetime, number: int, compared: Sequence[Compared]) -> dict[str, Any]:
    return {
        "at": format_instant(at),
        "day": -(-(at - first) // timedelta(days=1)),
        "comparisons": [found for each in compared if (found := each.look(number)) is not None],
    }


def _splits(frame: Frame) -> list[list[int]]:
    """Numbers of strata that were split alike and assigned somebody."""
    return [
        numbers
        for numbers in by_split(frame.strata)
        if any(n for number in numbers for arm, n in frame.customers.get(number, {}).items() if arm != HOLDOUT)
    ]


def _split(frame: Frame) -> dict[str, Any]:
    observed, expected = dict.fromkeys(frame.arms, 0), dict.fromkeys(frame.arms, 0.0)
    counts, weights = [], []
    for numbers in _splits(frame):
        assigned = {arm: sum(frame.customers.get(n, {}).get(arm, 0) for n in numbers) for arm in frame.arms}
        split = frame.strata[numbers[0]].weights
        counts.append({arm: n for arm, n in assigned.items() if n})
        weights.append(split)
        for arm, n in assigned.items():
            observed[arm] += n
        for arm, weight in split.items():
            expected[arm] += sum(assigned.values()) * weight / sum(split.values())
    p_value = split_p_value(counts, weights)
    return {
        "p_value": p_value,
        "threshold": SUSPICIOUS,
        "trusted": p_value is None or p_value >= SUSPICIOUS,
        "observed": observed,
        "expected": expected,
    }


def _launch(part: Part, states: Mapping[str, str], frame: Frame, number: int) -> dict[str, Any]:
    return {
        "launch_id": part.launch_id,
        "campaign": part.definition.campaign.campaign,
        "as_of": format_instant(part.as_of),
        "state": states[part.launch_id],
        "weights": part.experiment.arms,
        "assigned": frame.assigned[number],
    }


def _adjust(metrics: Sequence[dict[str, Any]], control: str) -> None:
    """Holm's correction over everything that is compared with control, and over what is compared with the holdout."""
    families: dict[str, list[dict[str, Any]]] = {}
    for metric in metrics:
        for each in metric["comparisons"]:
            families.setdefault("control" if each["against"] == control else HOLDOUT, []).append(each)
        for kind in ("main", "interactions") if metric["factors"] else ():
            families.setdefault(kind, []).extend(metric["factors"][kind])
    for family in families.values():
        known = [each for each in family if each["p_value"] is not None]
        for each, adjusted in zip(known, holm([each["p_value"] for each in known]), strict=True):
            each["p_value_adjusted"] = adjusted
            if "significant" in each:
                each["significant"]["fixed"] = adjusted < 1 - CONFIDENCE


def _warnings(
    question: Question, states: Mapping[str, str], frame: Frame, metrics: Sequence[Mapping[str, Any]]
) -> list[str]:
    told = [
        f"launch {part.launch_id} is {states[part.launch_id]}: everybody whom it assigned counts, whether or not the "
        "event left (intention to treat)"
        for part in question.parts
        if states[part.launch_id] != State.COMPLETED
    ]
    if len(_splits(frame)) > 1:
        told.append(
            f"customers were split by {len(_splits(frame))} different sets of weights; each is compared with its own, "
            "because pooling them would mislead (Simpson's paradox)"
        )
    empty = [arm for arm in question.parts[-1].experiment.arms if not frame.count(arm)]
    if empty:
        told.append(f"nobody was assigned to {', '.join(empty)}")
    if any(part.experiment.unit for part in question.parts):
        told.append("customers who share a unit are not independent: intervals are too narrow")
    if frame.count(HOLDOUT) and frame.late:
        told.append(
            f"{frame.late:,} customers waited for their launch (allocation, test): they are not compared with the "
            "holdout, which was drawn before"
        )
    if frame.crossovers:
        told.append(f"{frame.crossovers:,} customers got another variant in a later launch; they count in their first")
    if question.purged:
        told.append(f"{question.purged} launches were purged: their customers are not counted")
    told += [
        f"{metric['metric']}, {each['treated']} against {each['against']}: {each['left_out']:,} customers are left "
        "out, who were split by weights by which next to nobody can be compared"
        for metric in metrics
        for each in metric["comparisons"]
        if each["left_out"]
    ]
    told += [
        f"{metric['metric']}: values above {metric['winsorized_at']:g} count as that (winsorized)"
        for metric in metrics
        if metric["winsorized_at"] is not None
    ]
    told += [
        f"{metric['metric']}: its windows close at {metric['complete_at']}; until then only the sequential "
        "reading holds"
        for metric in metrics
        if not metric["complete"]
    ]
    return told


def _only(groups: Mapping[Group, Moments], value: str | None) -> dict[Group, Moments]:
    return {group: moments for group, moments in groups.items() if group.value == value}
