"""Holdouts and experiments as an author writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from campaigns.definitions.records import Count, Key, Name, Record, Text, refusal

Percent = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)]


class Holdout(Record):
    """The share of matched customers withheld so that the effect can be measured."""

    key: Key = Field(description="Campaigns with the same key withhold the same customers.")
    percent: Percent = Field(description="How many percent are withheld: 0 to 100, at most two decimals.")
    unit: Name | None = Field(default=None, description="The attribute that is bucketed instead of the customer.")
    salt: Text | None = Field(default=None, description="What it hashes with; default holdout.<key>.")

    @field_validator("percent")
    @classmethod
    def _whole_basis_points(cls, percent: float) -> float:
        if abs(percent * 100 - round(percent * 100)) > 1e-9:
            raise refusal(f"need at most two decimals, found {percent}")
        return percent

    @property
    def basis_points(self) -> int:
        """The percentage in hundredths of a percent: 0 to 10000."""
        return round(self.percent * 100)


class Variant(Record):
    """One arm of an experiment."""

    weight: Count = Field(description="The share of this variant, relative to the sum of all weights.")
    offer: Key | None = Field(
        default=None,
        description="The variant's offer; left out: the campaign's offer, null: no offer at all.",
    )

    @model_serializer(mode="wrap")
    def _keep_the_explicit_null(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        fields.pop("offer", None)
        return {**fields, "offer": self.offer} if self.names_offer else fields

    @property
    def names_offer(self) -> bool:
        """Whether the author wrote `offer:`, be it null."""
        return "offer" in self.model_fields_set


class Experiment(Record):
    """Matched customers who are not held out, split by weight; the order of variants is part of the split."""

    key: Key = Field(description="Names the experiment; its assignments are a function of this key.")
    variants: Annotated[Mapping[Key, Variant], Field(min_length=1)] = Field(
        description="The arms by name. `control` is the baseline, or the first one if none has that name."
    )
    unit: Name | None = Field(default=None, description="The attribute that is bucketed instead of the customer.")
    salt: Text | None = Field(default=None, description="What assignments are hashed with; default experiment.<key>.")

    @field_validator("variants")
    @classmethod
    def _someone_gets_something(cls, variants: Mapping[str, Variant]) -> Mapping[str, Variant]:
        if not any(variant.weight for variant in variants.values()):
            raise refusal("the weights add up to 0, need at least 1")
        return variants

    @property
    def control(self) -> str:
        """The name of the baseline variant."""
        return "control" if "control" in self.variants else next(iter(self.variants))
