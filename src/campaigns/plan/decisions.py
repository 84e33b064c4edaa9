"""The stages that decide the offer and put the decision together: offered -> decided -> decisions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from campaigns.audience import Rule, Type, render
from campaigns.definitions import Override
from campaigns.definitions.closure import targeted
from campaigns.events.encode import Envelope, payload_sql
from campaigns.events.ids import event_id_sql
from campaigns.events.record import MAX_EVENT_BYTES
from campaigns.offers import codes
from campaigns.offers.codes import code_sql
from campaigns.offers.terms import expires_at
from campaigns.plan.assignment import Assigning, level_sql, unit_sql
from campaigns.plan.compile import Alternative, Compiled
from campaigns.plan.sql import alias, all_of, column, function, literal, select, timestamp, total, total_text
from campaigns.plan.stage import Stage, as_of_sql

_DECISION = (
    "tenant",
    "customer",
    "outcome",
    "reason",
    "variant",
    "offer",
    "offer_reason",
    "code",
    "expires_at",
    "event_id",
)
_KEPT = frozenset({"tenant", "customer", "variant", "levels", "holdout_unit", "experiment_unit", "forced", "sticky"})
"""Columns that a decision keeps when its event is too large."""


def offered(c: Compiled) -> Stage:
    """The variant and the offer of who is sent; an offer whose rule is not true is passed over, with the reason."""
    sent = column("_outcome").eq(literal("send"))
    candidate = _by_arm(c)
    passed = exp.Case(this=candidate.copy())
    for key, rule in c.eligible.items():
        passed = passed.when(literal(key), exp.Not(this=total(render(rule, column, as_of_sql()))))
    inner = select(
        exp.Star(),
        alias(exp.Case().when(sent, exp.cast(column("_assigned"), "VARCHAR")), "_variant"),
        alias(exp.Case().when(sent.copy(), exp.cast(candidate, "VARCHAR")), "_candidate"),
        alias(passed.else_(exp.false()) if c.eligible else exp.false(), "_passed_over"),
    ).from_("assigned")
    return Stage("offered", inner)


def decided(c: Compiled, a: Assigning, launch_id: str, carry: Sequence[str] = ()) -> Stage:
    """One row per matched customer with all that was decided, whether or not it fits into an event.

    `carry` names further columns that are handed through.
    """
    tenant, customer = column("_tenant"), column("_customer")
    offers = [key for key in c.scope.offers if key in c.campaign.offers]
    code, expiry = exp.Case(this=_offer()), exp.Case(this=_offer())
    for key in offers:
        offer = c.scope.offers[key]
        issued = code_sql(offer.code.prefix, tenant=tenant, launch=launch_id, offer=key, customer=customer)
        code = code.when(literal(key), issued)
        if instant := expires_at(offer, a.as_of):
            expiry = expiry.when(literal(key), timestamp(instant))
    passed = exp.Case().when(
        all_of(column("_candidate").is_(exp.null()).not_(), column("_passed_over")), literal("not_eligible")
    )
    sent = column("_outcome").eq(literal("send"))
    columns = [
        alias(tenant, "tenant"),
        alias(customer, "customer"),
        alias(column("_outcome"), "outcome"),
        alias(column("_reason"), "reason"),
        alias(column("_variant"), "variant"),
        alias(_offer(), "offer"),
        alias(passed, "offer_reason"),
        alias(code if offers else exp.cast(exp.null(), "VARCHAR"), "code"),
        alias(expiry if expiry.args.get("ifs") else exp.cast(exp.null(), "TIMESTAMP"), "expires_at"),
        alias(exp.Case().when(sent, event_id_sql(tenant, launch_id, customer)), "event_id"),
        *_units(c),
        *_marks(c, a),
    ]
    if c.variables:
        columns.append(alias(_variables(c), "variables"))
    columns += [column(name) for name in carry]
    return Stage("decided", select(*columns).from_("offered"))


def decisions(c: Compiled, a: Assigning, envelope: Envelope, carry: Sequence[str] = ()) -> Stage:
    """The decisions of the snapshot: who would get an event over the limit is quarantined instead."""
    too_large = column("_too_large")
    columns: list[exp.Expression] = []
    for name in decision_columns(c, a):
        value: exp.Expression
        match name:
            case "outcome":
                value = exp.Case().when(too_large.copy(), literal("quarantined")).else_(column(name))
            case "reason":
                value = exp.Case().when(too_large.copy(), literal("payload_too_large")).else_(column(name))
            case _ if name in _KEPT:
                value = column(name)
            case _:
                value = exp.Case().when(too_large.not_(), column(name))
        columns.append(alias(value, name))
    columns += [column(name) for name in carry]
    measured = select(exp.Star(), alias(_too_large(c, envelope), "_too_large")).from_("decided")
    return Stage("decisions", select(*columns).from_(measured.subquery("measured")))


def decision_columns(c: Compiled, a: Assigning) -> list[str]:
    """The snapshot's columns, in order. Units other than the customer are kept: without them nobody could explain."""
    parts = (("holdout_unit", c.campaign.holdout), ("experiment_unit", c.campaign.experiment))
    units = [name for name, part in parts if part and part.unit]
    marks = [part.alias for part in _marks(c, a)]
    return [*_DECISION, *units, *marks, *(["variables"] if c.variables else [])]


