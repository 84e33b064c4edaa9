"""Rules of a file that is no valid record yet: they are checked all the same, so that every error is told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from campaigns.audience import RuleError, Type, check, parse
from campaigns.definitions import Workspace
from campaigns.definitions.documents import Document
from campaigns.errors import InvalidDefinition, Problem
from campaigns.plan.compile import Path, Tables, attribute_types


def campaign_problems(document: Document, workspace: Workspace, tables: Tables, dialect: str) -> list[Problem]:
    """What is wrong with the rules and expressions of a campaign file, types included."""
    try:
        types = attribute_types(workspace, tables, dialect)
    except InvalidDefinition:
        return _problems(document, _campaign_rules(document.data), _parsed)

    def checked(path: Path, text: str) -> None:
        check(text, types, workspace.segments, Type.BOOLEAN if path[0] == "audience" else None)

    return _problems(document, _campaign_rules(document.data), checked)


def workspace_problems(document: Document) -> list[Problem]:
    """What is wrong with the grammar of a workspace file's rules; types need a valid workspace."""
    return _problems(document, _workspace_rules(document.data), _parsed)


def _parsed(_path: Path, text: str) -> None:
    parse(text)


def _problems(
    document: Document, rules: Iterator[tuple[Path, str]], test: Callable[[Path, str], None]
) -> list[Problem]:
    problems = []
    for path, text in rules:
        try:
            test(path, text)
        except RuleError as error:
            problems += [document.problem(path, each.message, each.start, each.end) for each in error.errors]
    return problems


def _campaign_rules(data: Any) -> Iterator[tuple[Path, str]]:
    yield from _texts(data, ("audience", "where"))
    for name in _keys(data, "variables"):
        yield from _texts(data, ("variables", name))


def _workspace_rules(data: Any) -> Iterator[tuple[Path, str]]:
    for name in _keys(data, "segments"):
        yield from _texts(data, ("segments", name))
    for name in _keys(data, "attributes"):
        yield from _texts(data, ("attributes", name, "where"))
    for name in _keys(data, "metrics"):
        yield from _texts(data, ("metrics", name, "where"))
        for part in ("numerator", "denominator"):
            yield from _texts(data, ("metrics", name, "ratio", part, "where"))
    for name in _keys(data, "offers"):
        yield from _texts(data, ("offers", name, "eligible"))


def _keys(data: Any, section: str) -> list[str]:
    found = data.get(section) if isinstance(data, dict) else None
    return list(found) if isinstance(found, dict) else []


def _texts(data: Any, path: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """The text at a path, if there is one."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    if isinstance(data, str):
        yield path, data
