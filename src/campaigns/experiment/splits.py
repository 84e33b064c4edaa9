"""By which weights whose customers are split: the experiment's, or those of a tenant that overrides them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from campaigns.definitions import Campaign, Tenant


class Split(NamedTuple):
    """The weight of each arm by its name, in order, and the tenants that it holds for; None: all others."""

    weights: Mapping[str, int]
    tenants: frozenset[str] | None


def splits(campaign: Campaign, tenants: Mapping[str, Tenant]) -> list[Split]:
    """The splits of a campaign's experiment, the one for everybody else last; none without an experiment."""
    if campaign.experiment is None:
        return []
    arms = campaign.experiment.arms
    own: dict[tuple[int, ...], set[str]] = {}
    for key, tenant in tenants.items():
        override = tenant.overrides.get(campaign.campaign)
        if override is not None and override.weights:
            own.setdefault(tuple(override.weights.get(arm, weight) for arm, weight in arms.items()), set()).add(key)
    overridden = [
        Split(dict(zip(arms, weights, strict=True)), frozenset(keys))
        for weights, keys in own.items()
        if weights != tuple(arms.values())
    ]
    return [*overridden, Split(arms, None)]
