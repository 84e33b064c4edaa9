"""Holdouts, variants, and which offer a variant gets."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from campaigns.definitions import Campaign, Experiment, Holdout
from campaigns.plan import holdout_salt


def campaign(variants: dict[str, dict[str, object]], offer: str | None = None) -> Campaign:
    experiment = {"key": "e", "variants": variants}
    return Campaign.model_validate(
        {
            "campaign": "c",
            "tenants": "all",
            "channel": "email",
            "audience": {"where": "true"},
            "experiment": experiment,
            "offer": offer,
        }
    )


@pytest.mark.parametrize(("percent", "points"), [(0, 0), (5, 500), (33.33, 3333), (0.01, 1), (100, 10000), (0.07, 7)])
def test_a_percentage_is_whole_basis_points(percent: float, points: int) -> None:
    assert Holdout(key="global", percent=percent).basis_points == points


@pytest.mark.parametrize("percent", [-1, 100.01, 0.001, 33.333, float("nan"), True, "5"])
def test_any_other_percentage_is_refused(percent: float) -> None:
    with pytest.raises(ValidationError):
        Holdout(key="global", percent=percent)


def test_the_control_is_the_one_named_so_or_the_first() -> None:
    variants = {"b": {"weight": 1}, "control": {"weight": 1}}
    assert Experiment.model_validate({"key": "e", "variants": variants}).control == "control"
    assert Experiment.model_validate({"key": "e", "variants": {"b": {"weight": 1}, "a": {"weight": 1}}}).control == "b"


def test_a_variant_may_have_weight_0_but_not_all() -> None:
    campaign({"a": {"weight": 0}, "b": {"weight": 1}})
    with pytest.raises(ValidationError, match="the weights add up to 0, need at least 1"):
        campaign({"a": {"weight": 0}, "b": {"weight": 0}})


def test_the_variants_own_offer_wins_also_when_it_is_null() -> None:
    tried = campaign(
        {"own": {"weight": 1, "offer": "x"}, "none": {"weight": 1, "offer": None}, "silent": {"weight": 1}},
        "y",
    )
    again = Campaign.model_validate_json(tried.model_dump_json())
    for record in (tried, again):
        assert [record.offer_for(name) for name in ("own", "none", "silent")] == ["x", None, "y"]
        assert record.offers == {"x", "y"}


def test_an_offer_nobody_gets_is_not_reached() -> None:
    assert campaign({"a": {"weight": 1, "offer": None}}, offer="y").offers == frozenset()


def test_a_holdout_hashes_with_its_key_unless_a_salt_is_given() -> None:
    assert holdout_salt("global", Holdout(key="global", percent=5)) == "holdout.global"
    assert holdout_salt("global", Holdout(key="global", percent=5, salt="2024")) == "2024"
