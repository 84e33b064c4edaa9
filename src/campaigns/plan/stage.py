"""What every stage of a plan is made of: names, the instant, and the identity of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlglot import exp

from campaigns.plan.columns import identity
from campaigns.plan.compile import Compiled
from campaigns.plan.sql import all_of, any_of, column, literal

AS_OF = "as_of"


QUARANTINED = "quarantined"
"""The temporary table of source rows that cannot be decided."""


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


def identity_sql(c: Compiled, source: str, name: str) -> exp.Expression:
    """The text of an id column of a source."""
    found = identity(column(name), c.tables[source][name], c.dialect)
    assert found is not None  # noqa: S101 - `compile_campaign` refused every other type
    return found


def is_one_of(c: Compiled, source: str, tenant: str, customer: str, only: Sequence[Customer]) -> exp.Expression:
    """A filter that tests each customer id once, however many tenants may hold it."""
    tenants: dict[str, list[str]] = {}
    for one in only:
        tenants.setdefault(one.customer, []).append(one.tenant)
    return any_of(
        *(
            all_of(
                identity_sql(c, source, customer).eq(literal(wanted)),
                identity_sql(c, source, tenant).isin(*(literal(key) for key in keys)),
            )
            for wanted, keys in tenants.items()
        )
    )
