"""The stages of a plan: one CTE each, in the order of evaluation. Names that start with `_` are the engine's own.

customers -> identified -> <events>_by_customer -> attributes -> audience -> buckets -> assigned -> offered
-> decided -> decisions
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlglot import exp

from campaigns.audience import Type, render, truth
from campaigns.definitions import Attribute, Duration, EventTable, Experiment, Holdout
from campaigns.events.encode import Envelope, payload_sql
from campaigns.events.ids import event_id_sql
from campaigns.events.record import MAX_EVENT_BYTES
from campaigns.experiment.md5x32 import digest_sql, held_out_sql, variant_sql
from campaigns.offers.codes import code_sql
from campaigns.offers.terms import expires_at
from campaigns.plan.columns import column_type, identity, instant, typed
from campaigns.plan.compile import Compiled, events_table
from campaigns.plan.sql import (
    alias,
    all_of,
    any_of,
    column,
    function,
    literal,
    select,
    timestamp,
    total,
    total_text,
)

AS_OF = "as_of"
QUARANTINED = "quarantined"
"""The temporary table of source rows that cannot be decided."""


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


class Customer(NamedTuple):
    """What identifies a customer."""

    tenant: str
    customer: str


class Stage(NamedTuple):
    """A named step of the query."""

    name: str
    query: exp.Select


def as_of_sql() -> exp.Expression:
    """The launch's instant: always a parameter, never the clock."""
    return exp.Placeholder(this=AS_OF)


def customers(c: Compiled, only: Sequence[Customer] = ()) -> Stage:
    """Identity as text and the used columns as typed values."""
    source, types = c.scope.customers, c.tables["customers"]
    columns = [
        alias(typed(column(name), types[name], c.dialect), name)
        for name in types
        if name in c.used and name in c.types and name not in c.scope.attributes
    ]
    query = select(
        alias(_identity(c, "customers", source.tenant), "_tenant"),
        alias(_identity(c, "customers", source.id), "_customer"),
        *columns,
    ).from_(exp.table_("customers", db="source"))
    if only:
        query = query.where(_is_one_of(c, "customers", source.tenant, source.id, only))
    return Stage("customers", query)


def identified(tenants: Iterable[str]) -> Stage:
    """Rows of the campaign's tenants that can be decided: a real id, held by one row only."""
    duplicate = (
        select(literal(1))
        .from_(exp.alias_(exp.table_(QUARANTINED), "q", table=True))
        .where(
            column("_tenant", "q").eq(column("_tenant", "c")),
            column("_customer", "q").eq(column("_customer", "c")),
        )
    )
    query = (
        select(exp.Star())
        .from_(exp.alias_(exp.table_("customers"), "c", table=True))
        .where(
            column("_tenant", "c").isin(*(literal(tenant) for tenant in tenants)),
            exp.Not(this=exp.Exists(this=duplicate)),
            column("_customer", "c").neq(literal("")),
            exp.Not(this=has_nul(column("_customer", "c"))),
        )
    )
    return Stage("identified", query)


def has_nul(value: exp.Expression) -> exp.Expression:
    """Whether a text holds a NUL character."""
    return function("contains", value, function("chr", literal(0)))


def by_customer(c: Compiled, key: str, only: Sequence[Customer] = ()) -> Stage:
    """All used aggregates over one event table, in one pass of it, of events before as_of."""
    table, source = c.scope.events[key], events_table(key)
    used = _used_aggregates(c, key)
    at = instant(column(table.at), c.tables[source][table.at], c.dialect)
    during = exp.GTE(this=at.copy(), expression=_earliest(used.values()))
    query = (
        select(
            alias(_identity(c, source, table.tenant), "_tenant"),
            alias(_identity(c, source, table.customer), "_customer"),
            *(alias(_aggregate(c, name, attribute, table, at), name) for name, attribute in used.items()),
        )
        .from_(exp.table_(source, db="source", quoted=True))
        .where(exp.LT(this=at, expression=as_of_sql()), during)
        .group_by(literal(1), literal(2))
    )
    if only:
        query = query.where(_is_one_of(c, source, table.tenant, table.customer, only))
    return Stage(f"{key}_by_customer", query)


