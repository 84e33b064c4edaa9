"""Factorial experiments: main effects and interactions, against the saturated regression of statsmodels."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS

from campaigns.statistics import FactorEffect, Factorial, Kind, Moments, effect, factorial
from support.groups import Outcomes, moments

RANDOM = np.random.default_rng(20_260_602)
FACTORS = {"subject": ["plain", "loud"], "incentive": ["none", "ten_off", "free"]}
CELLS = list(product(*FACTORS.values()))


def outcomes() -> dict[tuple[str, ...], Outcomes]:
    """Loud gives 1, ten off 2, free 3, and loud with free another 4; sizes and variances of the cells differ."""
    gains = {"plain": 0.0, "loud": 1.0, "none": 0.0, "ten_off": 2.0, "free": 3.0}
    return {
        cell: RANDOM.normal(
            10 + sum(gains[level] for level in cell) + 4 * (cell == ("loud", "free")), 1 + index, 200 + 50 * index
        )
        for index, cell in enumerate(CELLS)
    }


def told(found: Factorial) -> dict[tuple[str, ...], FactorEffect]:
    return {one.levels: one for one in [*found.main, *found.interactions]}


def test_it_agrees_with_the_saturated_regression() -> None:
    """HC2 is exact per cell where every cell has a parameter of its own."""
    groups = outcomes()
    design = np.repeat(np.eye(len(CELLS)), [len(groups[cell]) for cell in CELLS], axis=0)
    fit = OLS(np.concatenate([groups[cell] for cell in CELLS]), design).fit(cov_type="HC2")
    contrasts = {
        ("loud",): [-1 / 3, -1 / 3, -1 / 3, 1 / 3, 1 / 3, 1 / 3],
        ("ten_off",): [-1 / 2, 1 / 2, 0, -1 / 2, 1 / 2, 0],
        ("free",): [-1 / 2, 0, 1 / 2, -1 / 2, 0, 1 / 2],
        ("loud", "ten_off"): [1, -1, 0, -1, 1, 0],
        ("loud", "free"): [1, 0, -1, -1, 0, 1],
    }

    found = told(factorial({cell: [moments(value=group)] for cell, group in groups.items()}, FACTORS, Kind.MEAN))

    assert set(found) == set(contrasts)
    for levels, contrast in contrasts.items():
        expected = fit.t_test(contrast)
        assert found[levels].absolute.estimate == pytest.approx(float(expected.effect[0]), rel=1e-9)
        assert found[levels].standard_error == pytest.approx(float(expected.sd[0, 0]), rel=1e-9)
        assert found[levels].p_value == pytest.approx(float(expected.pvalue), rel=0.05, abs=1e-4)


def test_what_was_planted_is_found() -> None:
    """The main effect of loud is 1, and 4 in one of three cells more."""
    found = told(factorial({cell: [moments(value=group)] for cell, group in outcomes().items()}, FACTORS, Kind.MEAN))
    planted = {("loud",): 1 + 4 / 3, ("ten_off",): 2, ("free",): 5, ("loud", "ten_off"): 0, ("loud", "free"): 4}
    for levels, gain in planted.items():
        interval = found[levels].absolute
        assert interval.low < gain < interval.high, levels
    assert (found["loud", "free"].factors, found["loud", "free"].against) == (
        ("subject", "incentive"),
        ("plain", "none"),
    )
    assert found["loud", "free"].p_value < 1e-6 < found["loud", "ten_off"].p_value


def shares(*counts: int) -> dict[tuple[str, ...], list[Moments]]:
    """Six cells of 100 customers, so many of whom converted."""
    return {
        cell: [moments(value=np.repeat([1.0, 0.0], [count, 100 - count]))]
        for cell, count in zip(CELLS, counts, strict=True)
    }


def test_one_factor_is_the_effect_of_its_levels() -> None:
    cells: dict[tuple[str, ...], list[Moments]] = {
        ("a",): [moments(value=RANDOM.normal(5, 1, 90))],
        ("b",): [moments(value=RANDOM.normal(6, 2, 70))],
    }
    (found,) = factorial(cells, {"only": ["a", "b"]}, Kind.MEAN).main
    expected = effect(cells["b",], cells["a",], Kind.MEAN)
    assert expected is not None
    assert found.p_value == pytest.approx(expected.p_value, rel=1e-9)
    assert found.absolute.low == pytest.approx(expected.absolute.low, rel=1e-9)


def test_combinations_that_lack_a_cell_are_left_out() -> None:
    cells = shares(10, 20, 30, 10, 20, 60)
    cells["loud", "free"] = [moments(value=[1.0])]
    found = told(factorial(cells, FACTORS, Kind.PROPORTION))
    assert ("loud", "free") not in found
    assert found["loud",].absolute.estimate == pytest.approx(0)
    assert found["free",].absolute.estimate == pytest.approx(0.2)


def test_cells_in_which_nobody_converted_have_numbers() -> None:
    found = factorial(shares(0, 0, 0, 0, 0, 0), FACTORS, Kind.PROPORTION)
    for one in [*found.main, *found.interactions]:
        assert (one.absolute.estimate, one.p_value) == (0.0, 1.0)
        assert one.absolute.low < 0 < one.absolute.high


def test_an_experiment_of_nobody_has_no_effects() -> None:
    nobody = {cell: [moments(value=[])] for cell in CELLS}
    assert factorial(nobody, FACTORS, Kind.MEAN) == Factorial((), ())
    assert factorial({cell: [] for cell in CELLS}, FACTORS, Kind.MEAN) == Factorial((), ())


def test_strata_are_averaged_with_their_shares() -> None:
    """The second stratum has five times the level of the first and nine times its customers; loud gives 0.1 only there.
    Pooled, the many who got loud and free would make loud look better than it is.
    """
    first = shares(10, 10, 10, 10, 10, 10)
    second = {
        cell: [moments(value=np.repeat([1.0, 0.0], [n * (6 if cell[0] == "loud" else 5) // 10, n * 5 // 10]))]
        for cell in CELLS
        for n in [2000 if cell == ("loud", "free") else 600]
    }
    found = told(factorial({cell: [*first[cell], *second[cell]] for cell in CELLS}, FACTORS, Kind.PROPORTION))
    sizes = [sum(cells[0].n for cells in stratum.values()) for stratum in (first, second)]
    inside = told(factorial(second, FACTORS, Kind.PROPORTION))["loud",]
    share = sizes[1] / sum(sizes)
    assert inside.absolute.estimate > 0.04
    assert found["loud",].absolute.estimate == pytest.approx(share * inside.absolute.estimate, rel=1e-9)


def test_a_covariate_narrows_every_effect() -> None:
    before = {cell: RANDOM.normal(10, 3, 200) for cell in CELLS}
    cells = {cell: [moments(value=x + RANDOM.normal(0, 1, 200), value_before=x)] for cell, x in before.items()}
    plain, adjusted = (told(factorial(cells, FACTORS, Kind.MEAN, covariate=on)) for on in (False, True))
    for levels, one in adjusted.items():
        assert one.standard_error < 0.4 * plain[levels].standard_error
