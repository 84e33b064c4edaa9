"""Factorial experiments: what each level does on its own, and whether two do more, or less, together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from campaigns.statistics.combination import Combination, Interval, Term, combine
from campaigns.statistics.moments import Kind, Moments
from campaigns.statistics.samples import Sample, samples

Cell = tuple[str, ...]
"""One level of each factor, in the order of the factors."""


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """What `levels` of `factors` do against the factors' first levels, `against`, in the unit of the metric.

    One factor: its main effect. Two: their interaction, which is the effect of the first one's level where the second
    has its level, less the same effect where the second has its first level.
    """

    factors: tuple[str, ...]
    levels: tuple[str, ...]
    against: tuple[str, ...]
    absolute: Interval
    standard_error: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Factorial:
    """Effects that cannot be told, because cells of theirs are empty, are missing."""

    main: tuple[FactorEffect, ...]
    interactions: tuple[FactorEffect, ...]


def factorial(
    cells: Mapping[Cell, Sequence[Moments]],
    factors: Mapping[str, Sequence[str]],
    kind: Kind,
    *,
    covariate: bool = False,
    confidence: float = 0.95,
) -> Factorial:
    """Main effects of every level against its factor's first one, and the interactions of every two factors.

    Each is averaged over the combinations of the other factors' levels, all with equal weight, so that sizes of cells
    do not matter (Box, Hunter, Hunter, "Statistics for Experimenters", chapter 5); combinations that lack a cell of at
    least two customers are left out. `cells` hold aligned strata; effects are taken within each and averaged with its
    share of the customers, as `effect` does.
    """
    strata = list(_strata(cells, kind, covariate=covariate))
    normal = kind is Kind.PROPORTION and not covariate

    def told(*names: str) -> Iterator[FactorEffect]:
        for levels in product(*(factors[name][1:] for name in names)):
            chosen = dict(zip(names, levels, strict=True))
            if found := _average([_terms(reduced, factors, chosen) for reduced in strata], normal=normal):
                against = tuple(factors[name][0] for name in names)
                interval = found.interval(confidence)
                yield FactorEffect(names, levels, against, interval, found.standard_error, found.p_value)

    return Factorial(
        main=tuple(one for name in factors for one in told(name)),
        interactions=tuple(one for pair in combinations(factors, 2) for one in told(*pair)),
    )


def _strata(cells: Mapping[Cell, Sequence[Moments]], kind: Kind, *, covariate: bool) -> Iterator[dict[Cell, Sample]]:
    for groups in zip(*cells.values(), strict=True):
        kept = {
            cell: group
            for cell, group in zip(cells, groups, strict=True)
            if group.n >= 2 and samples([group], kind, covariate=False)
        }
        reduced = samples(list(kept.values()), kind, covariate=covariate) if kept else None
        yield dict(zip(kept, reduced or [], strict=True)) if reduced else {}


def _terms(
    reduced: Mapping[Cell, Sample], factors: Mapping[str, Sequence[str]], chosen: Mapping[str, str]
) -> list[Term]:
    """The differences (of differences) within one stratum, averaged over the other factors."""
    others = product(*([None] if name in chosen else levels for name, levels in factors.items()))
    complete = []
    for other in others:
        contrast = list(_contrast(other, factors, chosen))
        if all(cell in reduced for _, cell in contrast):
            complete.append([(sign, reduced[cell]) for sign, cell in contrast])
    return [(sign / len(complete), sample) for terms in complete for sign, sample in terms]


def _contrast(
    other: Sequence[str | None], factors: Mapping[str, Sequence[str]], chosen: Mapping[str, str]
) -> Iterator[tuple[int, Cell]]:
    """The cells where each chosen factor has its chosen or its first level, with their signs."""
    ends = (
        [(1, chosen[name]), (-1, levels[0])] if name in chosen else [(1, str(level))]
        for (name, levels), level in zip(factors.items(), other, strict=True)
    )
    for corner in product(*ends):
        yield math.prod(sign for sign, _ in corner), tuple(level for _, level in corner)


def _average(strata: Sequence[Sequence[Term]], *, normal: bool) -> Combination | None:
    sizes = [sum(sample.n for _, sample in terms) for terms in strata]
    total = sum(sizes)
    if not total:
        return None
    found = combine(
        [(size / total * sign, sample) for size, terms in zip(sizes, strata, strict=True) for sign, sample in terms],
        normal=normal,
    )
    return found if math.isfinite(found.estimate) and math.isfinite(found.standard_error) else None