def _earliest(used: Iterable[Attribute]) -> exp.Expression:
    """The instant before which no aggregate of a table needs an event: year 1 as soon as one has no window."""
    windows = dict.fromkeys(attribute.within for attribute in used)
    if None in windows:
        return exp.cast(literal("0001-01-01 00:00:00"), "TIMESTAMP")
    starts = [_before(window) for window in windows if window]
    return exp.Least(this=starts[0], expressions=starts[1:]) if len(starts) > 1 else starts[0]


def attributes(c: Compiled, keys: Sequence[str]) -> Stage:
    """Customers with their aggregates; over no events count and sum are 0, exists is false, the rest is NULL."""
    aggregates = []
    query = exp.Select().from_(exp.alias_(exp.table_("identified"), "c", table=True))
    for position, key in enumerate(keys):
        joined = f"e{position}"
        query = query.join(
            exp.alias_(exp.table_(f"{key}_by_customer", quoted=True), joined, table=True),
            on=all_of(
                column("_tenant", joined).eq(column("_tenant", "c")),
                column("_customer", joined).eq(column("_customer", "c")),
            ),
            join_type="left",
        )
        for name, attribute in _used_aggregates(c, key).items():
            aggregates.append(alias(_over_no_events(attribute, column(name, joined), joined), name))
    return Stage("attributes", query.select(exp.Column(this=exp.Star(), table=exp.to_identifier("c")), *aggregates))


def audience(c: Compiled) -> Stage:
    """Matched customers: the rule is true and no excluded segment is true."""
    rules = [truth(c.where, column, as_of_sql())]
    rules += [exp.Not(this=total(render(rule, column, as_of_sql()))) for rule in c.excluded.values()]
    return Stage("audience", select(exp.Star()).from_("attributes").where(*rules))


def buckets(c: Compiled, source: str = "audience") -> Stage:
    """The digests from which holdout and variant are read."""
    campaign = c.campaign
    digests = []
    if campaign.holdout:
        digests.append(alias(digest_sql(holdout_salt(campaign.holdout), _unit(c, campaign.holdout)), "_holdout_digest"))
    if campaign.experiment:
        unit = _unit(c, campaign.experiment)
        digests.append(alias(digest_sql(experiment_salt(campaign.experiment), unit), "_variant_digest"))
    return Stage("buckets", select(exp.Star(), *digests).from_(source))


def holdout_salt(holdout: Holdout) -> str:
    """What a holdout hashes with."""
    return f"holdout.{holdout.key}"


def experiment_salt(experiment: Experiment) -> str:
    """What an experiment hashes with."""
    return experiment.salt or f"experiment.{experiment.key}"


def assigned(c: Compiled) -> Stage:
    """Held out or not, and the variant of who is not. A customer without the unit that is bucketed is quarantined."""
    campaign = c.campaign
    outcome, reason = exp.Case(), exp.Case()
    if campaign.holdout:
        digest = column("_holdout_digest")
        held = held_out_sql(campaign.holdout.basis_points, digest)
        for test, name, why in (
            (digest.is_(exp.null()), "quarantined", "missing_unit"),
            (held, "holdout", campaign.holdout.key),
        ):
            outcome, reason = outcome.when(test.copy(), literal(name)), reason.when(test.copy(), literal(why))
    variant: exp.Expression = exp.null()
    if campaign.experiment:
        digest = column("_variant_digest")
        missing = digest.is_(exp.null())
        outcome = outcome.when(missing.copy(), literal("quarantined"))
        reason = reason.when(missing.copy(), literal("missing_unit"))
        arms = campaign.experiment.variants
        variant = variant_sql(list(arms), [arm.weight for arm in arms.values()], digest)
    send = literal("send")
    return Stage(
        "assigned",
        select(
            exp.Star(),
            alias(outcome.else_(send) if outcome.args.get("ifs") else send, "_outcome"),
            alias(reason if reason.args.get("ifs") else exp.cast(exp.null(), "VARCHAR"), "_reason"),
            alias(variant, "_assigned"),
        ).from_("buckets"),
    )


