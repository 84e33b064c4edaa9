"""Explain: why one customer did or did not get a campaign, with the customer's own values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from campaigns.audience import conjuncts
from campaigns.definitions import Campaign, Experiment, Holdout
from campaigns.definitions.instants import format_instant
from campaigns.engines.port import Engine
from campaigns.errors import InvalidDefinition, NotFound
from campaigns.experiment.md5x32 import boundaries, digest, held_out, slice_of, variant_index
from campaigns.plan import Customer, Plan, experiment_salt, holdout_salt

Row = Mapping[str, Any]


class Ambiguous(InvalidDefinition):
    """The customer id exists in several tenants; the caller must say which."""


def explain(
    plan: Plan, engine: Engine, customer: str, tenant: str | None, frozen: Sequence[Row] | None
) -> dict[str, Any]:
    """Each part of the rule with the customer's values, the buckets, the offer, and the decision.

    `frozen` holds the customer's rows of a snapshot, None when there is no launch. With a launch the decision is the
    frozen one; the parts of the rule are evaluated on the sources as they are now, which may have changed since.

    Raises NotFound when no source row and no decision is the customer's; Ambiguous when several tenants have one.
    """
    for query in plan.screen():
        engine.run(query)
    tenants = [tenant] if tenant else list(plan.definition.tenants)
    only = [Customer(key, customer) for key in tenants]
    rows = engine.rows(plan.parts_of(only))
    decisions = engine.rows(plan.decisions_of(only)) if frozen is None else [dict(row) for row in frozen]
    if tenant:
        decisions = [row for row in decisions if row["tenant"] == tenant]
    held_by = sorted({str(row["_tenant"]) for row in rows} | {str(row["tenant"]) for row in decisions})
    if not held_by:
        raise NotFound(_absence(plan, engine, customer, tenants))
    if len(held_by) > 1:
        raise Ambiguous(
            f"customer {customer!r} exists in several tenants ({', '.join(held_by)}); name one with --tenant"
        )
    found = held_by[0]
    row = next((row for row in rows if row["_tenant"] == found), None)
    decision = next((row for row in decisions if row["tenant"] == found), None)
    return {
        "customer": customer,
        "tenant": found,
        "campaign": plan.definition.campaign.campaign,
        "launch_id": plan.launch_id if frozen is not None else None,
        "as_of": format_instant(plan.as_of),
        "frozen": frozen is not None,
        "matched": decision is not None,
        "outcome": decision["outcome"] if decision else "not_matched",
        "decision": _shown(decision, issued=frozen is not None) if decision else None,
        "rule": _rule(plan, row) if row else None,
        "exclusions": _exclusions(plan, row) if row else None,
        **_buckets(plan.definition.campaign, Customer(found, customer), row, decision),
        "offer": _offer(plan, row, decision),
    }


def _absence(plan: Plan, engine: Engine, customer: str, tenants: Sequence[str]) -> str:
    where = f"tenant {tenants[0]!r}" if len(tenants) == 1 else "the campaign's tenants"
    for row in engine.rows(plan.quarantine_of(customer)):
        if row["reason"] == "unknown_tenant" or row["tenant"] in tenants:
            return f"customer {customer!r}: its row of tenant {row['tenant']!r} is quarantined: {row['reason']}"
    return f"customer {customer!r} does not exist in {where}"


def _rule(plan: Plan, row: Row) -> list[dict[str, Any]]:
    parts = conjuncts(plan.compiled.where)
    return [
        {
            "part": part.text,
            "result": row[f"step {number}"],
            "values": {name: _json(row[f"attribute {name}"]) for name in sorted(part.attributes)},
        }
        for number, part in enumerate(parts)
    ]


def _exclusions(plan: Plan, row: Row) -> list[dict[str, Any]]:
    first = len(conjuncts(plan.compiled.where))
    return [
        {
            "segment": name,
            "excluded": not row[f"step {first + number}"],
            "values": {used: _json(row[f"attribute {used}"]) for used in sorted(rule.attributes)},
        }
        for number, (name, rule) in enumerate(plan.compiled.excluded.items())
    ]


def _buckets(campaign: Campaign, who: Customer, row: Row | None, decision: Row | None) -> dict[str, Any]:
    holdout = experiment = None
    if campaign.holdout:
        unit = _unit(campaign.holdout, "holdout_unit", who, row, decision)
        holdout = _holdout(campaign.holdout, unit)
    if campaign.experiment:
        unit = _unit(campaign.experiment, "experiment_unit", who, row, decision)
        experiment = _experiment(campaign.experiment, unit)
    return {"holdout": holdout, "experiment": experiment}


def _unit(part: Holdout | Experiment, kept: str, who: Customer, row: Row | None, decision: Row | None) -> str | None:
    if part.unit is None:
        return f"{who.tenant}/{who.customer}"
    value = decision[kept] if decision else row[f"attribute {part.unit}"] if row else None
    return None if value is None else str(value)


def _holdout(holdout: Holdout, unit: str | None) -> dict[str, Any]:
    cut = None if unit is None else slice_of(digest(holdout_salt(holdout), unit), 0)
    bound = boundaries([holdout.basis_points, 10_000 - holdout.basis_points])[0]
    return {
        "key": holdout.key,
        "percent": holdout.percent,
        "unit": unit,
        "slice": cut,
        "below": bound,
        "held_out": None if cut is None else held_out(holdout.basis_points, cut),
    }


def _experiment(experiment: Experiment, unit: str | None) -> dict[str, Any]:
    names = list(experiment.variants)
    weights = [arm.weight for arm in experiment.variants.values()]
    cut = None if unit is None else slice_of(digest(experiment_salt(experiment), unit), 1)
    return {
        "key": experiment.key,
        "unit": unit,
        "slice": cut,
        "below": dict(zip(names, boundaries(weights), strict=True)),
        "variant": None if cut is None else names[variant_index(weights, cut)],
    }


def _offer(plan: Plan, row: Row | None, decision: Row | None) -> dict[str, Any] | None:
    if decision is None or decision["outcome"] != "send":
        return None
    key = plan.definition.campaign.offer_for(decision["variant"])
    if key is None:
        return None
    rule = plan.definition.offers[key].eligible
    return {
        "offer": key,
        "given": decision["offer"] == key,
        "reason": decision["offer_reason"],
        "eligible": rule,
        "result": row[f"eligible {key}"] if row and rule else None,
    }


def _shown(decision: Row, *, issued: bool) -> dict[str, Any]:
    """The decision as JSON; a code exists only once a launch has issued it."""
    hidden = set() if issued else {"code", "event_id"}
    return {name: _json(value) for name, value in decision.items() if name not in hidden}


def _json(value: Any) -> Any:
    """As events write it: UTC with a Z, null for NaN and infinity."""
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, float) and not isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)
