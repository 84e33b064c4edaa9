"""Holdouts: who is withheld so that the effect of what is sent can be measured."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from campaigns.definitions.periods import Period
from campaigns.definitions.records import Key, Name, Record, Text, refusal

Percent = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)]


def whole_basis_points(percent: float) -> float:
    """The percentage, if it has at most two decimals. Raises a refusal."""
    if abs(percent * 100 - round(percent * 100)) > 1e-9:
        raise refusal(f"need at most two decimals, found {percent}")
    return percent


class _Withheld(Record):
    percent: Percent = Field(description="How many percent are withheld: 0 to 100, at most two decimals.")
    unit: Name | None = Field(default=None, description="The attribute that is bucketed instead of the customer.")
    salt: Text | None = Field(default=None, description="What it hashes with; default holdout.<key>.")

    _whole_basis_points = field_validator("percent")(whole_basis_points)

    @property
    def basis_points(self) -> int:
        """The percentage in hundredths of a percent: 0 to 10000."""
        return round(self.percent * 100)


class Holdout(_Withheld):
    """The share of a campaign's matched customers that is withheld."""

    key: Key = Field(description="Campaigns with the same key withhold the same customers.")


class SharedHoldout(_Withheld, Period):
    """A holdout of the workspace: its customers are withheld from every campaign that does not ignore it.

    It holds for everybody, for the tenants of a surface, or for some tenants.
    """

    surface: Key | None = Field(default=None, description="Only customers of this surface's tenants are withheld.")
    tenants: Annotated[tuple[Key, ...], Field(min_length=1)] | None = Field(
        default=None, description="Only customers of these tenants are withheld."
    )

    @model_validator(mode="after")
    def _one_scope(self) -> SharedHoldout:
        if self.surface and self.tenants:
            raise refusal("need either surface or tenants, found both", "tenants")
        return self
