"""Strata: customers among whom nothing but chance decided who was held out, and who got which arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from campaigns.definitions import Definition
from campaigns.experiment.splits import splits
from campaigns.plan import withheld

Withholding = tuple[tuple[str, int, str | None, str | None], ...]
"""The holdouts that hold for a customer, in order: key, basis points, unit, salt."""


class Stratum(NamedTuple):
    """Customers whom one launch assigned or held out, with the weights of their tenant's split and the same holdouts.

    `late`: an earlier launch matched them and let them wait; nobody can say who would have been held out with them.
    """

    launch: int
    weights: Mapping[str, int]
    withholding: Withholding
    late: bool


def strata_of(launch: int, definition: Definition, as_of: datetime) -> list[tuple[Stratum, list[str]]]:
    """The strata of a launch, each with its tenants; the one of most tenants last."""
    found: list[tuple[Stratum, list[str]]] = []
    parts = splits(definition.campaign, definition.tenants)
    holdouts = withheld(definition, definition.campaign, as_of)
    for tenant in definition.tenants:
        weights = next(part.weights for part in parts if part.tenants is None or tenant in part.tenants)
        withholding = tuple(
            (each.key, each.holdout.basis_points, each.holdout.unit, each.holdout.salt)
            for each in holdouts
            if each.tenants is None or tenant in each.tenants
        )
        stratum = Stratum(launch, weights, withholding, late=False)
        mine = next((tenants for known, tenants in found if known == stratum), None)
        if mine is None:
            found.append((stratum, [tenant]))
        else:
            mine.append(tenant)
    return sorted(found, key=lambda each: len(each[1]))


def by_split(strata: Sequence[Stratum]) -> list[list[int]]:
    """Numbers of strata that were split alike: their customers may be compared as one."""
    found: list[tuple[dict[str, float], list[int]]] = []
    for number, stratum in enumerate(strata):
        shares = _shares(stratum.weights)
        mine = next((numbers for known, numbers in found if known == shares), None)
        if mine is None:
            found.append((shares, [number]))
        else:
            mine.append(number)
    return [numbers for _, numbers in found]


def by_chance_of_holdout(strata: Sequence[Stratum]) -> list[list[int]]:
    """Numbers of strata within which chance alone decided who was held out: each by itself, without the late ones."""
    return [[number] for number, stratum in enumerate(strata) if not stratum.late]


def _shares(weights: Mapping[str, int]) -> dict[str, float]:
    total = sum(weights.values())
    return {arm: weight / total for arm, weight in weights.items() if weight}
