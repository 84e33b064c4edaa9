"""The stages that hold out and assign: buckets -> assigned."""

from __future__ import annotations

from sqlglot import exp

from campaigns.audience import Type
from campaigns.definitions import Experiment, Holdout
from campaigns.experiment.md5x32 import digest_sql, held_out_sql, variant_sql
from campaigns.plan.compile import Compiled
from campaigns.plan.sql import alias, column, literal, select
from campaigns.plan.stage import Stage


def buckets(c: Compiled, source: str = "audience") -> Stage:
    """The digests from which holdout and variant are read."""
    campaign = c.campaign
    digests = []
    if campaign.holdout:
        digests.append(
            alias(digest_sql(holdout_salt(campaign.holdout), unit_sql(c, campaign.holdout)), "_holdout_digest")
        )
    if campaign.experiment:
        unit = unit_sql(c, campaign.experiment)
        digests.append(alias(digest_sql(experiment_salt(campaign.experiment), unit), "_variant_digest"))
    return Stage("buckets", select(exp.Star(), *digests).from_(source))


def holdout_salt(holdout: Holdout) -> str:
    """What a holdout hashes with."""
    return holdout.salt or f"holdout.{holdout.key}"


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


def unit_sql(c: Compiled, part: Holdout | Experiment) -> exp.Expression:
    if part.unit is None:
        return exp.DPipe(
            this=exp.DPipe(this=column("_tenant"), expression=literal("/")), expression=column("_customer")
        )
    unit = column(part.unit)
    return unit if c.types[part.unit] == Type.TEXT else exp.cast(unit, "VARCHAR")
