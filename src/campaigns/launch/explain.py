"""Explain: why one customer did or did not get a campaign, with the customer's own values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from campaigns.audience import conjuncts
from campaigns.definitions import Definition, Experiment, Test, arm_name
from campaigns.definitions.instants import format_instant
from campaigns.engines.port import Engine
from campaigns.errors import InvalidDefinition, NotFound
from campaigns.experiment.md5x32 import boundaries, digest, held_out, slice_of, variant_index, within
from campaigns.experiment.splits import splits
from campaigns.plan import (
    Customer,
    Plan,
    Withheld,
    allocation_salt,
    experiment_salt,
    holdout_salt,
    test_salt,
    withheld,
)

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
        **_buckets(frozen, who, row, decision),
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


def _buckets(frozen: Frozen, who: Customer, row: Row | None, decision: Row | None) -> dict[str, Any]:
    """Every holdout that holds for the customer, in order, and the experiment."""
    campaign = frozen.definition.campaign
    shared = frozen.definition.holdouts
    holdouts = [
        _holdout(each, _unit(each.holdout.unit, None if each.key in shared else "holdout_unit", who, row, decision))
        for each in withheld(frozen.definition, campaign, frozen.as_of)
        if each.tenants is None or who.tenant in each.tenants
    ]
    experiment = None
    if campaign.experiment and not frozen.definition.promotes:
        unit = _unit(campaign.experiment.unit, "experiment_unit", who, row, decision)
        experiment = _experiment(frozen.definition, campaign.experiment, who, unit)
    own = campaign.holdout.key if campaign.holdout else None
    holdout = next((each for each in holdouts if each["key"] == own), None)
    return {"holdouts": holdouts, "holdout": holdout, "experiment": experiment}


def _unit(unit: str | None, kept: str | None, who: Customer, row: Row | None, decision: Row | None) -> str | None:
    if unit is None:
        return f"{who.tenant}/{who.customer}"
    value = decision[kept] if decision and kept else row[f"attribute {unit}"] if row else None
    return None if value is None else str(value)


def _holdout(each: Withheld, unit: str | None) -> dict[str, Any]:
    points = each.holdout.basis_points
    cut = None if unit is None else slice_of(digest(holdout_salt(each.key, each.holdout), unit), 0)
    return {
        "key": each.key,
        "percent": each.holdout.percent,
        "unit": unit,
        "slice": cut,
        "below": boundaries([points, 10_000 - points])[0],
        "held_out": None if cut is None else held_out(points, cut),
    }


def _experiment(definition: Definition, experiment: Experiment, who: Customer, unit: str | None) -> dict[str, Any]:
    arms = next(
        split.weights
        for split in splits(definition.campaign, definition.tenants)
        if split.tenants is None or who.tenant in split.tenants
    )
    if experiment.factors:
        factors = {
            name: _drawn(
                {level: part.weight for level, part in levels.items()}, experiment_salt(experiment, name), unit
            )
            for name, levels in experiment.factors.items()
        }
        drawn = {name: found["variant"] for name, found in factors.items()}
        found = {"slice": None, "below": None, "variant": arm_name(drawn) if unit is not None else None}
    else:
        factors, found = None, _drawn(arms, experiment_salt(experiment), unit)
    return {
        "key": experiment.key,
        "unit": unit,
        **found,
        "factors": factors,
        "allocation": None if experiment.everyone else _allocation(experiment, unit),
        "test": _tested(experiment, experiment.test, unit) if experiment.test else None,
        "forced": experiment.forced.get(f"{who.tenant}/{who.customer}"),
    }


def _drawn(weights: Mapping[str, int], salt: str, unit: str | None) -> dict[str, Any]:
    cut = None if unit is None else slice_of(digest(salt, unit), 1)
    names, numbers = list(weights), list(weights.values())
    return {
        "slice": cut,
        "below": dict(zip(names, boundaries(numbers), strict=True)),
        "variant": None if cut is None else names[variant_index(numbers, cut)],
    }


def _allocation(experiment: Experiment, unit: str | None) -> dict[str, Any]:
    cut = None if unit is None else slice_of(digest(allocation_salt(experiment), unit), 0)
    inside = None if cut is None else any(within(part.low, part.high, cut) for part in experiment.allocation)
    return {
        "layer": experiment.layer,
        "ranges": [str(part) for part in experiment.allocation],
        "slice": cut,
        "inside": inside,
    }


def _tested(experiment: Experiment, test: Test, unit: str | None) -> dict[str, Any]:
    cut = None if unit is None else slice_of(digest(test_salt(experiment), unit), 0)
    inside = None if cut is None else held_out(test.basis_points, cut)
    return {"share": test.share, "slice": cut, "inside": inside}


def _offer(definition: Definition, row: Row | None, decision: Row | None) -> dict[str, Any] | None:
    if decision is None or decision["outcome"] != "send":
        return None
    tenant = definition.tenants.get(decision["tenant"])
    override = tenant.overrides.get(definition.campaign.campaign) if tenant else None
    key = definition.campaign.offer_for(decision["variant"], override)
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
