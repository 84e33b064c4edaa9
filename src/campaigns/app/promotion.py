"""Promotion: the launch that sends the winner of a test to everybody who waited for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from campaigns.definitions import Definition, Experiment, Promotion
from campaigns.definitions.instants import format_instant, parse_instant
from campaigns.errors import Conflict, InvalidDefinition
from campaigns.launch.definition import definition_of
from campaigns.ledger import Launch, State

SUFFIX = "-winner"
"""What the id of a promotion adds to that of its test: a test has one, so that nobody gets two."""

Analyze = Callable[[Launch, str, datetime], Mapping[str, Any]]
"""(test, metric, instant) -> the analysis of the test alone at that instant."""


def promotion_of(test: Launch, variant: str | None, now: datetime, analyze: Analyze) -> Definition:
    """What the promotion of a test launches: its own frozen definition, with the winner.

    Without a `variant` the analysis decides, as the test says, and only if it may be trusted. Raises Conflict when
    there is nothing to promote or nothing was decided, InvalidDefinition for a variant that does not exist.
    """
    definition = definition_of(test)
    experiment = definition.campaign.experiment
    if experiment is None or experiment.test is None or definition.promotes is not None:
        raise Conflict(f"launch {test.launch_id!r} was no test: nobody waits for a winner")
    if test.state != State.COMPLETED:
        raise Conflict(f"launch {test.launch_id!r} is {test.state}; only a completed test can be promoted")
    if test.purged_at:
        raise Conflict(f"launch {test.launch_id!r} was purged: who waited for its winner is not known any more")
    if variant is None:
        variant = _winner(test, experiment, now, analyze)
    if variant not in experiment.arms:
        raise InvalidDefinition(f"unknown variant {variant!r}; there are {', '.join(experiment.arms)}")
    return definition.model_copy(update={"promotes": Promotion(launch_id=test.launch_id, variant=variant)})


def promoted_before(known: Launch, test: Launch, variant: str | None) -> Definition:
    """What was promoted already. Raises Conflict for another variant, and for a launch that only has the name."""
    definition = definition_of(known)
    if definition.promotes is None or definition.promotes.launch_id != test.launch_id:
        raise Conflict(f"launch {known.launch_id!r} exists and is no promotion of {test.launch_id!r}")
    if variant not in (None, definition.promotes.variant):
        raise Conflict(
            f"launch {test.launch_id!r} was promoted to {definition.promotes.variant!r} already, by {known.launch_id!r}"
        )
    return definition


def _winner(test: Launch, experiment: Experiment, now: datetime, analyze: Analyze) -> str:
    assert experiment.test is not None  # noqa: S101 - `promotion_of` asked
    if experiment.test.rule is None:
        raise Conflict(f"the test of launch {test.launch_id!r} leaves it to a person; name the winner with --variant")
    metric, after = experiment.test.rule
    due = after.after(parse_instant(test.as_of))
    if now < due:
        raise Conflict(
            f"the test of launch {test.launch_id!r} is decided at {format_instant(due)}; promote it then, or name the "
            "winner with --variant"
        )
    return chosen(analyze(test, metric, due), metric, test.launch_id)


def chosen(document: Mapping[str, Any], metric: str, launch_id: str) -> str:
    """The variant that an analysis allows to promote: the one of the highest mean, if it is for sure above control.

    Looked at once, at the instant that was fixed in advance, so the fixed reading counts, with all comparisons
    adjusted. Control wins if every other variant is for sure below it. Raises Conflict.
    """
    instead = "look at the analysis, and name the winner with --variant"
    if not document["trusted"]:
        raise Conflict(f"launch {launch_id!r}: the split of the test is not to be trusted; {instead}")
    control = document["control"]
    (found,) = (each for each in document["metrics"] if each["metric"] == metric)
    level = 1 - document["confidence"]
    effects = [each for each in found["comparisons"] if each["against"] == control]
    sure = {each["treated"]: each["absolute"]["estimate"] for each in effects if _is_sure(each, level)}
    best = max(sure, key=lambda variant: (sure[variant], variant), default=control)
    if sure.get(best, 0.0) > 0:
        return str(best)
    if effects and len(sure) == len(effects):
        return str(control)
    raise Conflict(f"launch {launch_id!r}: no variant is for sure the best of {metric}; {instead}")


def _is_sure(comparison: Mapping[str, Any], level: float) -> bool:
    p_value = comparison["p_value_adjusted"]
    return p_value is not None and p_value < level
