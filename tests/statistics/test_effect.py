"""Effects: the same as other libraries find, over strata too, and a number at every edge."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import ttest_ind
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.proportion import test_proportions_2indep as wald_test
from tea_tasting.metrics import RatioOfMeans

from campaigns.statistics import Effect, Interval, Kind, Moments, effect
from campaigns.statistics.combination import combine
from campaigns.statistics.library import aggregates, columns
from campaigns.statistics.samples import samples
from support.groups import moments

RANDOM = np.random.default_rng(20_260_601)
COLUMNS = ["denominator", "denominator_before", "value", "value_before"]


def found(*args: object, **kwargs: object) -> Effect:
    """The effect, which there is."""
    told = effect(*args, **kwargs)  # type: ignore[arg-type]
    assert told is not None
    return told


def people(n: int, lift: float = 0.0) -> Moments:
    """Customers with habits: a spend and a number of orders, each before and after, that go with one another."""
    habit = RANDOM.gamma(2.0, 1.0, n)
    orders, orders_before = RANDOM.poisson(habit + 1), RANDOM.poisson(habit + 1)
    spend = orders * RANDOM.gamma(3.0, 10.0 * (1 + lift), n)
    before = orders_before * RANDOM.gamma(3.0, 10.0, n)
    return moments(value=spend, denominator=orders, value_before=before, denominator_before=orders_before)


def approximately(interval: tuple[float, float, float], rel: float = 1e-9) -> object:
    return pytest.approx(interval, rel=rel, abs=1e-12)


def test_a_mean_is_welchs_test_of_scipy() -> None:
    treated, control = RANDOM.gamma(2, 3, 300), RANDOM.gamma(2, 2.8, 200)
    expected = ttest_ind(treated, control, equal_var=False)
    bounds = expected.confidence_interval(0.9)

    told = found([moments(value=treated)], [moments(value=control)], Kind.MEAN, confidence=0.9)

    assert told.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    difference = treated.mean() - control.mean()
    assert (told.absolute.low, told.absolute.high) == pytest.approx((bounds.low, bounds.high), rel=1e-9)
    assert told.absolute.estimate == pytest.approx(difference, rel=1e-9)
    assert told.standard_error == pytest.approx(difference / expected.statistic, rel=1e-9)
    assert told.variance_reduction is None


def test_a_proportion_is_the_wald_test_of_statsmodels() -> None:
    shares = {"count1": 61, "nobs1": 500, "count2": 90, "nobs2": 1000}
    absolute = confint_proportions_2indep(**shares, method="wald", compare="diff")
    ratio = confint_proportions_2indep(**shares, method="log", compare="ratio")

    told = found([converted(61, 500)], [converted(90, 1000)], Kind.PROPORTION)

    assert told.p_value == pytest.approx(wald_test(**shares, method="wald").pvalue, rel=1e-9)
    assert (told.absolute.low, told.absolute.high) == pytest.approx(absolute, rel=1e-9)
    assert told.relative is not None
    assert (1 + told.relative.low, 1 + told.relative.high) == pytest.approx(ratio, rel=1e-9)
    assert told.relative.estimate == pytest.approx((61 / 500) / (90 / 1000) - 1, rel=1e-9)


def test_a_ratio_is_its_linear_expansion() -> None:
    orders, spend = RANDOM.poisson(2.0, (2, 400)) + 1, RANDOM.gamma(3, 10, (2, 400))
    totals = orders * spend
    ratios = totals.mean(axis=1) / orders.mean(axis=1)
    expanded = (totals - ratios[:, None] * orders) / orders.mean(axis=1)[:, None]
    expected = ttest_ind(expanded[0] + ratios[0], expanded[1] + ratios[1], equal_var=False)

    told = found(
        [moments(value=totals[0], denominator=orders[0])], [moments(value=totals[1], denominator=orders[1])], Kind.RATIO
    )

    assert (told.treated, told.control) == pytest.approx(tuple(ratios), rel=1e-9)
    assert told.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_a_covariate_is_cuped() -> None:
    before = RANDOM.gamma(2, 10, (2, 300))
    after = 0.5 * before + RANDOM.gamma(2, 5, (2, 300))
    slope = np.cov(after.ravel(), before.ravel())[0, 1] / before.ravel().var(ddof=1)
    adjusted = after - slope * (before - before.mean())
    expected = ttest_ind(adjusted[0], adjusted[1], equal_var=False)

    treated, control = (moments(value=after[arm], value_before=before[arm]) for arm in (0, 1))
    told = found([treated], [control], Kind.MEAN, covariate=True)

    assert told.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert told.absolute.estimate == pytest.approx(adjusted[0].mean() - adjusted[1].mean(), rel=1e-9)
    expected_reduction = 1 - adjusted.var(axis=1, ddof=1).sum() / after.var(axis=1, ddof=1).sum()
    assert told.variance_reduction == pytest.approx(expected_reduction, rel=1e-9)


@pytest.mark.parametrize("covariate", [False, True])
@pytest.mark.parametrize("kind", [Kind.MEAN, Kind.RATIO])
def test_our_own_arithmetic_is_that_of_tea_tasting(kind: Kind, covariate: bool) -> None:
    """What serves several strata, held against the library on one, where `effect` takes the library's word."""
    treated, control = people(150, 0.1), people(90)
    metric = RatioOfMeans(*columns(kind, covariate=covariate), equal_var=False, use_t=True, confidence_level=0.95)
    expected = metric.analyze_aggregates(aggregates(control), aggregates(treated))

    reduced = samples([treated, control], kind, covariate=covariate)

    assert reduced is not None
    ours = combine([(1.0, reduced[0]), (-1.0, reduced[1])])
    bounds = (expected.effect_size, expected.effect_size_ci_lower, expected.effect_size_ci_upper)
    interval = ours.interval(0.95)
    assert (interval.estimate, interval.low, interval.high) == approximately(bounds)
    assert ours.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert ours.standard_error == pytest.approx(expected.effect_size / expected.statistic, rel=1e-9)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("covariate", [False, True])
