"""The base of every record an author writes, and the kinds of text and numbers their fields hold."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


class Record(BaseModel):
    """A frozen record: unknown keys and bad values are refused, nothing is repaired."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


MISPLACED = "must not be in this file"
"""What the refusal of a secret in a definition says; the line that holds it is never quoted."""


def refusal(message: str, *at: str | int) -> PydanticCustomError:
    """An error in our own words; `at` is the path below the record where the author must look."""
    return PydanticCustomError("refused", "{message}", {"message": message, "at": at})


def found(value: object) -> str:
    """What an author wrote, in a few words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return repr(value if len(value) <= 60 else value[:57] + "...")
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return type(value).__name__


@dataclass(frozen=True, slots=True)
class Matching:
    """Text that matches `pattern` as a whole; `need` says so in words."""

    pattern: str
    need: str

    def check(self, value: str) -> str:
        if re.fullmatch(self.pattern, value) is None:
            raise refusal(f"need {self.need}, found {found(value)}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def _scalar(value: object) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        raise refusal(f"need a finite number, found {value}")
    if isinstance(value, str | int | float):
        return value
    raise refusal(f"need text, a number, true or false, found {found(value)}")


def _value(value: object) -> Value:
    if isinstance(value, list | tuple):
        return tuple(_scalar(item) for item in value)
    return _scalar(value)


def _unchanged(value: Value) -> Value:
    return value


Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]

_SCALAR_SCHEMA = {"type": ["string", "number", "boolean"]}

AnyScalar = Annotated[Scalar, PlainValidator(_scalar), WithJsonSchema(_SCALAR_SCHEMA)]
AnyValue = Annotated[
    Value,
    PlainValidator(_value),
    PlainSerializer(_unchanged, return_type=Any),
    WithJsonSchema({"anyOf": [_SCALAR_SCHEMA, {"type": "array", "items": _SCALAR_SCHEMA}]}),
]

Key = Annotated[
    str,
    Matching(r"[a-z0-9][a-z0-9_-]*", "a key of lower-case letters, digits, '-' and '_' (first a letter or digit)"),
]
Name = Annotated[
    str,
    Matching(
        r"(?!as_of$)[A-Za-z_][A-Za-z0-9_]*",
        "a name of letters, digits and '_' (first no digit; 'as_of' is reserved)",
    ),
]
Text = Annotated[str, Matching(r"[^\x00-\x1f\x7f]+", "text on one line, not empty")]
Expression = Annotated[str, Matching(r"[\s\S]*\S[\s\S]*", "a rule or expression, not empty")]
Url = Annotated[str, Matching(r"[a-z][a-z0-9+.-]*://[^\x00-\x20\x7f]*", "a URL such as sqlite:///.campaigns/ledger.db")]
Currency = Annotated[str, Matching(r"[A-Z]{3}", "a currency of three capital letters (ISO 4217) such as USD")]

Count = Annotated[int, Field(strict=True, ge=0)]
PositiveCount = Annotated[int, Field(strict=True, gt=0)]
