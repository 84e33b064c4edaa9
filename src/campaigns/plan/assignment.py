"""The stages that hold out and assign: buckets -> assigned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlglot import exp

from campaigns.audience import Type
from campaigns.definitions import Campaign, Experiment, Holdout, Level, SharedHoldout
from campaigns.definitions.closure import holds_for, honoured, targeted
from campaigns.experiment.md5x32 import digest_sql, held_out_sql, variant_sql, within_sql
from campaigns.experiment.splits import splits
from campaigns.plan.compile import Compiled
from campaigns.plan.reach import Scope
from campaigns.plan.sql import alias, all_of, any_of, column, function, literal, select, total
from campaigns.plan.stage import Stage

NOT_ALLOCATED = "not_allocated"
AWAITING_WINNER = "awaiting_winner"
BLOCKED = "bucket_version_blocked"
"""Reasons of `suppressed`."""


class Withheld(NamedTuple):
    """A holdout that holds at a launch's instant; `tenants`: None for all that the campaign addresses."""

    key: str
    holdout: Holdout | SharedHoldout
    tenants: frozenset[str] | None


class Assigning(NamedTuple):
    """What a launch assigns by, besides its definition.

    `remembering`: what earlier launches assigned is in the columns `_kept` and `_blocked`; `promoted`: the arm that
    everybody gets.
    """

    as_of: datetime
    remembering: bool = False
    promoted: str | None = None


class Step(NamedTuple):
    """What becomes of the customers for whom `test` is the first that is true."""

    test: exp.Expression
    outcome: str
    reason: exp.Expression


def withheld(scope: Scope, campaign: Campaign, as_of: datetime) -> list[Withheld]:
    """The holdouts of a launch: the workspace's in its order, then the campaign's own."""
    addressed = targeted(scope, campaign)
    found = []
    for key, holdout in honoured(scope, campaign).items():
        if holdout.covers(as_of):
            tenants = frozenset(name for name, tenant in addressed.items() if holds_for(holdout, name, tenant))
            found.append(Withheld(key, holdout, None if tenants == set(addressed) else tenants))
    own = campaign.holdout
    return [*found, *([Withheld(own.key, own, None)] if own else [])]


def buckets(c: Compiled, a: Assigning, source: str = "audience") -> Stage:
    """The digests from which holdouts, allocation and variant are read, and the variant that is forced."""
    columns = [
        alias(
            digest_sql(holdout_salt(each.key, each.holdout), unit_sql(c, each.holdout.unit)),
            f"_holdout_digest_{number}",
        )
        for number, each in enumerate(withheld(c.scope, c.campaign, a.as_of))
    ]
    experiment = c.campaign.experiment
    if experiment is not None and a.promoted is None:
        unit = unit_sql(c, experiment.unit)
        salts = experiment_salts(experiment)
        columns += [alias(digest_sql(salt, unit), name) for name, salt in salts.items()]
        if experiment.forced:
            columns.append(alias(_forced(experiment), "_forced"))
    return Stage("buckets", select(exp.Star(), *columns).from_(source))


def holdout_salt(key: str, holdout: Holdout | SharedHoldout) -> str:
    """What a holdout hashes with."""
    return holdout.salt or f"holdout.{key}"


def experiment_salt(experiment: Experiment, factor: str | None = None) -> str:
    """What an experiment, or a factor of it, hashes with."""
    salt = experiment.salt or f"experiment.{experiment.key}"
    return salt if factor is None else f"{salt}.{factor}"


def allocation_salt(experiment: Experiment) -> str:
    """What the allocation hashes with: the layer, so that its experiments exclude each other."""
    return f"layer.{experiment.layer}" if experiment.layer else experiment_salt(experiment)


def test_salt(experiment: Experiment) -> str:
    """What decides who is in the test."""
    return f"{experiment_salt(experiment)}.test"


def experiment_salts(experiment: Experiment) -> dict[str, str]:
    """The salt of every digest that an experiment needs, by the column that holds it."""
    salts = {_digest(factor): experiment_salt(experiment, factor) for factor in experiment.factors or (None,)}
    if not experiment.everyone:
        salts["_allocation_digest"] = allocation_salt(experiment)
    if experiment.test:
        salts["_test_digest"] = test_salt(experiment)
    return salts


