"""The stages that find who is matched: customers -> identified -> attributes -> audience."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlglot import exp

from campaigns.audience import render, truth
from campaigns.plan.aggregates import over_no_events, used_aggregates
from campaigns.plan.columns import typed
from campaigns.plan.compile import Compiled
from campaigns.plan.sql import alias, all_of, column, function, literal, select, total
from campaigns.plan.stage import QUARANTINED, Customer, Stage, as_of_sql, identity_sql, is_one_of


def customers(c: Compiled, only: Sequence[Customer] = ()) -> Stage:
    """Identity as text and the used columns as typed values."""
    source, types = c.scope.customers, c.tables["customers"]
    columns = [
        alias(typed(column(name), types[name], c.dialect), name)
        for name in types
        if name in c.used and name in c.types and name not in c.scope.attributes
    ]
    query = select(
        alias(identity_sql(c, "customers", source.tenant), "_tenant"),
        alias(identity_sql(c, "customers", source.id), "_customer"),
        *columns,
    ).from_(exp.table_("customers", db="source"))
    if only:
        query = query.where(is_one_of(c, "customers", source.tenant, source.id, only))
    return Stage("customers", query)


def identified(tenants: Collection[str], known: Collection[str]) -> Stage:
    """Rows of the campaign's tenants that can be decided: those that the screening did not quarantine.

    Few conditions on purpose: each one makes the optimizer expect fewer rows than there are.
    """
    c = {name: column(name, "c") for name in ("_tenant", "_customer")}
    query = (
        select(exp.Star())
        .from_(exp.alias_(exp.table_("customers"), "c", table=True))
        .join(
            exp.alias_(exp.table_(QUARANTINED), "q", table=True),
            on=all_of(*(column(name, "q").eq(mine) for name, mine in c.items())),
            join_type="anti",
        )
        .where(*(mine.is_(exp.null()).not_() for mine in c.values()))
    )
    if set(tenants) != set(known):
        query = query.where(c["_tenant"].isin(*(literal(tenant) for tenant in tenants)))
    return Stage("identified", query)


def has_nul(value: exp.Expression) -> exp.Expression:
    """Whether a text holds a NUL character."""
    return function("contains", value, function("chr", literal(0)))


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
        for name, attribute in used_aggregates(c, key).items():
            aggregates.append(alias(over_no_events(attribute, column(name, joined), joined), name))
    return Stage("attributes", query.select(exp.Column(this=exp.Star(), table=exp.to_identifier("c")), *aggregates))


def audience(c: Compiled) -> Stage:
    """Matched customers: the rule is true and no excluded segment is true."""
    rules = [truth(c.where, column, as_of_sql()), *not_excluded(c)]
    return Stage("audience", select(exp.Star()).from_("attributes").where(*rules))


def not_excluded(c: Compiled) -> list[exp.Expression]:
    """A condition for each excluded segment: true where the segment is not, also where it is NULL."""
    return [exp.Not(this=total(render(rule, column, as_of_sql()))) for rule in c.excluded.values()]
