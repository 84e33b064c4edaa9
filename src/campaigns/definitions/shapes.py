"""Which record an author was writing at a place of a file, so that messages can name the keys it knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Tag

from campaigns.definitions.records import Record


def record_at(kind: Any, location: Sequence[str | int]) -> type[Record] | None:
    """The record class that pydantic's error location leads to, from a root class."""
    for part in location:
        kind = _below(kind, part)
    kind = _bare(kind)
    return kind if isinstance(kind, type) and issubclass(kind, Record) else None


def written_keys(record: type[Record]) -> list[str]:
    """The keys of a record as an author writes them."""
    return [field.alias or name for name, field in record.model_fields.items()]


def describe(record: type[Record] | None, key: str) -> str:
    """What a key of the record means, or nothing."""
    fields = record.model_fields.items() if record else ()
    return next((field.description or "" for name, field in fields if (field.alias or name) == key), "")


def _below(kind: Any, part: str | int) -> Any:
    kind = _bare(kind)
    origin = get_origin(kind)
    if origin is Mapping:
        return get_args(kind)[1]
    if origin is tuple:
        return get_args(kind)[0]
    if origin in (Union, UnionType):
        return next((member for member in get_args(kind) if _has_tag(member, part)), None)
    if isinstance(kind, type) and issubclass(kind, Record):
        fields = kind.model_fields.items()
        return next((field.annotation for name, field in fields if part in (name, field.alias)), None)
    return None


def _bare(kind: Any) -> Any:
    """Without metadata, and without the `None` of an optional."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not NoneType]
        return _bare(members[0]) if len(members) == 1 else kind
    return kind


def _has_tag(member: Any, part: str | int) -> bool:
    if get_origin(member) is Annotated:
        return any(isinstance(mark, Tag) and mark.tag == part for mark in get_args(member))
    field = member.model_fields.get("type") if hasattr(member, "model_fields") else None
    kind = field.annotation if field else None
    return get_origin(kind) is Literal and part in get_args(kind)