def test_a_stratum_of_nobody_changes_nothing(kind: Kind, covariate: bool) -> None:
    """With it the effect goes the way of several strata, and arrives where tea-tasting does."""
    both = (habits(30, 80), habits(35, 120)) if kind is Kind.PROPORTION else (people(80, 0.2), people(120))
    treated, control = both
    nobody = Moments(0, dict.fromkeys(treated.mean, 0.0), dict.fromkeys(treated.cov, 0.0))

    alone = found([treated], [control], kind, covariate=covariate)
    beside = found([nobody, treated], [nobody, control], kind, covariate=covariate)

    assert flat(beside) == pytest.approx(flat(alone), rel=1e-9, abs=1e-12)


def habits(positive: int, n: int) -> Moments:
    """Customers of whom some converted, with a covariate that goes with it."""
    after = np.repeat([1.0, 0.0], [positive, n - positive])
    return moments(value=after, value_before=after + RANDOM.normal(0, 1, n))


def converted(positive: int, n: int) -> Moments:
    return moments(value=np.repeat([1.0, 0.0], [positive, n - positive]))


def flat(told: Effect) -> list[float]:
    """All numbers of an effect; what is None is left out."""
    numbers = json.loads(json.dumps(asdict(told), allow_nan=False))
    return [
        number
        for entry in numbers.values()
        for number in (entry.values() if isinstance(entry, dict) else [entry])
        if number is not None
    ]


def test_strata_are_averaged_with_their_shares_and_variances_add() -> None:
    first, second = ([people(100, 0.1), people(300)], [people(50, 0.1), people(150)])
    one, other = (found([pair[0]], [pair[1]], Kind.MEAN) for pair in (first, second))

    told = found([first[0], second[0]], [first[1], second[1]], Kind.MEAN)

    shares = (400 / 600, 200 / 600)
    estimate = shares[0] * one.absolute.estimate + shares[1] * other.absolute.estimate
    assert told.absolute.estimate == pytest.approx(estimate, rel=1e-9)
    assert told.standard_error == pytest.approx(
        math.hypot(shares[0] * one.standard_error, shares[1] * other.standard_error), rel=1e-9
    )
    assert told.relative is not None
    assert told.relative.estimate == pytest.approx(told.treated / told.control - 1, rel=1e-9)


def test_weights_that_change_between_launches_are_no_effect() -> None:
    """Simpson's paradox: 10 % are treated where few convert, 50 % where many do, and treatment does nothing."""
    treated, control = [converted(50, 1000), converted(300, 1000)], [converted(450, 9000), converted(300, 1000)]
    told = found(treated, control, Kind.PROPORTION)
    assert told.absolute.estimate == pytest.approx(0, abs=1e-12)
    assert told.p_value == pytest.approx(1)
    wrong = found([converted(350, 2000)], [converted(750, 10_000)], Kind.PROPORTION)
    assert wrong.p_value < 1e-9


def test_strata_where_an_arm_is_empty_are_left_out_and_counted() -> None:
    told = found([converted(20, 100), converted(1, 1)], [converted(10, 100), converted(300, 1000)], Kind.PROPORTION)
    alone = found([converted(20, 100)], [converted(10, 100)], Kind.PROPORTION)
    assert told.left_out == 1001
    assert told.absolute.estimate == pytest.approx(alone.absolute.estimate)


@pytest.mark.parametrize("n", [0, 1])
def test_an_arm_of_nobody_or_one_customer_has_no_effect(n: int) -> None:
    assert effect([converted(0, n)], [converted(10, 100)], Kind.PROPORTION) is None
    assert effect([moments(value=[10.0] * 100)], [moments(value=[3.0] * n)], Kind.MEAN) is None
    assert effect([], [], Kind.MEAN) is None


def test_no_variance_and_no_difference_is_no_effect() -> None:
    told = found([moments(value=[0.1] * 30)], [moments(value=[0.1] * 70)], Kind.MEAN)
    assert (told.absolute, told.standard_error, told.p_value) == (Interval(0.0, 0.0, 0.0), 0.0, 1.0)


