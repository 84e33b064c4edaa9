"""The type checker: names resolved, types agreed, segments inlined, every error found at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from campaigns.audience import limits
from campaigns.audience.fault import RuleError
from campaigns.audience.limits import Extent
from campaigns.audience.parse import parse
from campaigns.audience.rule import Rule, collect
from campaigns.audience.signatures import typed
from campaigns.audience.tree import Attribute, Call, Node, Segment
from campaigns.audience.types import Type


def check(text: str, types: Mapping[str, Type], segments: Mapping[str, str], want: Type | None = Type.BOOLEAN) -> Rule:
    """Return the checked rule.

    `types` maps every attribute that rules may name, `segments` every segment to its rule text. `want` is the
    type the whole must have; None admits any value (a variable of a campaign), but no interval.
    Raises RuleError with every error of this text. A broken segment is an error at its use; checking the
    segment itself says more.
    """
    checker = _Checker(types, segments)
    try:
        tree = checker.rule(text, want)
    except RecursionError:
        raise RuleError("nested too deeply with its segments written out", 0, len(text)) from None
    attributes: set[str] = set()
    used: set[str] = set()
    collect(tree, attributes, used)
    assert tree.type is not None  # noqa: S101  (a tree without errors is typed)
    return Rule(text, tree, tree.type, frozenset(attributes), frozenset(used))


class _Checker:
    """Checks one rule; each segment it meets is parsed and checked once, however often it is used."""

    def __init__(self, types: Mapping[str, Type], segments: Mapping[str, str]) -> None:
        self.types, self.segments = types, segments
        self.path: list[str] = []
        self.done: dict[str, Node | RuleError] = {}
        self.extents: dict[str, Extent] = {}

    def rule(self, text: str, want: Type | None) -> Node:
        """Return the typed tree of a text, or raise every error found in it."""
        errors: list[RuleError] = []
        tree = self.resolve(parse(text), errors)
        if not errors:
            errors.extend(_unwanted(tree, want))
        if errors:
            raise RuleError.of(errors)
        self.extent = limits.extent(tree, self.extents)
        limits.refuse_beyond(self.extent, 0, len(text))
        return tree

    def resolve(self, node: Node, errors: list[RuleError]) -> Node:
        """Return the node typed. What has errors stays without a type, and nothing above it is judged."""
        try:
            match node:
                case Attribute():
                    return replace(node, type=self.attribute(node))
                case Segment():
                    return replace(node, tree=self.segment(node))
                case Call(args=args):
                    known = tuple(self.resolve(arg, errors) for arg in args)
                    call = replace(node, args=known)
                    return call if any(arg.type is None for arg in known) else typed(call)
                case _:
                    return node
        except RuleError as error:
            errors.extend(error.errors)
            return node

    def attribute(self, node: Attribute) -> Type:
        if node.name not in self.types:
            hint = _did_you_mean(node.name, self.types)
            raise RuleError(f"unknown attribute `{node.name}`{hint}", node.start, node.end)
        return self.types[node.name]

    def segment(self, use: Segment) -> Node:
        if use.name not in self.segments:
            hint = _did_you_mean(use.name, self.segments)
            raise RuleError(f"unknown segment `{use.name}`{hint}", use.start, use.end)
        if use.name in self.path:
            cycle = " -> ".join([*self.path[self.path.index(use.name) :], use.name])
            raise _SegmentError(f"segments form a cycle: {cycle}", use.start, use.end)
        if use.name not in self.done:
            self.done[use.name] = self.enter(use.name)
        done = self.done[use.name]
        if isinstance(done, _SegmentError):
            raise _SegmentError(done.message, use.start, use.end)
        if isinstance(done, RuleError):
            raise _SegmentError(f"segment `{use.name}` has an error: {done.message}", use.start, use.end)
        return done

    def enter(self, name: str) -> Node | RuleError:
        self.path.append(name)
        try:
            if len(self.path) > limits.MAX_SEGMENTS:
                raise RuleError(f"segments use each other more than {limits.MAX_SEGMENTS} deep", 0, 1)
            tree = self.rule(self.segments[name], Type.BOOLEAN)
            self.extents[name] = self.extent
            return tree
        except RuleError as error:
            return error.errors[0]
        finally:
            self.path.pop()


class _SegmentError(RuleError):
    """Its message names the segment at fault, and stays as it is through the segments that use that one."""


def _unwanted(tree: Node, want: Type | None) -> list[RuleError]:
    if want is not None and tree.type is not want:
        what = "a rule must be true or false" if want is Type.BOOLEAN else f"a {want} is wanted here"
        return [RuleError(f"{what}; this is of type {tree.type}", tree.start, tree.end)]
    if tree.type is Type.INTERVAL:
        return [RuleError("an interval alone is not a value: add it to a timestamp", tree.start, tree.end)]
    return []


def _did_you_mean(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, 1)
    return f", did you mean `{near[0]}`?" if near else ""
