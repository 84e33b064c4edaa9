"""Holm's correction, against another implementation."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from statsmodels.stats.multitest import multipletests

from campaigns.statistics import holm


@settings(max_examples=10, deadline=None)  # statsmodels takes 50 ms
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), rel=1e-9, abs=1e-12)


def test_holm_keeps_the_order_given_and_corrects_nothing_where_there_is_one() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.04]) == [0.04]
    assert holm([]) == []
