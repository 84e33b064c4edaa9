"""Validation errors in plain words: what was found, what is allowed, what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from campaigns.definitions.records import Record, found
from campaigns.definitions.shapes import describe, record_at, written_keys

_NEEDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "finite_number": "a finite number",
}
_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "of at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "of at most"),
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong at a path of the file; `on_key` means the key itself, not its value."""

    path: tuple[str | int, ...]
    message: str
    on_key: bool = False


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no known word is near."""
    words = list(known)
    by_lower_case = {word.lower(): word for word in words}
    near = by_lower_case.get(wrong.lower()) or next(iter(get_close_matches(wrong, words, 1)), None)
    return f"; did you mean {near!r}?" if near and near != wrong else ""


def listed(known: Iterable[str]) -> str:
    """The known words, at most twenty of them."""
    words = list(known)
    rest = f" and {len(words) - 20} more" if len(words) > 20 else ""
    return (", ".join(words[:20]) or "none") + rest


def complaints(root: type[Record], error: ValidationError) -> Iterator[Complaint]:
    """Every error of a record, in the order in which pydantic found them."""
    for details in error.errors(include_url=False):
        if not _follows_from_another(details):
            yield _complaint(root, details)


def _follows_from_another(details: Any) -> bool:
    """Pydantic also calls a collection too short when its only entries are wrong."""
    return details["type"] == "too_short" and bool(details["input"])


def _complaint(root: type[Record], details: Any) -> Complaint:
    location: tuple[str | int, ...] = details["loc"]
    context = details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            return _unknown_key(record_at(root, location[:-1]), location)
        case "missing":
            meaning = describe(record_at(root, location[:-1]), str(location[-1]))
            return Complaint(location[:-1], f"key {location[-1]!r} is missing: {meaning}".rstrip(": "))
        case "refused":
            on_key = location[-1:] == ("[key]",)
            path = location[:-1] if on_key else location
            return Complaint((*path, *context.get("at", ())), _refused(details), on_key)
        case "union_tag_invalid":
            allowed = context["expected_tags"].replace("'", "").split(", ")
            message = f"unknown type {found(context['tag'])}{suggestion(str(context['tag']), allowed)}"
            return Complaint((*location, "type"), f"{message}; allowed: {listed(allowed)}")
        case "union_tag_not_found" if isinstance(details["input"], dict):
            return Complaint(location, "key 'type' is missing: amount_off, percent_off or free_delivery")
        case "union_tag_not_found":
            return Complaint(location, f"need a mapping, found {found(details['input'])}")
        case kind:
            return Complaint(location, _need(kind, context, details))


def _unknown_key(record: type[Record] | None, location: tuple[str | int, ...]) -> Complaint:
    keys = written_keys(record) if record else []
    message = f"unknown key {location[-1]!r}{suggestion(str(location[-1]), keys)}; allowed: {listed(keys)}"
    return Complaint(location, message, on_key=True)


def _refused(details: Any) -> str:
    message: str = details["msg"]
    return message if "found" in message or "ctx" in details else f"{message}, found {found(details['input'])}"


def _need(kind: str, context: dict[str, Any], details: Any) -> str:
    value = details["input"]
    if kind == "too_short":
        return "need at least one entry, found none"
    if kind == "literal_error":
        return f"need {context['expected']}, found {found(value)}"
    if kind in _LIMITS:
        limit, words = _LIMITS[kind]
        return f"need a number {words} {context[limit]:g}, found {value}"
    if kind in _NEEDS:
        quotes = "; put it in quotes" if kind == "string_type" and isinstance(value, bool | int | float) else ""
        return f"need {_NEEDS[kind]}, found {found(value)}{quotes}"
    return f"{details['msg']}, found {found(value)}"
