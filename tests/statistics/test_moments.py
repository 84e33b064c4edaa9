"""Moments of groups: what they refuse, and how groups pool."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from campaigns.statistics import Moments, pooled
from support.groups import moments

GROUPS = st.lists(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e3, 1e3)), max_size=20), min_size=1, max_size=5
).filter(any)


@given(GROUPS)
def test_groups_pool_to_the_moments_of_all_their_customers(groups: list[list[tuple[float, float]]]) -> None:
    parts = [moments(value=[row[0] for row in rows], value_before=[row[1] for row in rows]) for rows in groups]
    everybody = np.array([row for rows in groups for row in rows])

    found = pooled(parts)

    expected = moments(value=everybody[:, 0], value_before=everybody[:, 1])
    assert found.n == expected.n
    assert found.mean == pytest.approx(expected.mean, rel=1e-9, abs=1e-6)
    assert found.cov == pytest.approx(expected.cov, rel=1e-9, abs=1e-3)


def test_nobody_pools_to_nobody() -> None:
    nobody = Moments(0, {"value": 0.0}, {("value", "value"): 0.0})
    assert pooled([nobody, nobody]) == nobody


@pytest.mark.parametrize(
    ("n", "mean", "cov", "message"),
    [
        (-1, {}, {}, "n is -1"),
        (2, {"value": math.nan}, {}, "'value' is nan, must be finite"),
        (2, {"value": 1.0}, {("value", "value"): math.inf}, "is inf, must be finite"),
        (2, {"value": 1.0}, {("value", "value"): -1.0}, "variance of 'value' is -1.0"),
        (2, {}, {("value", "before"): 0.0}, "alphabetical order"),
    ],
)
def test_moments_refuse_what_no_group_has(
    n: int, mean: dict[str, float], cov: dict[tuple[str, str], float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Moments(n, mean, cov)
