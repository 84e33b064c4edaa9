"""What an analysis says, in plain sentences: the same on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from campaigns.analysis.report.numbers import count, instant, numbers_of, p_equals, percent
from campaigns.analysis.report.rows import (
    CAMPAIGN,
    HOLDOUT,
    UNTRUSTED,
    Context,
    against,
    bounds_of,
    relative_of,
    verdict,
)

FEW = 3
"""Up to how many comparisons each gets a sentence of its own; more are summed up in one."""

_REASONS = {
    "forced": "forced variant, for testing",
    "not_allocated": "outside of the experiment's allocation",
    "awaiting_winner": "waiting for the winner of the test",
    "bucket_version_blocked": "blocked by the bucket version",
}


def alarm(document: Mapping[str, Any]) -> list[str]:
    """What stands before everything else when the split is not to be trusted; nothing when it is."""
    if document["trusted"]:
        return []
    split = document["split"]
    odds = p_equals(split["p_value"])
    return [
        "DO NOT TRUST THESE RESULTS: SAMPLE-RATIO MISMATCH",
        f"The customers per variant do not agree with the weights ({odds}, below {split['threshold']:g}). Chance "
        "hardly ever does this: customers of some variants are missing or were counted twice, and those who are left "
        "differ in more than the variant. Find out why before reading on; every result below is marked.",
    ]


def context_of(document: Mapping[str, Any], metric: Mapping[str, Any]) -> Context:
    """What decides how the metric is read."""
    return Context(numbers_of(metric), document["trusted"], metric["complete"], document["confidence"])


def reading(metric: Mapping[str, Any]) -> str:
    """Which of the two readings of a metric is valid now, and when the other one becomes so."""
    if metric["complete"]:
        since = f" since {instant(metric['complete_at'])}" if metric["complete_at"] else ""
        return (
            f"Both readings are valid: all windows of {metric['within']} are closed{since}. The fixed one is meant for "
            "one look after that; if the results were acted on earlier, read the sequential one."
        )
    until = (
        f"is valid from {instant(metric['complete_at'])}, when all windows of {metric['within']} are closed"
        if metric["complete_at"]
        else f"becomes valid when all windows of {metric['within']} are closed, which has no date yet"
    )
    return f"Only the sequential reading is valid now. The fixed one {until}."


def readings(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """What may be read now, with the metrics that it holds for; for all of them without any."""
    if not document["trusted"]:
        return {"Neither reading is to be trusted while the split does not agree with the weights.": []}
    told: dict[str, list[str]] = {}
    for metric in document["metrics"]:
        told.setdefault(reading(metric), []).append(metric["metric"])
    return told if len(told) > 1 else {only: [] for only in told}


def summary(document: Mapping[str, Any], metric: Mapping[str, Any]) -> list[str]:
    """The metric's answer: a sentence for each comparison against control, or one for all where there are many."""
    context, compared = context_of(document, metric), against(metric, holdout=False)
    if len(compared) <= FEW:
        said = [sentence(metric, each, context) for each in compared]
    else:
        said = [_together(metric, compared, context)]
    return said or [f"{metric['metric']}: there is no variant to compare with control."]


def campaign_summary(document: Mapping[str, Any], metric: Mapping[str, Any]) -> list[str]:
    """The effect of the campaign itself in a sentence; nothing where nobody was held out."""
    context = context_of(document, metric)
    return [sentence(metric, each, context) for each in against(metric, holdout=True) if each["treated"] == CAMPAIGN]


def sentence(metric: Mapping[str, Any], comparison: Mapping[str, Any], context: Context) -> str:
    """`With a, conversion is 0.9 points higher than with control (...), 95 % interval 0.2 to 1.6; ...`."""
    found, numbers = bounds_of(comparison), context.numbers
    treated = "the campaign" if comparison["treated"] == CAMPAIGN else comparison["treated"]
    other = "in the holdout" if comparison["against"] == HOLDOUT else f"with {comparison['against']}"
    name = metric["metric"]
    if found.estimate is None:
        return (
            f"{name} with {treated} cannot be compared with {name} {other}: too few customers, or nothing to divide by."
        )
    far = _distance(found.estimate, context, f"than {other}", f"as {other}")
    means = f"{numbers.value(comparison['treated_mean'])} against {numbers.value(comparison['against_mean'])}"
    relative = relative_of(comparison)
    lift = "" if relative is None else f", {percent(relative)}"
    return f"{_mistrust(context)}With {treated}, {name} is {far} ({means}{lift}); {_certainty(comparison, context)}."


