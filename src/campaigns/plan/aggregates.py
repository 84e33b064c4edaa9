"""The stages that aggregate event tables: one pass each, point-in-time, grouped by customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from campaigns.audience import Type, truth
from campaigns.definitions import Attribute, Duration, EventTable
from campaigns.plan.columns import column_type, instant, summand, typed
from campaigns.plan.compile import Compiled, events_table
from campaigns.plan.sql import alias, all_of, column, literal, select, total
from campaigns.plan.stage import Customer, Stage, as_of_sql, identity_sql, is_one_of


def by_customer(c: Compiled, key: str, only: Sequence[Customer] = ()) -> Stage:
    """All used aggregates over one event table, in one pass of it, of events before as_of."""
    table, source = c.scope.events[key], events_table(key)
    used = used_aggregates(c, key)
    at = instant(column(table.at), c.tables[source][table.at], c.dialect)
    during = exp.GTE(this=at.copy(), expression=_earliest(used.values()))
    query = (
        select(
            alias(identity_sql(c, source, table.tenant), "_tenant"),
            alias(identity_sql(c, source, table.customer), "_customer"),
            *(alias(_aggregate(c, name, attribute, table, at), name) for name, attribute in used.items()),
        )
        .from_(exp.table_(source, db="source", quoted=True))
        .where(exp.LT(this=at, expression=as_of_sql()), during)
        .group_by(literal(1), literal(2))
    )
    if only:
        query = query.where(is_one_of(c, source, table.tenant, table.customer, only))
    return Stage(f"{key}_by_customer", query)


def _earliest(used: Iterable[Attribute]) -> exp.Expression:
    """The instant before which no aggregate of a table needs an event: year 1 as soon as one has no window."""
    windows = dict.fromkeys(attribute.within for attribute in used)
    if None in windows:
        return exp.cast(literal("0001-01-01 00:00:00"), "TIMESTAMP")
    starts = [_before(window) for window in windows if window]
    return exp.Least(this=starts[0], expressions=starts[1:]) if len(starts) > 1 else starts[0]


def used_events(c: Compiled) -> list[str]:
    """The event tables whose aggregates the campaign uses."""
    return [key for key in c.scope.events if used_aggregates(c, key)]


def used_aggregates(c: Compiled, key: str) -> dict[str, Attribute]:
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
    added = summand(column(attribute.column), source[attribute.column], c.dialect) if attribute.column else None
    match attribute.aggregate:
        case "count":
            return over(exp.Count(this=exp.Star()))
        case "exists":
            return exp.GT(this=over(exp.Count(this=exp.Star())), expression=literal(0))
        case "sum" if c.types[name] == Type.INTEGER:
            summed = exp.Coalesce(this=over(exp.Sum(this=value)), expressions=[literal(0)])
            return exp.TryCast(this=summed, to=exp.DataType.build("BIGINT"), safe=True)
        case "sum":
            exactly = exp.cast(over(exp.Sum(this=added)), "DOUBLE")
            return _not_nan(exp.Coalesce(this=exactly, expressions=[exp.cast(literal(0), "DOUBLE")]))
        case "avg":
            return _not_nan(over(exp.Avg(this=added)))
        case "min":
            return over(exp.Min(this=value))
        case "max":
            return over(exp.Max(this=value))


def _not_nan(value: exp.Expression) -> exp.Expression:
    return exp.Case().when(exp.Not(this=exp.IsNan(this=value)), value.copy())


def over_no_events(attribute: Attribute, value: exp.Expression, joined: str) -> exp.Expression:
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
