"""What a stream has of a launch, held against its snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from campaigns.cli.render.parts import columns, count, marked, section, spoken

_WORDS = {
    "expected": "events are frozen to be sent",
    "found": "of them are on the stream",
    "lost": "lost: acknowledged, but not on the stream",
    "pending": "pending: not acknowledged yet",
    "changed": "changed: on the stream with other bytes",
    "duplicates": "duplicates: repeated, the same id",
    "foreign": "foreign: with the launch's source, but none of its events",
}


def verify_view(document: Mapping[str, Any]) -> Group:
    """The verdict, the counts, and a few ids of what is wrong."""
    title = f"launch {document['launch_id']} is {document['state']}; "
    title += "the stream agrees with its snapshot" if document["ok"] else "THE STREAM DOES NOT AGREE WITH ITS SNAPSHOT"
    books = "the books are closed" if document["books_closed"] else "the books are not closed"
    body: list[RenderableType] = [
        columns((count(document[name]), words) for name, words in _WORDS.items()),
        "  " + books,
    ]
    if document["problems"]:
        body.append(section("what is wrong", *(Text(f"  {problem}", style="red") for problem in document["problems"])))
    wrong = {kind: ids for kind, ids in document["samples"].items() if ids and kind != "pending"}
    if wrong:
        body.append(section("such as", columns(((kind, _ids(ids)) for kind, ids in wrong.items()), right=0)))
    return Group(marked(document["ok"], title), *body)


def _ids(ids: list[str]) -> str:
    return ", ".join(map(spoken, ids))
