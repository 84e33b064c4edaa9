"""Experiments as an author writes them: variants or factors, and who takes part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Annotated

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from campaigns.definitions.durations import Duration
from campaigns.definitions.holdouts import Percent, whole_basis_points
from campaigns.definitions.offers import OfferChoice
from campaigns.definitions.periods import Period
from campaigns.definitions.ranges import WHOLE, Range, Ranges, overlaps
from campaigns.definitions.records import Count, Expression, Key, Matching, Name, Record, Text, found, refusal

_MOST_CELLS = 200
"""Combinations of levels that an experiment may have: beyond, no cell has enough customers to learn from."""


class Variant(OfferChoice):
    """One arm of an experiment, or one level of a factor."""

    weight: Count = Field(description="The share of this variant, relative to the sum of all weights.")
    offer: Key | None = Field(
        default=None,
        description="The variant's offer; left out: the campaign's offer, null: no offer at all.",
    )
    variables: Mapping[Name, Expression] = Field(
        default={}, description="Expressions that take the place of the campaign's variables of these names."
    )


class Level(Variant):
    """One level of a factor."""

    weight: Count = Field(default=1, description="The share of this level, relative to the sum of its factor's.")


def _levels(value: object) -> object:
    """A factor may be written as the list of its levels: all with the same weight."""
    if not isinstance(value, list | tuple):
        return value
    for index, name in enumerate(value):
        if not isinstance(name, str):
            raise refusal(f"need the name of a level, found {found(name)}", index)
        if name in value[:index]:
            raise refusal(f"{found(name)} is listed twice", index)
    return {name: Level() for name in value}


_GROUPS = {"holdout": "the customers who were held out", "campaign": "all variants together"}
"""What is no variant, and stands beside them."""

Factor = Annotated[
    Mapping[Key, Level],
    BeforeValidator(_levels, json_schema_input_type=Mapping[Key, Level] | tuple[Key, ...]),
]


def _share(value: object) -> object:
    """`20%` is 20."""
    match = re.fullmatch(r"([0-9]{1,2}(?:\.[0-9]{1,2})?) ?%", value) if isinstance(value, str) else None
    return float(match[1]) if match else value


_RULE = r"best of ([a-z0-9][a-z0-9_-]*) after ([1-9][0-9]* +[a-z]+)"


class Test(Record):
    """Launch to a share first; whoever is left gets the winner later, by `campaigns promote`."""

    share: Annotated[Percent, Field(gt=0, lt=100), BeforeValidator(_share, json_schema_input_type=Percent | str)] = (
        Field(description="The share of the allocated customers who are in the test, such as 20%.")
    )
    then: Annotated[str, Matching(rf"ask|{_RULE}", "ask, or such as `best of conversion after 24 hours`")] = Field(
        default="ask", description="How the winner is found: `ask`, or `best of METRIC after DURATION`."
    )

    _whole_basis_points = field_validator("share")(whole_basis_points)

    @field_validator("then")
    @classmethod
    def _after_a_duration(cls, then: str) -> str:
        if match := re.fullmatch(_RULE, then):
            try:
                Duration.parse(match[2])
            except ValueError as error:
                raise refusal(str(error)) from None
        return then

    @property
    def basis_points(self) -> int:
        """The share in hundredths of a percent."""
        return round(self.share * 100)

    @property
    def rule(self) -> tuple[str, Duration] | None:
        """The metric that decides, and how long after the launch; None: a person decides."""
        match = re.fullmatch(_RULE, self.then)
        return (match[1], Duration.parse(match[2])) if match else None


class Experiment(Period):
    """Matched customers who are not held out, split by weight; the order of variants is part of the split."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["variants"]}, {"required": ["factors"]}]})

    key: Key = Field(description="Names the experiment; its assignments are a function of this key.")
    variants: Mapping[Key, Variant] = Field(
        default={}, description="The arms by name. `control` is the baseline, or the first one if none has that name."
    )
    factors: Mapping[Key, Factor] = Field(
        default={},
        description="The factors by name, each with its levels; every combination is an arm. The first levels"
        " are the baseline.",
    )
    unit: Name | None = Field(default=None, description="The attribute that is bucketed instead of the customer.")
    salt: Text | None = Field(default=None, description="What assignments are hashed with; default experiment.<key>.")
    layer: Key | None = Field(default=None, description="Experiments of one layer exclude each other.")
    allocation: Ranges = Field(
        default=(Range(0, WHOLE),),
        min_length=1,
        description="The ranges of the layer, or of all customers, that take part, such as 0-40%.",
    )
    sticky: bool = Field(
        default=False, strict=True, description="Whether a customer keeps the variant of earlier launches."
    )
    bucket_version: Count = Field(default=0, description="Raised to assign everybody anew in spite of `sticky`.")
    min_bucket_version: Count = Field(
        default=0, description="Customers who were assigned under a lower bucket_version are left out."
    )
    forced: Mapping[Annotated[str, Matching(r"[^/]+/[\s\S]+", "<tenant>/<customer id>")], Text] = Field(
        default={}, description="The variant of named customers, for a look at it: <tenant>/<customer id>: variant."
    )
    test: Test | None = Field(default=None, description="Launch to a share first, and send the winner to the rest.")

    @field_validator("variants")
    @classmethod
    def _someone_gets_something(cls, variants: Mapping[str, Variant]) -> Mapping[str, Variant]:
        for name, group in _GROUPS.items():
            if name in variants:
                raise refusal(f"an analysis calls {group} {name!r}; rename the variant", name)
        if variants and not any(variant.weight for variant in variants.values()):
            raise refusal("the weights add up to 0, need at least 1")
        return variants

    @field_validator("factors")
    @classmethod
    def _each_factor_splits(cls, factors: Mapping[str, Factor]) -> Mapping[str, Factor]:
        for name, levels in factors.items():
            if len(levels) < 2:
                raise refusal(f"need at least two levels, found {', '.join(levels) or 'none'}", name)
            if not any(level.weight for level in levels.values()):
                raise refusal("the weights add up to 0, need at least 1", name)
        if prod(len(levels) for levels in factors.values()) > _MOST_CELLS:
            raise refusal(f"need at most {_MOST_CELLS} combinations of levels")
        naming = [name for name, levels in factors.items() if any(level.names_offer for level in levels.values())]
        if len(naming) > 1:
            raise refusal(f"only one factor may name offers, found {' and '.join(naming)}", naming[1])
        seen: dict[str, str] = {}
        for name, levels in factors.items():
            for variable in {variable for level in levels.values() for variable in level.variables}:
                if (other := seen.setdefault(variable, name)) != name:
                    raise refusal(f"variable {variable!r} depends on the factors {other} and {name}; need one", name)
        return factors

    @field_validator("allocation")
    @classmethod
    def _each_once(cls, allocation: tuple[Range, ...]) -> tuple[Range, ...]:
        for index, one in enumerate(allocation):
            if overlaps(allocation[:index], [one]):
                raise refusal(f"{one} overlaps a range before it", index)
        return tuple(sorted(allocation))

    @model_validator(mode="after")
    def _fits_together(self) -> Experiment:
        if bool(self.variants) == bool(self.factors):
            raise refusal(f"need either variants or factors, found {'both' if self.variants else 'none'}")
        if self.min_bucket_version > self.bucket_version:
            raise refusal(
                f"need at most the bucket_version, {self.bucket_version}, found {self.min_bucket_version}",
                "min_bucket_version",
            )
        for who, variant in self.forced.items():
            if variant not in self.arms:
                raise refusal(f"unknown variant {variant!r}; there are {', '.join(self.arms)}", "forced", who)
        return self

    @property
    def arms(self) -> dict[str, int]:
        """The weight of every arm by its name, in order; of a factorial, all combinations as `factor=level,...`."""
        if not self.factors:
            return {name: variant.weight for name, variant in self.variants.items()}
        return {
            arm_name(levels): prod(self.factors[factor][level].weight for factor, level in levels.items())
            for levels in self.cells
        }

    @property
    def cells(self) -> list[dict[str, str]]:
        """The combinations of a factorial, as level by factor; none without factors."""
        combinations = product(*self.factors.values()) if self.factors else ()
        return [dict(zip(self.factors, levels, strict=True)) for levels in combinations]

    def parts_of(self, arm: str) -> list[Variant]:
        """What an arm is made of: its variant, or the level of each factor."""
        if not self.factors:
            return [self.variants[arm]]
        levels = next(levels for levels in self.cells if arm_name(levels) == arm)
        return [self.factors[factor][level] for factor, level in levels.items()]

    @property
    def control(self) -> str:
        """The name of the baseline arm."""
        return "control" if "control" in self.arms else next(iter(self.arms))

    @property
    def everyone(self) -> bool:
        """Whether nobody is outside the allocation."""
        return sum(part.high - part.low for part in self.allocation) == WHOLE

    @property
    def choosing(self) -> list[tuple[str | None, Mapping[str, Variant]]]:
        """What variables may depend on: the variants (of no factor), or the levels of each factor."""
        return [(None, self.variants)] if self.variants else [(name, levels) for name, levels in self.factors.items()]


def arm_name(levels: Mapping[str, str]) -> str:
    """The name of a combination of levels: `subject=a,incentive=none`."""
    return ",".join(f"{factor}={level}" for factor, level in levels.items())
