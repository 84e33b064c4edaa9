"""What a metric measures, as SQL over one row of its event table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlglot import exp

from campaigns.audience import Type, truth
from campaigns.definitions import EventTable, Workspace
from campaigns.definitions.metrics import Measuring
from campaigns.plan.columns import column_type, identity, instant, typed
from campaigns.plan.compile import Locate, Tables, check_metrics, events_table, unlocated
from campaigns.plan.sql import column, function
from campaigns.plan.stage import as_of_sql

METRIC_DIALECT = "duckdb"
"""Snapshots are read by DuckDB, and metrics beside them."""


class Measured(NamedTuple):
    """One part of a metric: what it aggregates, over which attached table, and SQL texts over one row of that table.

    `value` is what a row adds (a DOUBLE), `condition` whether it counts.
    """

    aggregate: Measuring
    table: str
    value: str
    condition: str | None


class EventSource(NamedTuple):
    """SQL texts of who did it and when, over one row of an attached event table; `id` where the table declares one."""

    customer: str
    tenant: str
    at: str
    id: str | None


def measures(
    workspace: Workspace, names: Collection[str], tables: Tables, locate: Locate = unlocated
) -> dict[str, dict[str, Measured]]:
    """The parts of each metric. Raises InvalidDefinition with every problem of these metrics."""
    rules = check_metrics(workspace, names, tables, METRIC_DIALECT, locate)
    found: dict[str, dict[str, Measured]] = {}
    for (name, part), rule in rules.items():
        measure = workspace.metrics[name].parts[part]
        table, types = events_table(measure.events), tables[events_table(measure.events)]
        at = workspace.events[measure.events].at
        value: exp.Expression = exp.Literal.number(1)
        if measure.column is not None:
            value = typed(column(measure.column), types[measure.column], METRIC_DIALECT)
            if column_type(types[measure.column], METRIC_DIALECT) == Type.NUMBER:  # what is not finite adds nothing
                value = exp.Case().when(function("isfinite", value), value.copy())

        def cell(name: str, types: Mapping[str, str] = types, at: str = at) -> exp.Expression:
            when = name == at and column_type(types[name], METRIC_DIALECT) == Type.TIMESTAMP
            return (instant if when else typed)(column(name), types[name], METRIC_DIALECT)

        condition = truth(rule, cell, as_of_sql()) if rule else None
        found.setdefault(name, {})[part] = Measured(
            measure.aggregate,
            table,
            _text(exp.cast(value, "DOUBLE")),
            None if condition is None else _text(condition),
        )
    return found


def event_source(table: EventTable, types: Mapping[str, str]) -> EventSource:
    """Where an event table, whose columns were checked, says who and when."""
    customer, tenant = (identity(column(name), types[name], METRIC_DIALECT) for name in (table.customer, table.tenant))
    assert customer is not None  # noqa: S101 - `check_metrics` refused every other type
    assert tenant is not None  # noqa: S101
    at = instant(column(table.at), types[table.at], METRIC_DIALECT)
    return EventSource(_text(customer), _text(tenant), _text(at), _text(column(table.id)) if table.id else None)


def _text(expression: exp.Expression) -> str:
    return expression.sql(METRIC_DIALECT)
