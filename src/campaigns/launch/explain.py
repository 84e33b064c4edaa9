"""Explain: why one customer did or did not get a campaign, with the customer's own values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from campaigns.audience import conjuncts
from campaigns.definitions import Campaign, Definition, Experiment, Holdout
from campaigns.definitions.instants import format_instant
from campaigns.engines.port import Engine
from campaigns.errors import InvalidDefinition, NotFound
from campaigns.experiment.md5x32 import boundaries, digest, held_out, slice_of, variant_index
from campaigns.plan import Customer, Plan, experiment_salt, holdout_salt

Row = Mapping[str, Any]


class Ambiguous(InvalidDefinition):
    """The customer id exists in several tenants; the caller must say which."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A launch and its snapshot's decisions of one customer id, in whatever tenant."""

    definition: Definition
    launch_id: str
    as_of: datetime
    decisions: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources as they are now: a plan, and the engine they are attached to."""

    plan: Plan
    engine: Engine

    def evaluated(self, only: Sequence[Customer]) -> list[dict[str, Any]]:
        """The attributes of these customers and the result of every step of the audience."""
        self.engine.run(self.plan.screen())
        return self.engine.rows(self.plan.parts_of(only))


def explain(sources: Sources, customer: str, tenant: str | None) -> dict[str, Any]:
    """Why a customer would or would not get a campaign: each part of the rule with the customer's values, the
    buckets, the offer, and the decision.

    Raises NotFound when no source row is the customer's; Ambiguous when several tenants have one.
    """
    plan = sources.plan
    only = _wanted(plan.definition, customer, tenant)
    rows = sources.evaluated(only)
    decisions = sources.engine.rows(plan.decisions_of(only))
    frozen = Frozen(plan.definition, plan.launch_id, plan.as_of, decisions)
    found = _document(frozen, sources, only, rows)
    return found | {"launch_id": None, "frozen": False, "decision": _without_code(found["decision"])}


def explain_launch(frozen: Frozen, sources: Sources | None, customer: str, tenant: str | None) -> dict[str, Any]:
    """Why a customer did or did not get a launch, from the frozen decision.

    The parts of the rule are evaluated on the sources as they are now, which may have changed since; they are null
    when the sources cannot be read any more (`sources` is None). Raises as `explain`.
    """
    only = _wanted(frozen.definition, customer, tenant)
    rows = sources.evaluated(only) if sources else []
    return _document(frozen, sources, only, rows)


def _document(frozen: Frozen, sources: Sources | None, only: Sequence[Customer], rows: Sequence[Row]) -> dict[str, Any]:
    wanted = {one.tenant for one in only}
    decisions = {row["tenant"]: row for row in frozen.decisions if row["tenant"] in wanted}
    evaluated = {row["_tenant"]: row for row in rows}
    who = _one(only, decisions.keys() | evaluated.keys(), sources)
    decision, row = decisions.get(who.tenant), evaluated.get(who.tenant)
    campaign = frozen.definition.campaign
    return {
        "customer": who.customer,
        "tenant": who.tenant,
        "campaign": campaign.campaign,
        "launch_id": frozen.launch_id,
        "as_of": format_instant(frozen.as_of),
        "frozen": True,
        "matched": decision is not None,
        "outcome": decision["outcome"] if decision else "not_matched",
        "decision": _json(dict(decision)) if decision else None,
        "rule": _rule(sources.plan, row) if sources and row else None,
        "exclusions": _exclusions(sources.plan, row) if sources and row else None,
        **_buckets(campaign, who, row, decision),
        "offer": _offer(frozen.definition, row, decision),
    }


def _wanted(definition: Definition, customer: str, tenant: str | None) -> list[Customer]:
    return [Customer(key, customer) for key in ([tenant] if tenant else definition.tenants)]


def _one(only: Sequence[Customer], tenants: Set[str], sources: Sources | None) -> Customer:
    customer = only[0].customer
    if not tenants:
        raise NotFound(_absence(sources, customer, [one.tenant for one in only]))
    if len(tenants) > 1:
        held_by = ", ".join(sorted(tenants))
        raise Ambiguous(f"customer {customer!r} exists in several tenants ({held_by}); name one with --tenant")
    return Customer(next(iter(tenants)), customer)


def _absence(sources: Sources | None, customer: str, tenants: Sequence[str]) -> str:
    if sources is None:
        return f"customer {customer!r} was not matched, and the sources cannot be read any more"
    where = f"tenant {tenants[0]!r}" if len(tenants) == 1 else "the campaign's tenants"
    for row in sources.engine.rows(sources.plan.quarantine_of(customer)):
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


def _offer(definition: Definition, row: Row | None, decision: Row | None) -> dict[str, Any] | None:
    if decision is None or decision["outcome"] != "send":
        return None
    key = definition.campaign.offer_for(decision["variant"])
    if key is None:
        return None
    rule = definition.offers[key].eligible
    return {
        "offer": key,
        "given": decision["offer"] == key,
        "reason": decision["offer_reason"],
        "eligible": rule,
        "result": row[f"eligible {key}"] if row and rule else None,
    }


def _without_code(decision: dict[str, Any] | None) -> dict[str, Any] | None:
    """A code and an event id exist only once a launch has issued them."""
    return decision and {name: value for name, value in decision.items() if name not in ("code", "event_id")}


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
