"""What a tenant decides of a campaign for its own customers, and what a campaign lets it decide."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from campaigns.definitions.offers import OfferChoice
from campaigns.definitions.ranges import Range
from campaigns.definitions.records import Count, Expression, Key, Name, Record, refusal

if TYPE_CHECKING:
    from campaigns.definitions.campaigns import Campaign


class Overridable(Record):
    """What tenants may override; nothing, unless it is said here."""

    weights: Mapping[Key, Range] = Field(
        default={}, description="The variants whose weights may change, each with the bounds of its share: 10-60%."
    )
    offers: tuple[Key, ...] = Field(default=(), description="The offers that may take the place of the campaign's.")
    variables: tuple[Name, ...] = Field(default=(), description="The variables whose expressions may change.")


class Override(OfferChoice):
    """What one tenant decides of one campaign."""

    weights: Mapping[Key, Count] = Field(
        default={}, description="The weights of the variants by name; a variant that is not named keeps the campaign's."
    )
    offer: Key | None = Field(default=None, description="In the place of the campaign's offer; null: none.")
    offers: Mapping[Key, Key | None] = Field(default={}, description="In the place of a variant's offer; null: none.")
    variables: Mapping[Name, Expression] = Field(default={}, description="In the place of the campaign's expressions.")

    @field_validator("weights")
    @classmethod
    def _someone_gets_something(cls, weights: Mapping[str, int]) -> Mapping[str, int]:
        if weights and not any(weights.values()):
            raise refusal("the weights add up to 0, need at least 1")
        return weights


def override_problems(campaign: Campaign, override: Override) -> Iterator[tuple[tuple[str, ...], str]]:
    """What of a tenant's override the campaign does not let it decide: where below the override, and why."""
    yield from _weight_problems(campaign, override)
    yield from _offer_problems(campaign, override)
    for name in override.variables:
        if name not in campaign.overridable.variables:
            yield ("variables", name), _closed(campaign, f"variable {name!r}", campaign.overridable.variables)


def _weight_problems(campaign: Campaign, override: Override) -> Iterator[tuple[tuple[str, ...], str]]:
    bounds, experiment = campaign.overridable.weights, campaign.experiment
    arms = experiment.arms if experiment and not experiment.factors else {}
    weights = {arm: override.weights.get(arm, weight) for arm, weight in arms.items()}
    for arm in override.weights:
        if arm not in arms:
            yield ("weights", arm), _unknown(campaign, arm, arms)
        elif arm not in bounds:
            yield ("weights", arm), _closed(campaign, f"the weight of {arm!r}", bounds)
        elif not sum(weights.values()):
            yield ("weights", arm), "the weights add up to 0, need at least 1"
    for arm, bound in bounds.items() if override.weights and sum(weights.values()) else ():
        if arm in arms:
            share = weights[arm] / sum(weights.values()) * 10_000
            if not bound.low <= share <= bound.high:
                yield ("weights",), f"variant {arm!r} would get {share / 100:.4g} %, need {bound}"


def _offer_problems(campaign: Campaign, override: Override) -> Iterator[tuple[tuple[str, ...], str]]:
    allowed = campaign.overridable.offers
    arms = campaign.experiment.arms if campaign.experiment else {}
    chosen = [(("offers", arm), offer) for arm, offer in override.offers.items()]
    for arm in override.offers:
        if arm not in arms:
            yield ("offers", arm), _unknown(campaign, arm, arms)
    for path, offer in [*chosen, *([(("offer",), override.offer)] if override.names_offer else [])]:
        if offer not in allowed and (offer is not None or not allowed):
            yield path, _closed(campaign, f"offer {offer!r}" if offer else "the offer", allowed)


def _unknown(campaign: Campaign, arm: str, arms: Collection[str]) -> str:
    return f"campaign {campaign.campaign!r} has no variant {arm!r} to override; it has {', '.join(arms) or 'none'}"


def _closed(campaign: Campaign, what: str, allowed: Collection[str]) -> str:
    lets = f"only {', '.join(allowed)}" if allowed else "none"
    return f"campaign {campaign.campaign!r} does not let tenants choose {what}; its `overridable` names {lets}"
