"""Preview: what a launch would do, exactly, without doing any of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any

from campaigns.definitions.instants import format_instant
from campaigns.engines.port import Engine
from campaigns.launch.books import split_of
from campaigns.plan import AWAITING_WINNER, BLOCKED, NOT_ALLOCATED, SAMPLES, Customer, Plan, withheld

Row = Mapping[str, Any]


def preview(plan: Plan, engine: Engine) -> dict[str, Any]:
    """The books as `launch` would close them, the funnel, and a few sample events.

    `funnel` is a list of steps in the order of evaluation, each with how many customers are left after it.
    """
    engine.run(plan.screen())
    quarantined = engine.rows(plan.quarantine())
    rows = engine.rows(plan.funnel())
    matched = [row for row in rows if row["passed"] == len(plan.steps())]
    sent = [row for row in matched if row["outcome"] == "send"]
    by_chance = [row for row in sent if row["chance"] and row["variant"] is not None]
    return {
        "campaign": plan.definition.campaign.campaign,
        "campaign_version": plan.definition.version,
        "launch_id": plan.launch_id,
        "as_of": format_instant(plan.as_of),
        "customers": _total(rows),
        "funnel": _funnel(plan, rows, matched),
        "matched": _total(matched),
        "sent": _total(sent),
        "held_out": _total(row for row in matched if row["outcome"] == "holdout"),
        "suppressed": _count((row for row in matched if row["outcome"] == "suppressed"), "reason"),
        "quarantined": _count((row for row in matched if row["outcome"] == "quarantined"), "reason"),
        "quarantined_rows": {row["reason"]: row["rows"] for row in quarantined},
        "quarantine_samples": {row["reason"]: row["samples"] for row in quarantined},
        "variants": _count(sent, "variant"),
        "offers": _count(sent, "offer"),
        "tenants": _count(sent, "tenant"),
        "split_p_value": split_of(by_chance, "customers", plan.definition),
        "sample_events": _sample_events(plan, engine, sent),
    }


def _funnel(plan: Plan, rows: Sequence[Row], matched: Sequence[Row]) -> list[dict[str, Any]]:
    steps = plan.steps()
    left = [_total(row for row in rows if row["passed"] > number) for number in range(len(steps))]
    funnel = [{"step": "customers", "left": _total(rows)}]
    funnel += [{"step": text, "left": count} for text, count in zip(steps, left, strict=True)]
    count = _total(matched)
    for step, mine in _kept_back(plan, matched):
        count -= _total(mine)
        funnel.append({"step": step, "left": count})
    return funnel


def _kept_back(plan: Plan, matched: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """What matched customers must pass to be sent, in the order of evaluation, and who does not."""
    definition = plan.definition
    campaign, experiment = definition.campaign, definition.campaign.experiment

    def those(outcome: str, *reasons: str) -> list[Row]:
        return [row for row in matched if row["outcome"] == outcome and (not reasons or row["reason"] in reasons)]

    for each in withheld(definition, campaign, plan.as_of):
        yield f"not in holdout {each.key} ({each.holdout.percent:g} %)", those("holdout", each.key)
    if blocked := those("suppressed", BLOCKED):
        yield "not assigned under an older bucket version", blocked
    if experiment and not experiment.everyone and not definition.promotes:
        ranges = ", ".join(map(str, experiment.allocation))
        yield (
            f"in the allocation {ranges}{f' of layer {experiment.layer}' if experiment.layer else ''}",
            those("suppressed", NOT_ALLOCATED),
        )
    if experiment and experiment.test and not definition.promotes:
        yield f"in the test ({experiment.test.share:g} %)", those("suppressed", AWAITING_WINNER)
    if lost := those("quarantined"):
        yield "can become an event", lost


def _sample_events(plan: Plan, engine: Engine, sent: Sequence[Row]) -> list[Any]:
    """Events of a few customers, of as many variants as there are."""
    by_variant: dict[Any, list[Row]] = {}
    for row in sorted(sent, key=lambda row: (row["tenant"], str(row["reason"]))):  # the same samples every time
        by_variant.setdefault((row["variant"], row["offer"]), []).append(row)
    examples = [
        list(chain.from_iterable(zip_longest(*(row["examples"] for row in rows))))
        for _, rows in sorted(by_variant.items(), key=lambda item: str(item[0]))
    ]
    mixed = [who for who in chain.from_iterable(zip_longest(*examples)) if who is not None]
    chosen = [Customer(who["tenant"], who["customer"]) for who in mixed[:SAMPLES]]
    if not chosen:
        return []
    return [json.loads(str(row["payload"])) for row in engine.rows(plan.events_of(chosen))]


def _total(rows: Iterable[Row]) -> int:
    return sum(row["customers"] for row in rows)


def _count(rows: Iterable[Row], name: str) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for row in rows:
        if row[name] is not None:
            counted[row[name]] += row["customers"]
    return dict(sorted(counted.items()))