def _too_large(c: Compiled, envelope: Envelope) -> exp.Expression:
    """Whether the event would be over MAX_EVENT_BYTES, counted with the longest tenant's variables.

    A cheap upper bound decides for nearly everyone; only a decision above it is encoded to be measured. JSON writes
    a byte of text in at most 6 bytes; numbers, dates and booleans stay below 40.
    """
    longest = max(envelope.tenant_json().values(), key=lambda text: len(text.encode()))
    payload = _measurable(c, payload_sql(envelope, literal(longest), variables=bool(c.variables)))
    constant = sum(len(str(part.this).encode()) for part in payload.find_all(exp.Literal))
    bound: exp.Expression = literal(constant + 40 * len(c.variables) + 200)
    for part in _texts(c):
        bound = exp.Add(this=bound, expression=exp.Mul(this=literal(12), expression=function("strlen", part)))
    size = function("strlen", payload)
    limit = literal(MAX_EVENT_BYTES)
    return (
        exp.Case()
        .when(
            all_of(column("outcome").eq(literal("send")), exp.GT(this=bound, expression=limit)),
            exp.GT(this=size, expression=limit.copy()),
        )
        .else_(exp.false())
    )


def _measurable(c: Compiled, payload: exp.Expression) -> exp.Expression:
    """The payload with stand-ins of the same length for event id and code: whoever only counts computes neither."""
    code = exp.Case(this=column("offer"))
    for key in sorted(c.campaign.offers):
        length = len(c.scope.offers[key].code.prefix) + codes.LENGTH
        code = code.when(literal(key), literal("0" * length))
    stand_ins = {"event_id": literal("0" * 32), "code": code if c.campaign.offers else exp.null()}
    return payload.transform(
        lambda node: stand_ins[node.name].copy() if isinstance(node, exp.Column) and node.name in stand_ins else node
    )


def _texts(c: Compiled) -> list[exp.Expression]:
    """The texts of a decision whose length the customer's data decides."""
    found: list[exp.Expression] = [column("customer")]
    for name, rule in c.variables.items():
        value: exp.Expression = exp.Dot(this=column("variables"), expression=exp.to_identifier(name, quoted=True))
        if rule.type == Type.TEXT_LIST:
            value = exp.cast(function("to_json", value), "VARCHAR")
        if rule.type in (Type.TEXT, Type.TEXT_LIST):
            found.append(total_text(value))
    return found


def _offer() -> exp.Expression:
    return exp.Case().when(column("_passed_over").not_(), column("_candidate"))


def _units(c: Compiled) -> list[exp.Expression]:
    """Units other than the customer are kept: without them a decision could not be explained later."""
    parts = (("holdout_unit", c.campaign.holdout), ("experiment_unit", c.campaign.experiment))
    return [alias(unit_sql(c, part.unit), name) for name, part in parts if part and part.unit]


