"""Offers: the templates of promotions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from campaigns.definitions.durations import Duration
from campaigns.definitions.records import (
    Count,
    Currency,
    Expression,
    Key,
    Matching,
    PositiveCount,
    Record,
    refusal,
)

Prefix = Annotated[str, Matching(r"[A-Z0-9]{0,8}", "at most 8 capital letters and digits")]


class OfferChoice(Record):
    """Something that may name an offer. Leaving it out and naming none (null) are not the same."""

    offer: Key | None = None

    @model_serializer(mode="wrap")
    def _keep_the_explicit_null(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        fields.pop("offer", None)
        return {**fields, "offer": self.offer} if self.names_offer else fields

    @property
    def names_offer(self) -> bool:
        """Whether the author wrote `offer:`, be it null."""
        return "offer" in self.model_fields_set


class Code(Record):
    """How the codes of issued offers look."""

    prefix: Prefix = Field(default="", description="What every code starts with: at most 8 capital letters and digits.")


class _Common(Record):
    minimum_basket_cents: Count | None = Field(
        default=None,
        description="The smallest basket, in cents of `currency`, for which the offer may be used.",
    )
    eligible: Expression | None = Field(
        default=None, description="A rule over attributes: a customer for whom it is not true gets no offer."
    )
    valid_for: Duration | None = Field(
        default=None, description="An issued offer expires at `as_of + valid_for`; without it, never."
    )
    code: Code = Field(default=Code(), description="What the codes of this offer look like.")


class AmountOff(_Common):
    """A fixed amount off the basket."""

    type: Literal["amount_off"] = Field(description="The kind of offer: amount_off, percent_off or free_delivery.")
    amount_cents: PositiveCount = Field(description="What is taken off, in cents of `currency`.")
    currency: Currency = Field(description="ISO 4217 code of the amounts, such as USD.")


class _CurrencyForAmounts(_Common):
    """Amounts in cents mean nothing without their currency."""

    currency: Currency | None = Field(
        default=None, description="ISO 4217 code of the amounts, such as USD; needed as soon as there is one."
    )

    @model_validator(mode="after")
    def _currency_is_known(self) -> _CurrencyForAmounts:
        amounts = [name for name in type(self).model_fields if name.endswith("_cents")]
        for name in amounts:
            if getattr(self, name) is not None and self.currency is None:
                raise refusal(f"{name} needs a currency, found none: add `currency: USD` or another", name)
        return self


class PercentOff(_CurrencyForAmounts):
    """A share of the basket off, up to a maximum."""

    type: Literal["percent_off"] = Field(description="The kind of offer: amount_off, percent_off or free_delivery.")
    percent: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(description="Whole percent, 1 to 100.")
    maximum_cents: PositiveCount | None = Field(
        default=None, description="The most that is taken off, in cents of `currency`."
    )


class FreeDelivery(_CurrencyForAmounts):
    """Delivery at no charge."""

    type: Literal["free_delivery"] = Field(description="The kind of offer: amount_off, percent_off or free_delivery.")


Offer = Annotated[AmountOff | PercentOff | FreeDelivery, Field(discriminator="type")]
