"""Text from data, made harmless before anything is drawn: what it says stays readable, what it does is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def harmless(document: Any) -> Any:
    """The document with every text, keys too, as plain words; quoted and escaped where a text is anything else.

    Control characters move a terminal's cursor and are not allowed in HTML; characters that change the direction of
    writing make a text read as another one. Markup is plain words here: the template escapes it.
    """
    if isinstance(document, str):
        return document if document.isprintable() and document == document.strip() != "" else repr(document)
    if isinstance(document, Mapping):
        return {harmless(name): harmless(value) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [harmless(each) for each in document]
    return document