def offered(c: Compiled) -> Stage:
    """The variant and the offer of who is sent; an offer whose rule is not true is passed over, with the reason."""
    sent = column("_outcome").eq(literal("send"))
    candidate = _by_variant(c)
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


def decided(c: Compiled, launch_id: str, as_of: datetime, carry: Sequence[str] = ()) -> Stage:
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
        if instant := expires_at(offer, as_of):
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
    ]
    if c.variables:
        columns.append(alias(_variables(c), "variables"))
    columns += [column(name) for name in carry]
    return Stage("decided", select(*columns).from_("offered"))


def decisions(c: Compiled, envelope: Envelope, carry: Sequence[str] = ()) -> Stage:
    """The decisions of the snapshot: who would get an event over the limit is quarantined instead."""
    too_large = column("_too_large")
    columns: list[exp.Expression] = []
    for name in decision_columns(c):
        value: exp.Expression
        match name:
            case "outcome":
                value = exp.Case().when(too_large.copy(), literal("quarantined")).else_(column(name))
            case "reason":
                value = exp.Case().when(too_large.copy(), literal("payload_too_large")).else_(column(name))
            case "tenant" | "customer" | "variant" | "holdout_unit" | "experiment_unit":
                value = column(name)
            case _:
                value = exp.Case().when(too_large.not_(), column(name))
        columns.append(alias(value, name))
    columns += [column(name) for name in carry]
    measured = select(exp.Star(), alias(_too_large(c, envelope), "_too_large")).from_("decided")
    return Stage("decisions", select(*columns).from_(measured.subquery("measured")))


def decision_columns(c: Compiled) -> list[str]:
    """The snapshot's columns, in order. Units other than the customer are kept: without them nobody could explain."""
    parts = (("holdout_unit", c.campaign.holdout), ("experiment_unit", c.campaign.experiment))
    units = [name for name, part in parts if part and part.unit]
    return [*_DECISION, *units, *(["variables"] if c.variables else [])]


def _too_large(c: Compiled, envelope: Envelope) -> exp.Expression:
    """Whether the event would be over MAX_EVENT_BYTES, counted with the longest tenant's variables.

    A cheap upper bound decides for nearly everyone; only a decision above it is encoded to be measured. JSON writes
    a byte of text in at most 6 bytes; numbers, dates and booleans stay below 40.
    """
    longest = max(envelope.tenant_json().values(), key=lambda text: len(text.encode()))
    payload = payload_sql(envelope, literal(longest), variables=bool(c.variables))
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
    return [alias(_unit(c, part), name) for name, part in parts if part and part.unit]


def _unit(c: Compiled, part: Holdout | Experiment) -> exp.Expression:
    if part.unit is None:
        return exp.DPipe(
            this=exp.DPipe(this=column("_tenant"), expression=literal("/")), expression=column("_customer")
        )
    unit = column(part.unit)
    return unit if c.types[part.unit] == Type.TEXT else exp.cast(unit, "VARCHAR")


def _by_variant(c: Compiled) -> exp.Expression:
    """The offer that a customer's variant names, or the campaign's."""
    if c.campaign.experiment is None:
        return _key_or_null(c.campaign.offer)
    case = exp.Case(this=column("_assigned"))
    for name in c.campaign.experiment.variants:
        if key := c.campaign.offer_for(name):
            case = case.when(literal(name), literal(key))
    return case if case.args.get("ifs") else exp.null()


def _key_or_null(key: str | None) -> exp.Expression:
    return exp.null() if key is None else literal(key)


def _variables(c: Compiled) -> exp.Expression:
    """A struct with JSON's types: infinity is NULL (NaN is already), dates and timestamps are RFC 3339 text."""
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(
                this=exp.to_identifier(name, quoted=True),
                expression=_json_value(render(rule, column, as_of_sql()), rule.type),
            )
            for name, rule in c.variables.items()
        ]
    )


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


