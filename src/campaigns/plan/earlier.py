"""The stages that read the snapshots of earlier launches: what they assigned, and who waits for a winner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlglot import exp

from campaigns.definitions import Experiment
from campaigns.engines.port import Query
from campaigns.plan.assignment import AWAITING_WINNER, unit_sql
from campaigns.plan.compile import Compiled
from campaigns.plan.sql import alias, all_of, column, function, literal, parquet, select
from campaigns.plan.stage import Stage


class Earlier(NamedTuple):
    """An earlier launch of the same experiment: the files of its snapshot and what its definition said.

    `unit`: the experiment buckets another attribute than the customer; `forced`: some variants are forced.
    """

    files: Sequence[Path]
    bucket_version: int
    unit: bool
    forced: bool


def remembered(c: Compiled, experiment: Experiment, earlier: Sequence[Earlier], source: str) -> Stage:
    """The audience with `_kept`, the variant of the last launch that assigned one under this version of the buckets,
    and `_blocked`, whether one did under a version that is excluded by now.

    As GrowthBook's sticky bucketing does: an assignment of another version counts as none, one below
    `min_bucket_version` leaves the customer out, a variant that does not exist any more is assigned anew.
    """
    e = "earlier"
    query = (
        select(exp.Column(this=exp.Star(), table=exp.to_identifier("a")), column("_kept", e), column("_blocked", e))
        .from_(exp.alias_(exp.table_(source), "a", table=True))
        .join(
            exp.alias_(_by_unit(experiment, earlier).subquery(), e, table=True),
            on=column("_unit", e).eq(unit_sql(c, experiment.unit, "a")),
            join_type="left",
        )
    )
    return Stage("remembered", query)


def awaiting(source: str, files: Sequence[Path]) -> Stage:
    """The audience, of which only those who wait for the winner of a test."""
    names = {"tenant": "_tenant", "customer": "_customer"}
    waiting = select(*map(column, names)).from_(parquet(files)).where(column("reason").eq(literal(AWAITING_WINNER)))
    query = (
        select(exp.Column(this=exp.Star(), table=exp.to_identifier("a")))
        .from_(exp.alias_(exp.table_(source), "a", table=True))
        .join(
            exp.alias_(waiting.subquery(), "w", table=True),
            on=all_of(*(column(theirs, "w").eq(column(mine, "a")) for theirs, mine in names.items())),
            join_type="semi",
        )
    )
    return Stage("awaiting", query)


def _by_unit(experiment: Experiment, earlier: Sequence[Earlier]) -> exp.Select:
    """_unit, _kept, _blocked: one row per unit that an earlier launch assigned."""
    parts = [_assignments(number, launch) for number, launch in enumerate(earlier)]
    union: exp.Query = parts[0]
    for part in parts[1:]:
        union = exp.union(union, part, distinct=False)
    kept: exp.Expression = exp.cast(exp.null(), "VARCHAR")
    if experiment.sticky:
        counts = all_of(
            column("_version").eq(literal(experiment.bucket_version)),
            column("_arm").isin(*(literal(arm) for arm in experiment.arms)),
        )
        kept = exp.Filter(
            this=function("arg_max", column("_arm"), column("_launch")), expression=exp.Where(this=counts)
        )
    blocked = function("bool_or", column("_version") < literal(experiment.min_bucket_version))
    return (
        select(column("_unit"), alias(kept, "_kept"), alias(blocked, "_blocked"))
        .from_(union.subquery("assignments"))
        .group_by(column("_unit"))
    )


def _assignments(number: int, launch: Earlier) -> exp.Select:
    unit: exp.Expression = column("experiment_unit")
    if not launch.unit:
        unit = exp.DPipe(this=exp.DPipe(this=column("tenant"), expression=literal("/")), expression=column("customer"))
    query = (
        select(alias(unit, "_unit"), alias(column("variant"), "_arm"))
        .select(alias(literal(launch.bucket_version), "_version"), alias(literal(number), "_launch"))
        .from_(parquet(launch.files))
        .where(column("variant").is_(exp.null()).not_())
    )
    return query.where(exp.Not(this=column("forced"))) if launch.forced else query


def assigned_among(earlier: Sequence[Earlier], files: Sequence[Path], reason: str) -> Query:
    """customers: how many decisions of a snapshot with this reason are of customers whom earlier launches assigned."""
    names = ("tenant", "customer")
    parts = [
        select(*map(column, names)).from_(parquet(each.files)).where(column("variant").is_(exp.null()).not_())
        for each in earlier
    ]
    known: exp.Query = parts[0]
    for part in parts[1:]:
        known = exp.union(known, part, distinct=False)
    decided = select(*map(column, names)).from_(parquet(files)).where(column("reason").eq(literal(reason)))
    query = (
        select(alias(exp.Count(this=exp.Star()), "customers"))
        .from_(decided.subquery("d"))
        .join(
            exp.alias_(known.subquery(), "known", table=True),
            on=all_of(*(column(name, "known").eq(column(name, "d")) for name in names)),
            join_type="semi",
        )
    )
    return Query(query.sql("duckdb", pretty=True))