def _marks(c: Compiled, a: Assigning) -> list[exp.Expression]:
    """What an analysis must know besides the variant: its levels, and whether chance assigned it."""
    experiment = c.campaign.experiment
    marks: list[exp.Expression] = []
    if experiment and experiment.factors:
        levels = [
            exp.PropertyEQ(
                this=exp.to_identifier(factor, quoted=True),
                expression=level_sql(experiment, factor, column("_variant")),
            )
            for factor in experiment.factors
        ]
        known = column("_variant").is_(exp.null()).not_()
        marks.append(alias(exp.Case().when(known, exp.Struct(expressions=levels)), "levels"))
    if experiment and experiment.forced and a.promoted is None:
        marks.append(alias(column("_forced").is_(exp.null()).not_(), "forced"))
    if a.remembering:
        kept = [column("_sticky"), column("_outcome").eq(literal("send"))]
        if experiment and experiment.forced:
            kept.append(column("_forced").is_(exp.null()))
        marks.append(alias(all_of(*kept), "sticky"))
    return marks


def _by_arm(c: Compiled) -> exp.Expression:
    """The offer that a customer's arm names, or the campaign's; a tenant's own choice first."""
    case = exp.Case()
    for tenants, override in _choosers(c):
        case = case.when(column("_tenant").isin(*(literal(key) for key in tenants)), _offers(c, override))
    chosen = _offers(c, None)
    return case.else_(chosen) if case.args.get("ifs") else chosen


def _choosers(c: Compiled) -> list[tuple[list[str], Override]]:
    """The overrides of offers, each with its tenants."""
    found: list[tuple[list[str], Override]] = []
    for key, tenant in targeted(c.scope, c.campaign).items():
        override = tenant.overrides.get(c.campaign.campaign)
        if override is None or not (override.offers or override.names_offer):
            continue
        same = next((tenants for tenants, other in found if _same_offers(other, override)), None)
        if same is None:
            found.append(([key], override))
        else:
            same.append(key)
    return found


def _same_offers(one: Override, other: Override) -> bool:
    return (one.offers, one.names_offer, one.offer) == (other.offers, other.names_offer, other.offer)


def _offers(c: Compiled, override: Override | None) -> exp.Expression:
    """The offer of each arm."""
    experiment = c.campaign.experiment
    if experiment is None:
        return _key_or_null(c.campaign.offer_for(None, override))
    case = exp.Case(this=column("_assigned"))
    for arm in experiment.arms:
        if key := c.campaign.offer_for(arm, override):
            case = case.when(literal(arm), literal(key))
    return case if case.args.get("ifs") else exp.null()


def _key_or_null(key: str | None) -> exp.Expression:
    return exp.null() if key is None else literal(key)


def _variables(c: Compiled) -> exp.Expression:
    """A struct with JSON's types: infinity is NULL (NaN is already), dates and timestamps are RFC 3339 text."""
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(
                this=exp.to_identifier(name, quoted=True),
                expression=_json_value(_chosen(c, name, rule), rule.type),
            )
            for name, rule in c.variables.items()
        ]
    )


def _chosen(c: Compiled, name: str, rule: Rule) -> exp.Expression:
    """A variable's value: by the tenant's expression, or the variant's, or the campaign's."""
    case = exp.Case()
    for each in c.alternatives.get(name, ()):
        if each.tenant is not None:
            applies = column("_tenant").eq(literal(each.tenant))
        else:
            applies = _has_choice(c, each).eq(literal(each.choice or ""))
        case = case.when(applies, render(each.rule, column, as_of_sql()))
    value = render(rule, column, as_of_sql())
    return case.else_(value) if case.args.get("ifs") else value


def _has_choice(c: Compiled, each: Alternative) -> exp.Expression:
    variant = column("_variant")
    experiment = c.campaign.experiment
    return variant if each.factor is None or experiment is None else level_sql(experiment, each.factor, variant)


def _json_value(value: exp.Expression, type_: Type) -> exp.Expression:
    match type_:
        case Type.NUMBER:
            return exp.Case().when(function("isfinite", value), value.copy())
        case Type.DATE:
            return function("strftime", value, literal("%Y-%m-%d"))
        case Type.TIMESTAMP:
            return function("strftime", value, literal("%Y-%m-%dT%H:%M:%S.%fZ"))
        case _:
            return value