def _identity(c: Compiled, source: str, name: str) -> exp.Expression:
    return identity_of(c, source, name, column(name))


def identity_of(c: Compiled, source: str, name: str, value: exp.Expression) -> exp.Expression:
    """The text of an id column `name` of a source, read from `value`."""
    found = identity(value, c.tables[source][name], c.dialect)
    assert found is not None  # noqa: S101 - `compile_campaign` refused every other type
    return found


def _is_one_of(c: Compiled, source: str, tenant: str, customer: str, only: Sequence[Customer]) -> exp.Expression:
    """A filter that tests each customer id once, however many tenants may hold it."""
    tenants: dict[str, list[str]] = {}
    for one in only:
        tenants.setdefault(one.customer, []).append(one.tenant)
    return any_of(
        *(
            all_of(
                _identity(c, source, customer).eq(literal(wanted)),
                _identity(c, source, tenant).isin(*(literal(key) for key in keys)),
            )
            for wanted, keys in tenants.items()
        )
    )


def used_events(c: Compiled) -> list[str]:
    """The event tables whose aggregates the campaign uses."""
    return [key for key in c.scope.events if _used_aggregates(c, key)]


def _used_aggregates(c: Compiled, key: str) -> dict[str, Attribute]:
    return {
        name: attribute
        for name, attribute in c.scope.attributes.items()
        if name in c.used and name in c.types and attribute.events == key
    }


def _aggregate(c: Compiled, name: str, attribute: Attribute, table: EventTable, at: exp.Expression) -> exp.Expression:
    source = c.tables[events_table(attribute.events)]

    def event_column(name: str) -> exp.Expression:
        # The table's own time is within its years already: the stage filters on it.
        kind = instant if name == table.at and column_type(source[name], c.dialect) == Type.TIMESTAMP else typed
        return kind(column(name), source[name], c.dialect)

    conditions: list[exp.Expression] = []
    if attribute.within:
        conditions.append(exp.GTE(this=at.copy(), expression=_before(attribute.within)))
    if name in c.attribute_rules:
        conditions.append(truth(c.attribute_rules[name], event_column, as_of_sql()))

    def over(aggregate: exp.Expression) -> exp.Expression:
        if not conditions:
            return aggregate
        return exp.Filter(this=aggregate, expression=exp.Where(this=all_of(*conditions)))

    value = event_column(attribute.column) if attribute.column else None
    match attribute.aggregate:
        case "count":
            return over(exp.Count(this=exp.Star()))
        case "exists":
            return exp.GT(this=over(exp.Count(this=exp.Star())), expression=literal(0))
        case "sum" if c.types[name] == Type.INTEGER:
            summed = exp.Coalesce(this=over(exp.Sum(this=value)), expressions=[literal(0)])
            return exp.TryCast(this=summed, to=exp.DataType.build("BIGINT"), safe=True)
        case "sum":
            return _not_nan(exp.Coalesce(this=over(exp.Sum(this=value)), expressions=[exp.cast(literal(0), "DOUBLE")]))
        case "avg":
            return _not_nan(over(exp.Avg(this=value)))
        case "min":
            return over(exp.Min(this=value))
        case "max":
            return over(exp.Max(this=value))


def _not_nan(value: exp.Expression) -> exp.Expression:
    return exp.Case().when(exp.Not(this=exp.IsNan(this=value)), value.copy())


def _over_no_events(attribute: Attribute, value: exp.Expression, joined: str) -> exp.Expression:
    match attribute.aggregate:
        case "count":
            return exp.Coalesce(this=value, expressions=[literal(0)])
        case "exists":
            return total(value)
        case "sum":
            return exp.Case().when(column("_customer", joined).is_(exp.null()), literal(0)).else_(value)
        case _:
            return value


def _before(within: Duration) -> exp.Expression:
    step = exp.Interval(this=literal(str(within.amount)), unit=exp.Var(this=within.unit.upper()))
    return exp.Sub(this=as_of_sql(), expression=step)