def observed(document: Mapping[str, Any]) -> str:
    """How well the split agrees with the weights."""
    split = document["split"]
    if split["p_value"] is None:
        return "whether the split agrees with the weights cannot be tested"
    agrees = "agrees" if split["trusted"] else "DOES NOT AGREE"
    return f"the split {agrees} with the weights: {p_equals(split['p_value'])}"


def funnel(document: Mapping[str, Any]) -> list[tuple[str, int]]:
    """What became of the customers: assigned, held out, and left out by reason."""
    customers, left_out = document["customers"], document["left_out"]
    assigned = sum(number for name, number in customers.items() if name != HOLDOUT)
    reasons = {"forced": left_out["forced"], **left_out["suppressed"]}
    return [
        ("assigned to a variant", assigned),
        *([("held out", customers[HOLDOUT])] if HOLDOUT in customers else []),
        *((f"left out: {_REASONS.get(name, name)}", number) for name, number in reasons.items() if number),
    ]


def remarks(document: Mapping[str, Any]) -> list[str]:
    """What a reader must know beside the results: the warnings, and how customers were counted."""
    left_out = document["left_out"]
    told = list(document["warnings"])
    if document["strata"] > 1:
        told.append(
            f"The weights were not always the same: customers are compared within {count(document['strata'])} strata "
            "of equal weights, and the strata are then averaged."
        )
    if left_out["crossovers"]:
        told.append(
            f"{count(left_out['crossovers'])} customers got another variant in a later launch; they stay with their "
            "first one (intention to treat)."
        )
    if left_out["purged_launches"]:
        told.append(f"{count(left_out['purged_launches'])} launches were purged and are missing here.")
    return told


def described(metric: Mapping[str, Any]) -> str:
    """What is measured, and what was done to it."""
    parts = [metric["what"]]
    if metric["covariate"]:
        parts.append(f"adjusted by the {metric['covariate']} before (CUPED)")
    if metric["winsorized_at"] is not None:
        parts.append(f"values above {metric['winsorized_at']:,g} count as that (winsorized)")
    return "; ".join(parts)


def _together(metric: Mapping[str, Any], compared: Sequence[Mapping[str, Any]], context: Context) -> str:
    """Many comparisons at once: who is higher, who is lower, how many are neither."""
    if not context.trusted:
        return f"{_mistrust(context)}{metric['metric']} was compared between {len(compared)} variants and control."
    named: dict[int, list[str]] = {1: [], -1: [], 0: []}
    for each in compared:
        estimate = bounds_of(each).estimate
        named[verdict(each, context)[1]].append(f"{each['treated']} ({context.numbers.difference(estimate)})")
    parts = [f"{word} with {', '.join(named[sign])}" for sign, word in ((1, "higher"), (-1, "lower")) if named[sign]]
    if unclear := len(named[0]):
        rest = "none of" if unclear == len(compared) else f"{unclear} of"
        yet = "" if context.complete else " yet"
        if rest == "none of":
            return f"Of {len(compared)} variants, none shows a difference in {metric['metric']} to control{yet}."
        parts.append(f"no difference shown{yet} with {rest} the {len(compared)} variants")
    return f"Against control, {metric['metric']} is {'; '.join(parts)}."


def _distance(estimate: float, context: Context, than: str, same: str) -> str:
    if estimate == 0:
        return f"the same {same}"
    return f"{context.numbers.distance(estimate)} {'higher' if estimate > 0 else 'lower'} {than}"


def _mistrust(context: Context) -> str:
    return "" if context.trusted else f"{UNTRUSTED.upper()}: "


def _certainty(comparison: Mapping[str, Any], context: Context) -> str:
    """The interval that is valid, and what is significant in which reading."""
    found, numbers = bounds_of(comparison), context.numbers
    if not context.complete:
        always = f"always-valid {context.sure} interval {numbers.interval(found.sequential_low, found.sequential_high)}"
        if not context.trusted:
            return always
        shown = comparison["significant"]["sequential"]
        return f"{always}; {'significant in the sequential reading' if shown else 'no difference is shown yet'}"
    fixed = f"{context.sure} interval {numbers.interval(found.low, found.high)}"
    return f"{fixed}; {_significance(comparison)}" if context.trusted else fixed


def _significance(comparison: Mapping[str, Any]) -> str:
    significant = comparison["significant"]
    if significant["fixed"] and significant["sequential"]:
        return "significant in both readings"
    if significant["fixed"]:
        return "significant in the fixed reading, not in the sequential one"
    if significant["sequential"]:
        return "significant in the sequential reading, not in the fixed one"
    found = bounds_of(comparison)
    if found.low is not None and found.high is not None and (found.low > 0 or found.high < 0):
        adjusted = p_equals(comparison["p_value_adjusted"])
        return f"not significant once corrected for the number of comparisons ({adjusted})"
    return "no difference is shown in either reading"