def test_no_variance_and_a_difference_is_that_difference() -> None:
    told = found([moments(value=[3.0] * 30)], [moments(value=[2.0] * 70)], Kind.MEAN)
    assert (told.absolute, told.standard_error, told.p_value) == (Interval(1.0, 1.0, 1.0), 0.0, 0.0)
    assert told.relative == Interval(0.5, 0.5, 0.5)


def test_nobody_of_ten_is_not_taken_for_nobody_ever() -> None:
    told = found([converted(0, 10)], [converted(0, 10)], Kind.PROPORTION)
    assert told.p_value == 1.0
    assert told.relative is None
    assert told.absolute.low < -0.2
    assert told.absolute.high > 0.2
    assert found([converted(2, 2)], [converted(0, 2)], Kind.PROPORTION).p_value > 0.01


@pytest.mark.parametrize("constant", [0.0, 0.1])
@pytest.mark.parametrize("kind", [Kind.MEAN, Kind.PROPORTION])
def test_a_covariate_that_is_the_same_for_all_changes_nothing(constant: float, kind: Kind) -> None:
    values = np.repeat([1.0, 0.0], [40, 60]), np.repeat([1.0, 0.0], [30, 90])
    told, plain = (
        found(*([moments(value=arm, value_before=np.full(len(arm), constant))] for arm in values), kind, covariate=on)
        for on in (True, False)
    )
    assert told.variance_reduction == 0.0
    assert told.absolute.estimate == pytest.approx(plain.absolute.estimate, rel=1e-12)


def test_a_ratio_over_nothing_is_undefined_and_one_over_nothing_before_is_not_adjusted() -> None:
    arm = {"value": [1.0, 2.0, 4.0], "denominator": [1.0, 1.0, 2.0]}
    none = {"value": [1.0, 2.0, 4.0], "denominator": [0.0, 0.0, 0.0]}
    assert effect([moments(**arm)], [moments(**none)], Kind.RATIO) is None
    assert effect([moments(**none)], [moments(**arm)], Kind.RATIO) is None
    before = {"value_before": [0.0] * 3, "denominator_before": [0.0] * 3}
    told = found([moments(**arm, **before)], [moments(**arm, **before)], Kind.RATIO, covariate=True)
    assert (told.variance_reduction, told.p_value) == (0.0, 1.0)


def test_negative_means_have_no_relative_effect() -> None:
    told = found([moments(value=[-3.0, 1.0, 5.0])], [moments(value=[-3.0, 1.0, -5.0])], Kind.MEAN)
    assert told.relative is None
    assert told.absolute.low < told.absolute.estimate < told.absolute.high


def test_a_control_mean_that_may_be_nothing_has_no_relative_effect() -> None:
    told = found([moments(value=[-9.0, 9.0, 1.0])], [moments(value=[-9.0, 9.0, 0.1])], Kind.MEAN)
    assert told.relative is None


def by_column(rows: Sequence[tuple[float, ...]]) -> Moments:
    return moments(**{name: [row[index] for row in rows] for index, name in enumerate(COLUMNS)})


VALUES = st.floats(-1e12, 1e12, allow_subnormal=False) | st.sampled_from([0.0, 0.1, 1.0, -1.0, 1e-9, 3.0])


@settings(max_examples=150, deadline=None)
@given(data=st.data(), kind=st.sampled_from(Kind), covariate=st.booleans())
def test_every_number_of_an_effect_is_finite(data: st.DataObject, kind: Kind, covariate: bool) -> None:
    value = st.sampled_from([0.0, 1.0]) if kind is Kind.PROPORTION else VALUES
    row = st.tuples(VALUES, VALUES, value, VALUES)
    arm = st.lists(row, max_size=4).map(by_column)
    strata = data.draw(st.lists(st.tuples(arm, arm), max_size=3))

    told = effect([one for one, _ in strata], [other for _, other in strata], kind, covariate=covariate)

    if told is not None:
        numbers = flat(told)
        assert all(map(math.isfinite, numbers))
        assert 0 <= told.p_value <= 1
        for interval in (told.absolute, told.relative):
            assert interval is None or interval.low <= interval.estimate <= interval.high


@given(st.integers(2, 400), st.integers(2, 400), st.data())
def test_the_p_value_and_the_interval_say_the_same(treated: int, control: int, data: st.DataObject) -> None:
    counts = data.draw(st.integers(0, treated)), data.draw(st.integers(0, control))
    told = found([converted(counts[0], treated)], [converted(counts[1], control)], Kind.PROPORTION)
    outside = told.absolute.low > 0 or told.absolute.high < 0
    assert outside == (told.p_value < 0.05)


def test_settings_of_the_library_are_not_ours() -> None:
    from tea_tasting.config import config_context

    groups = [people(50)], [people(60)]
    plain = effect(*groups, Kind.MEAN), effect([converted(3, 50)], [converted(5, 50)], Kind.PROPORTION)
    with config_context(alternative="greater", equal_var=True, use_t=False, confidence_level=0.5, correction=True):
        changed = effect(*groups, Kind.MEAN), effect([converted(3, 50)], [converted(5, 50)], Kind.PROPORTION)
    assert changed == plain
