"""Queries over the files of a snapshot: what they count, and their decisions as events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlglot import exp

from campaigns.engines.port import Query
from campaigns.events.encode import Envelope, payload_sql
from campaigns.plan.sql import alias, column, function, literal, select

_DIALECT = "duckdb"
"""Snapshots are Parquet and always read by DuckDB, whichever engine decided: so the bytes of events never differ."""


def counts_query(files: Sequence[Path]) -> Query:
    """filename, outcome, reason, variant, offer, tenant, grouping, decisions, sends: the shards counted in one pass.

    One grouping each by file, by outcome and reason, by variant, by offer and by tenant; `grouping` tells which
    (bits set for the columns that are not grouped, first column highest).
    """
    names = ["filename", "outcome", "reason", "variant", "offer", "tenant"]
    columns = [column(name) for name in names]
    sets = [["filename"], ["outcome", "reason"], ["variant"], ["offer"], ["tenant"]]
    sends = exp.Filter(
        this=exp.Count(this=exp.Star()), expression=exp.Where(this=column("outcome").eq(literal("send")))
    )
    query = (
        select(*columns, alias(function("grouping", *(part.copy() for part in columns)), "grouping"))
        .select(alias(exp.Count(this=exp.Star()), "decisions"), alias(sends, "sends"))
        .from_(_parquet(files, filename=exp.true()))
    )
    groups = ", ".join(f"({', '.join(column(name).sql(_DIALECT) for name in names_)})" for names_ in sets)
    return Query(f"{query.sql(_DIALECT, pretty=True)}\nGROUP BY GROUPING SETS ({groups})")


def decisions_query(files: Sequence[Path], customer: str) -> Query:
    """Every column of a customer's decisions, in whatever tenant."""
    query = select(exp.Star()).from_(_parquet(files)).where(column("customer").eq(exp.Placeholder(this="customer")))
    return Query(query.sql(_DIALECT, pretty=True), {"customer": customer})


def events_query(envelope: Envelope, file: Path, start: int, *, variables: bool) -> Query:
    """row, key, payload, id of a shard's decisions from row `start` on; payload and id are NULL where nothing is sent.

    Every row is there, so that the reader can see that none is missing before a checkpoint passes it.
    """
    payload = payload_sql(envelope, tenant_json_sql(envelope), variables=variables)
    key = exp.DPipe(this=exp.DPipe(this=column("tenant"), expression=literal("/")), expression=column("customer"))
    query = (
        select(
            alias(column("file_row_number"), "row"),
            alias(key, "key"),
            alias(function("encode", payload), "payload"),
            alias(column("event_id"), "id"),
        )
        .from_(_parquet([file], file_row_number=exp.true()))
        .where(exp.GTE(this=column("file_row_number"), expression=exp.Placeholder(this="start")))
    )
    return Query(query.sql(_DIALECT), {"start": start})


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


def _parquet(files: Sequence[Path], **options: exp.Expression) -> exp.Expression:
    paths = exp.array(*(literal(str(file)) for file in files))
    named = [exp.EQ(this=exp.to_identifier(name), expression=value) for name, value in options.items()]
    return exp.Anonymous(this="read_parquet", expressions=[paths, *named])
