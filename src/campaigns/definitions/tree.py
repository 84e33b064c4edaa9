"""A YAML file as a tree that knows its places. Bounded: no file can make it recurse or explode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from campaigns.definitions.scalars import plain_value
from campaigns.definitions.source_text import SourceText
from campaigns.errors import InvalidDefinition, Problem

MAXIMUM_NODES = 100_000
MAXIMUM_DEPTH = 50
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Scalar:
    """A piece of text; `style` is empty for plain text, else one of ' \" | >."""

    start: int
    end: int
    text: str
    style: str
    value: str | int | float | bool | None


@dataclass(slots=True)
class Sequence:
    start: int
    end: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    start: int
    end: int
    keys: dict[str, Scalar] = field(default_factory=dict)
    values: dict[str, Node] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class _Size:
    """What a node weighs once its aliases are expanded."""

    nodes: int
    depth: int


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read; `key` waits for its value."""

    node: Sequence | Mapping
    anchor: str | None
    key: Scalar | None = None
    nodes: int = 1
    depth: int = 0


class _Builder:
    """Consumes the parser's events one by one, so a file is refused as soon as it passes a bound."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._anchored: dict[str, tuple[Node, _Size]] = {}

    def build(self) -> Node:
        for event in self._events():
            self._read(event)
        if self.root is None or (isinstance(self.root, Scalar) and not self.root.text and not self.root.style):
            raise InvalidDefinition([*self.problems, Problem("the file is empty", self.source.file, 1, 1)])
        return self.root

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.source.text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except yaml.YAMLError as error:
            raise InvalidDefinition([*self.problems, Problem(f"not valid YAML: {error}", self.source.file)]) from None

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> InvalidDefinition:
        mark = error.problem_mark or error.context_mark
        start = self.source.offset(mark.line, mark.column) if mark else 0
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        if self.source.text[start : start + 1] == "\t":
            reason = "a tab cannot indent; use spaces"
        return self._fatal(f"not valid YAML: {reason}", start, start + 1)

    def _fatal(self, message: str, start: int, end: int) -> InvalidDefinition:
        return InvalidDefinition([*self.problems, self.source.problem(message, start, end)])

    def _read(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                raise self._fatal("a second document starts here, need exactly one", *self._span(event))
            case yaml.ScalarEvent():
                self._refuse_tag(event)
                self._place(self._scalar(event), event.anchor)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.SequenceStartEvent():
                self._start(Sequence(*self._span(event)), event)
            case yaml.MappingStartEvent():
                self._start(Mapping(*self._span(event)), event)
            case yaml.CollectionEndEvent():
                self._end(event)

    def _span(self, event: Any) -> tuple[int, int]:
        marks = (event.start_mark, event.end_mark)
        start, end = (self.source.offset(mark.line, mark.column) for mark in marks)
        return start, end

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            self._report(f"tag {event.tag!r} is not supported; quote a value to make it text", event)

    def _report(self, message: str, event: Any) -> None:
        self.problems.append(self.source.problem(message, *self._span(event)))

    def _scalar(self, event: Any) -> Scalar:
        start, end = self._span(event)
        style = event.style or ""
        value: Any = event.value
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in event.value):
            self._report("the text has a NUL or half of a surrogate pair, which is not allowed", event)
        if not style and not self._awaits_key():
            try:
                value = plain_value(event.value)
            except ValueError as error:
                self._report(str(error), event)
        return Scalar(start, end, event.value, style, value)

    def _start(self, node: Sequence | Mapping, event: Any) -> None:
        self._refuse_tag(event)
        if len(self._open) >= MAXIMUM_DEPTH:
            raise self._fatal(f"nested more than {MAXIMUM_DEPTH} levels deep", *self._span(event))
        if self._awaits_key():
            raise self._not_text(node)
        if event.anchor is not None:
            self._anchored.pop(event.anchor, None)
        self._open.append(_Open(node, event.anchor))

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        done.node.end = self._span(event)[0]
        self._place(done.node, done.anchor, _Size(done.nodes, done.depth))

    def _alias(self, event: Any) -> None:
        start, end = self._span(event)
        if any(parent.anchor == event.anchor for parent in self._open):
            raise self._fatal(f"alias *{event.anchor} contains itself", start, end)
        if event.anchor not in self._anchored:
            raise self._fatal(f"alias *{event.anchor} has no anchor &{event.anchor} before it", start, end)
        node, size = self._anchored[event.anchor]
        if len(self._open) + size.depth > MAXIMUM_DEPTH:
            raise self._fatal(f"alias *{event.anchor} nests more than {MAXIMUM_DEPTH} levels deep", start, end)
        self._place(node, None, size)

    def _place(self, node: Node, anchor: str | None, size: _Size | None = None) -> None:
        size = size or _Size(1, 0)
        if anchor is not None:
            self._anchored[anchor] = (node, size)
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.node, Mapping) and parent.key is None:
            if not isinstance(node, Scalar):
                raise self._not_text(node)
            parent.key = node
            return
        self._weigh(parent, node, size)
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is not None:
            self._enter(parent.node, parent.key, node)
            parent.key = None

    def _weigh(self, parent: _Open, node: Node, size: _Size) -> None:
        parent.nodes += size.nodes
        parent.depth = max(parent.depth, size.depth + 1)
        if sum(open_.nodes for open_ in self._open) > MAXIMUM_NODES:
            message = f"the file has more than {MAXIMUM_NODES:,} values once its aliases are expanded"
            raise self._fatal(message, node.start, node.end)

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].node, Mapping) and self._open[-1].key is None

    def _not_text(self, node: Node) -> InvalidDefinition:
        return self._fatal("a key must be text", node.start, node.start + 1)

    def _enter(self, mapping: Mapping, key: Scalar, value: Node) -> None:
        if key.text == "<<" and not key.style:
            message = "merge keys (<<) are not supported; write the keys out"
            self.problems.append(self.source.problem(message, key.start, key.end))
        elif first := mapping.keys.get(key.text):
            line = self.source.problem("", first.start, first.end).line
            message = f"key {key.text!r} is written twice; the first is in line {line}"
            self.problems.append(self.source.problem(message, key.start, key.end))
        else:
            mapping.keys[key.text] = key
            mapping.values[key.text] = value


def read_tree(source: SourceText) -> tuple[Node, list[Problem]]:
    """The file's tree, and what is wrong with it that does not hide the rest.

    Raise InvalidDefinition when there is no tree: bad syntax, an empty file, more than one document, nesting
    deeper than 50, more than 100,000 values once aliases are expanded, an alias without or inside its anchor.
    """
    builder = _Builder(source)
    return builder.build(), builder.problems


def plain(node: Node) -> Any:
    """The tree as dicts, lists, text, numbers, booleans and None."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(value) for key, value in node.values.items()}
