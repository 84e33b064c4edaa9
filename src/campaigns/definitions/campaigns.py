"""The campaign: who is addressed, what is tried, what they get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from campaigns.definitions.durations import Duration
from campaigns.definitions.experiments import Experiment
from campaigns.definitions.holdouts import Holdout
from campaigns.definitions.overrides import Overridable, Override
from campaigns.definitions.records import Expression, Key, Name, PositiveCount, Record, refusal


class OfSurface(Record):
    """Every tenant of one surface."""

    surface: Key = Field(description="The surface whose tenants are addressed.")


def _without_repeats(keys: tuple[str, ...]) -> tuple[str, ...]:
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise refusal(f"{key!r} is listed twice", index)
    return keys


def _shape(value: object) -> str | None:
    match value:
        case str():
            return "all"
        case list() | tuple():
            return "list"
        case dict() | OfSurface():
            return "surface"
        case _:
            return None


Tenants = Annotated[
    Annotated[Literal["all"], Tag("all")]
    | Annotated[tuple[Key, ...], Field(min_length=1), Tag("list")]
    | Annotated[OfSurface, Tag("surface")],
    Discriminator(_shape, custom_error_type="refused", custom_error_message="need all, a list of tenants or a surface"),
]


class Audience(Record):
    """Who is matched: the rule is true, and no excluded segment is true."""

    where: Expression = Field(description="The rule a customer must satisfy.")
    exclude: tuple[Key, ...] = Field(default=(), description="Segments whose customers are never matched.")

    @field_validator("exclude")
    @classmethod
    def _once_each(cls, exclude: tuple[str, ...]) -> tuple[str, ...]:
        return _without_repeats(exclude)


class Campaign(Record):
    """The campaign file. It never executes; a launch does."""

    campaign: Key = Field(description="The name of the campaign: the file's name without .yaml.")
    tenants: Tenants = Field(description="Who may be addressed: all, a list of tenants, or {surface: key}.")
    channel: Key = Field(description="How customers are addressed, such as email or push.")
    audience: Audience = Field(description="The customers who are matched.")
    holdout: Holdout | None = Field(default=None, description="The matched customers who are withheld.")
    experiment: Experiment | None = Field(default=None, description="The variants that are tried.")
    offer: Key | None = Field(default=None, description="The offer for everybody whose variant names none.")
    variables: Mapping[Name, Expression] = Field(
        default={}, description="Expressions over attributes: the values the template will need, by name."
    )
    ignore_holdouts: Literal["all"] | tuple[Key, ...] = Field(
        default=(),
        description="The workspace's holdouts that do not hold for this campaign: all, or a list. For what must reach"
        " everybody, such as a receipt.",
    )
    overridable: Overridable = Field(
        default=Overridable(), description="What a tenant may decide for its own customers, and within what bounds."
    )
    limit: PositiveCount | None = Field(
        default=None, description="Customers that a launch may match before it needs --confirm; default any number."
    )
    max_growth: Annotated[float, Field(strict=True, ge=1, allow_inf_nan=False)] = Field(
        default=3.0,
        description="How many times the customers of the campaign's last launch may match before it needs --confirm.",
    )
    expires_after: Duration = Field(
        default=Duration(7, "day"), description="How long after its claim a launch may still be resumed."
    )

    @field_validator("tenants")
    @classmethod
    def _once_each(cls, tenants: Tenants) -> Tenants:
        return _without_repeats(tenants) if isinstance(tenants, tuple) else tenants

    def offer_for(self, arm: str | None, override: Override | None = None) -> str | None:
        """The offer of an arm (None: of a campaign without an experiment), or None if there is none.

        A tenant's own choice wins, then the `offer:` of the variant or the level, also when it is null; who does not
        say gets the campaign's.
        """
        if override is not None and (arm in override.offers or (arm is None and override.names_offer)):
            return override.offer if arm is None else override.offers[arm]
        if arm is not None and self.experiment is not None:
            for part in self.experiment.parts_of(arm):
                if part.names_offer:
                    return part.offer
        return override.offer if override is not None and override.names_offer else self.offer

    @property
    def offers(self) -> frozenset[str]:
        """The keys of all offers that somebody may get."""
        arms = [None] if self.experiment is None else [*self.experiment.arms]
        own = {offer for offer in map(self.offer_for, arms) if offer is not None}
        return frozenset(own | set(self.overridable.offers))

    @property
    def units(self) -> frozenset[str]:
        """The attributes that are bucketed instead of the customer."""
        return frozenset(part.unit for part in (self.holdout, self.experiment) if part and part.unit)
