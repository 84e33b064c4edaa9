"""Queries over the files of a snapshot: what they count, and their decisions as events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlglot import exp

from campaigns.engines.port import Query
from campaigns.events.encode import Envelope, payload_sql
from campaigns.plan.sql import alias, all_of, column, function, literal, parquet, select, total

_DIALECT = "duckdb"
"""Snapshots are Parquet and always read by DuckDB, whichever engine decided: so the bytes of events never differ."""


def counts_query(files: Sequence[Path], marks: Sequence[str] = ()) -> Query:
    """filename, outcome, reason, variant, offer, tenant, grouping, decisions, sends, chance: the shards counted.

    One grouping each by file and tenant, by outcome and reason, by variant and tenant, by offer and by tenant;
    `grouping` tells which (bits set for the columns that are not grouped, first column highest). `chance` are the
    sends that none of the columns `marks` is true for: those that chance assigned.
    """
    names = ["filename", "outcome", "reason", "variant", "offer", "tenant"]
    columns = [column(name) for name in names]
    sets = [["filename", "tenant"], ["outcome", "reason"], ["variant", "tenant"], ["offer"], ["tenant"]]
    sends = exp.Filter(
        this=exp.Count(this=exp.Star()), expression=exp.Where(this=column("outcome").eq(literal("send")))
    )
    by_chance = all_of(column("outcome").eq(literal("send")), *(exp.Not(this=total(column(mark))) for mark in marks))
    chance = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=by_chance))
    query = (
        select(*columns, alias(function("grouping", *(part.copy() for part in columns)), "grouping"))
        .select(alias(exp.Count(this=exp.Star()), "decisions"), alias(sends, "sends"), alias(chance, "chance"))
        .from_(parquet(files, filename=exp.true()))
    )
    groups = ", ".join(f"({', '.join(column(name).sql(_DIALECT) for name in names_)})" for names_ in sets)
    return Query(f"{query.sql(_DIALECT, pretty=True)}\nGROUP BY GROUPING SETS ({groups})")


def decisions_query(files: Sequence[Path], customer: str) -> Query:
    """Every column of a customer's decisions, in whatever tenant."""
    query = select(exp.Star()).from_(parquet(files)).where(column("customer").eq(exp.Placeholder(this="customer")))
    return Query(query.sql(_DIALECT, pretty=True), {"customer": customer})


def events_query(
    envelope: Envelope,
    file: Path,
    start: int,
    *,
    variables: bool,
    only: Sequence[str] = (),
    but: Sequence[str] = (),
) -> Query:
    """row, key, value, id of the events of a shard from row `start` on, in the order of its rows.

    `only` names the tenants whose events are wanted, all without; those of the tenants in `but` are left out.
    """
    payload = payload_sql(envelope, tenant_json_sql(envelope), variables=variables)
    key = exp.DPipe(this=exp.DPipe(this=column("tenant"), expression=literal("/")), expression=column("customer"))
    query = (
        select(
            alias(column("file_row_number"), "row"),
            alias(key, "key"),
            alias(function("encode", payload), "value"),
            alias(column("event_id"), "id"),
        )
        .from_(parquet([file], file_row_number=exp.true()))
        .where(exp.GTE(this=column("file_row_number"), expression=exp.Placeholder(this="start")))
    )
    return Query(_sends(query, only, but).sql(_DIALECT), {"start": start})


def sends_query(file: Path, end: int, *, only: Sequence[str] = (), but: Sequence[str] = ()) -> Query:
    """sends: how many of a shard's rows before row `end` are events, of those tenants; see `events_query`."""
    query = (
        select(alias(exp.Count(this=exp.Star()), "sends"))
        .from_(parquet([file], file_row_number=exp.true()))
        .where(exp.LT(this=column("file_row_number"), expression=exp.Placeholder(this="end")))
    )
    return Query(_sends(query, only, but).sql(_DIALECT), {"end": end})


def _sends(query: exp.Select, only: Sequence[str], but: Sequence[str]) -> exp.Select:
    query = query.where(column("outcome").eq(literal("send")))
    if only:
        query = query.where(column("tenant").isin(*only))
    if but:
        query = query.where(exp.Not(this=column("tenant").isin(*but)))
    return query


def tenant_json_sql(envelope: Envelope) -> exp.Expression:
    """The encoded variables of the decision's tenant: an enumeration's number picks them from a list.

    A join would look simpler, but DuckDB holds small pieces of a join's result back, so rows would lose their order;
    a CASE or a map tries one tenant after the other.
    """
    tenants = envelope.tenant_json()
    enumeration = exp.DataType(this=exp.DataType.Type.ENUM, expressions=[literal(key) for key in tenants])
    number = function("enum_code", exp.cast(column("tenant"), enumeration))
    texts = exp.array(*(literal(text) for text in tenants.values()))
    return function("list_extract", texts, exp.Add(this=number, expression=literal(1)))
