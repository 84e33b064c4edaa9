"""A checked rule: what the rest of the engine handles."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.audience.tree import Attribute, Call, Node, Op, Segment
from campaigns.audience.types import Type


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule or expression that passed the checker; only `check` and `conjuncts` make one.

    `tree` is typed, its conversions are explicit and its segments are inlined. `attributes` and
    `segments` are the names it uses, also through segments.
    """

    text: str
    tree: Node
    type: Type
    attributes: frozenset[str]
    segments: frozenset[str]


def conjuncts(rule: Rule) -> list[Rule]:
    """Return the parts that the rule's top-level `and` joins, in order, each with its own text.

    A part in parentheses and an `in_segment(...)` stay whole. A customer matches the rule exactly if
    every part is true. A rule without a top-level `and` is its own only part.
    """
    tree = rule.tree
    if not (isinstance(tree, Call) and tree.op is Op.AND):
        return [rule]
    return [_part(rule.text[part.start : part.end], part) for part in tree.args]


def _part(text: str, tree: Node) -> Rule:
    attributes: set[str] = set()
    segments: set[str] = set()
    collect(tree, attributes, segments)
    return Rule(text, tree, Type.BOOLEAN, frozenset(attributes), frozenset(segments))


def collect(tree: Node, attributes: set[str], segments: set[str]) -> None:
    """Add the names of the attributes and segments that a checked tree uses."""
    pending = [tree]
    while pending:
        match pending.pop():
            case Attribute(name=name):
                attributes.add(name)
            case Call(args=args):
                pending.extend(args)
            case Segment(name=name, tree=inner) if inner is not None and name not in segments:
                segments.add(name)
                pending.append(inner)