def assigned(c: Compiled, a: Assigning) -> Stage:
    """Held out or not, and the arm of who is not.

    A customer without the unit that is bucketed is quarantined.
    """
    steps = [*_holding_out(c, a.as_of)]
    arm: exp.Expression = exp.null() if a.promoted is None else literal(a.promoted)
    experiment = c.campaign.experiment
    marks = []
    if experiment is not None and a.promoted is None:
        arm = _arm(c, experiment)
        taking_part = [*_taking_part(experiment)]
        if a.remembering:
            kept = column("_kept")
            arm = exp.Coalesce(this=kept, expressions=[arm])
            taking_part = [
                Step(total(column("_blocked")), "suppressed", literal(BLOCKED)),
                Step(_known(kept), "send", exp.null()),
                *taking_part,
            ]
            marks.append(alias(all_of(_known(kept), exp.Not(this=total(column("_blocked")))), "_sticky"))
        steps += taking_part
        if experiment.forced:
            arm = exp.Coalesce(this=column("_forced"), expressions=[arm])
            steps = [Step(_known(column("_forced")), "send", exp.null()), *steps]
    outcome, reason = exp.Case(), exp.Case()
    for step in steps:
        outcome = outcome.when(step.test.copy(), literal(step.outcome))
        reason = reason.when(step.test.copy(), step.reason)
    send = literal("send")
    return Stage(
        "assigned",
        select(
            exp.Star(),
            alias(outcome.else_(send) if steps else send, "_outcome"),
            alias(reason if steps else exp.cast(exp.null(), "VARCHAR"), "_reason"),
            alias(arm, "_assigned"),
            *marks,
        ).from_("buckets"),
    )


def unit_sql(c: Compiled, unit: str | None, table: str | None = None) -> exp.Expression:
    """The text that is bucketed: `<tenant>/<customer id>`, unless an attribute is named."""
    if unit is None:
        tenant = exp.DPipe(this=column("_tenant", table), expression=literal("/"))
        return exp.DPipe(this=tenant, expression=column("_customer", table))
    value = column(unit, table)
    return value if c.types[unit] == Type.TEXT else exp.cast(value, "VARCHAR")


def level_sql(experiment: Experiment, factor: str, arm: exp.Expression) -> exp.Expression:
    """The level of a factor, from the name of the arm; see `campaigns.definitions.arm_name`."""
    part = function("split_part", arm.copy(), literal(","), literal(list(experiment.factors).index(factor) + 1))
    return function("substr", part, literal(len(factor) + 2))


def _holding_out(c: Compiled, as_of: datetime) -> Iterator[Step]:
    for number, each in enumerate(withheld(c.scope, c.campaign, as_of)):
        digest = column(f"_holdout_digest_{number}")
        for test, outcome, why in (
            (digest.is_(exp.null()), "quarantined", "missing_unit"),
            (held_out_sql(each.holdout.basis_points, digest), "holdout", each.key),
        ):
            scoped = test if each.tenants is None else all_of(column("_tenant").isin(*_texts(each.tenants)), test)
            yield Step(scoped, outcome, literal(why))


def _taking_part(experiment: Experiment) -> Iterator[Step]:
    yield Step(column(next(iter(experiment_salts(experiment)))).is_(exp.null()), "quarantined", literal("missing_unit"))
    if not experiment.everyone:
        inside = any_of(
            *(within_sql(part.low, part.high, column("_allocation_digest")) for part in experiment.allocation)
        )
        yield Step(exp.Not(this=exp.Paren(this=inside)), "suppressed", literal(NOT_ALLOCATED))
    if experiment.test:
        inside = held_out_sql(experiment.test.basis_points, column("_test_digest"))
        yield Step(exp.Not(this=exp.Paren(this=inside)), "suppressed", literal(AWAITING_WINNER))


def _arm(c: Compiled, experiment: Experiment) -> exp.Expression:
    """The arm that the hashes say: by the weights of the customer's tenant."""
    if experiment.factors:
        return _concatenated(
            [
                part
                for number, (factor, levels) in enumerate(experiment.factors.items())
                for part in (literal(f"{',' if number else ''}{factor}="), _choice(levels, column(_digest(factor))))
            ]
        )
    case = exp.Case()
    *own, others = splits(c.campaign, targeted(c.scope, c.campaign))
    digest = column(_digest(None))
    for split in own:
        chosen = variant_sql(list(split.weights), list(split.weights.values()), digest)
        case = case.when(column("_tenant").isin(*_texts(split.tenants or ())), chosen)
    chosen = variant_sql(list(others.weights), list(others.weights.values()), digest)
    return case.else_(chosen) if own else chosen


def _choice(levels: Mapping[str, Level], digest: exp.Expression) -> exp.Expression:
    return variant_sql(list(levels), [level.weight for level in levels.values()], digest)


def _forced(experiment: Experiment) -> exp.Expression:
    case = exp.Case()
    for who, arm in experiment.forced.items():
        tenant, customer = who.split("/", 1)
        test = all_of(column("_customer").eq(literal(customer)), column("_tenant").eq(literal(tenant)))
        case = case.when(test, literal(arm))
    return case


def _digest(factor: str | None) -> str:
    return "_variant_digest" if factor is None else f"_factor_{factor}_digest"


def _concatenated(parts: Sequence[exp.Expression]) -> exp.Expression:
    joined = parts[0]
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=part)
    return joined


def _known(value: exp.Expression) -> exp.Expression:
    return value.copy().is_(exp.null()).not_()


def _texts(values: Sequence[str] | frozenset[str]) -> list[exp.Expression]:
    return [literal(value) for value in sorted(values)]
