"""Power: which effects a campaign could show, from its audience and what such customers did before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from campaigns.analysis import sql
from campaigns.analysis.compare import kind_of
from campaigns.analysis.frame import Frame
from campaigns.analysis.outcomes import capped, collected, totals
from campaigns.definitions import Experiment, Workspace
from campaigns.definitions.instants import format_instant
from campaigns.engines.port import Engine, Query
from campaigns.plan import Plan
from campaigns.plan.compile import Tables
from campaigns.statistics import Kind, Moments, minimum_detectable_effect, pooled, required_customers

POWER = 0.8
ALPHA = 0.05
_HOPELESS = 1.0
"""A minimum detectable effect above this share of the mean: no campaign doubles anything."""


def power(
    plan: Plan, engine: Engine, workspace: Workspace, tables: Tables, metric: str, effect: float | None
) -> dict[str, Any]:
    """The document of `campaigns power`: by the customers whom the plan would assign, and the metric over the same
    window before `as_of`. `effect` is relative to the mean, 0.05 is 5 %.

    Raises InvalidDefinition for a metric that cannot be measured, InvalidData for broken sources.
    """
    _assign(plan, engine)
    return _power(plan, engine, workspace, tables, metric, effect)


def powers(
    plan: Plan, engine: Engine, workspace: Workspace, tables: Tables, metrics: Sequence[str]
) -> list[dict[str, Any]]:
    """The documents of several metrics, of the same customers; see `power`."""
    _assign(plan, engine)
    return [_power(plan, engine, workspace, tables, metric, None) for metric in metrics]


def _power(
    plan: Plan, engine: Engine, workspace: Workspace, tables: Tables, metric: str, effect: float | None
) -> dict[str, Any]:
    definition = workspace.metrics[metric]
    since = definition.within.before(plan.as_of)
    counts = _framed(engine, since)
    frame = Frame(("everyone",), (), (), {}, {}, {}, 0, 0)
    columns = capped(engine, collected(engine, workspace, [metric], tables, plan.as_of), {metric: definition})
    groups = totals(engine, frame, columns)
    history = pooled(groups[metric].values()) if groups else None
    experiment, kind = plan.definition.campaign.experiment, kind_of(definition)
    mean = _mean(history, kind)
    found = [
        _comparison(arm, experiment.control, counts, history, kind, mean, effect, covariate=bool(definition.covariate))
        for arm in (experiment.arms if experiment else ())
        if experiment and arm != experiment.control
    ]
    return {
        "campaign": plan.definition.campaign.campaign,
        "as_of": format_instant(plan.as_of),
        "metric": metric,
        "kind": str(kind),
        "what": definition.what,
        "power": POWER,
        "alpha": ALPHA,
        "history": {
            "customers": history.n if history else 0,
            "mean": mean,
            "standard_deviation": history.cov["value", "value"] ** 0.5 if history and kind is not Kind.RATIO else None,
            "from": format_instant(since),
            "to": format_instant(plan.as_of),
        },
        "comparisons": found,
        "effect": effect,
        "warnings": warnings(experiment, found, mean),
    }


def warnings(experiment: Experiment | None, comparisons: list[dict[str, Any]], mean: float | None) -> list[str]:
    """Why a campaign cannot learn anything, or next to nothing."""
    if experiment is None or not comparisons:
        return ["the campaign has nothing to compare: it has no experiment with at least two variants"]
    told = []
    if not mean:
        told.append("nobody of this audience did what the metric measures: nothing can be learnt from it")
    for each in comparisons:
        if not all(each["customers"].values()):
            told.append(f"{each['treated']} against {each['against']}: one of them would have no customers")
        elif mean and (each["mde_relative"] is None or each["mde_relative"] > _HOPELESS):
            told.append(
                f"{each['treated']} against {each['against']}: only an effect of more than the whole mean would show; "
                "this campaign cannot learn anything by this metric"
            )
    return told


def _assign(plan: Plan, engine: Engine) -> None:
    """Fill the table `assigned` with whom the plan would assign."""
    decisions = plan.decide()
    engine.run(plan.screen())
    chosen = f"SELECT tenant, customer, variant FROM ({decisions.text}) WHERE outcome = 'send'"
    engine.run(Query(f"CREATE OR REPLACE TEMP TABLE assigned AS {chosen}", decisions.parameters))


def _framed(engine: Engine, since: datetime) -> dict[str, int]:
    """Fill the table `frame` with them, as if exposed at an instant before; how many each arm gets."""
    engine.run(
        Query(
            "CREATE OR REPLACE TEMP TABLE frame AS SELECT row_number() OVER () AS pid, tenant, customer, variant, "
            f"0 AS arm, 0 AS stratum, {sql.instant(since)} AS exposure FROM assigned"
        )
    )
    counted = "SELECT variant, count(*) AS n FROM frame WHERE variant IS NOT NULL GROUP BY variant"
    return {str(row["variant"]): int(str(row["n"])) for row in engine.rows(Query(counted))}


def _comparison(
    arm: str,
    control: str,
    counts: dict[str, int],
    history: Moments | None,
    kind: Kind,
    mean: float | None,
    effect: float | None,
    *,
    covariate: bool,
) -> dict[str, Any]:
    treated, other = counts.get(arm, 0), counts.get(control, 0)
    least = needed = None
    if history is not None:
        least = minimum_detectable_effect(history, treated, other, kind, covariate=covariate, power=POWER, alpha=ALPHA)
        if effect is not None and mean and treated + other:
            share = treated / (treated + other)
            needed = required_customers(
                history, abs(effect * mean), share, kind, covariate=covariate, power=POWER, alpha=ALPHA
            )
    return {
        "treated": arm,
        "against": control,
        "customers": {arm: treated, control: other},
        "mde_absolute": least,
        "mde_relative": least / abs(mean) if least is not None and mean else None,
        "customers_needed": needed,
    }


def _mean(history: Moments | None, kind: Kind) -> float | None:
    if history is None:
        return None
    if kind is not Kind.RATIO:
        return history.mean["value"]
    return history.mean["value"] / history.mean["denominator"] if history.mean["denominator"] else None
