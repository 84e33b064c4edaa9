"""Relative places resolve against the workspace, wherever the command is called."""

from __future__ import annotations

import re
from pathlib import Path

from campaigns.errors import InvalidDefinition

_SQLITE = re.compile(r"(sqlite(?:\+[a-z]+)?:///)([^/?][^?]*)(.*)", re.DOTALL)


def resolve(root: Path, location: str) -> str:
    """The absolute path (or glob) of a location in the workspace; a URL stays as it is."""
    return location if "://" in location else str(root.absolute() / location)


def resolve_url(root: Path, url: str) -> str:
    """A `sqlite:///relative` URL as `sqlite:////absolute`; any other URL stays as it is.

    Raise InvalidDefinition if the workspace's own path has a `?`, which would end the path of the URL.
    """
    match = _SQLITE.fullmatch(url)
    if match is None or match[2] == ":memory:":
        return url
    path = resolve(root, match[2])
    if "?" in path:
        raise InvalidDefinition(f"workspace folder {path!r}: a path with '?' cannot hold a SQLite file")
    return match[1] + path + match[3]
