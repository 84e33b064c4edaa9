"""What a campaign refers to: found by parsing alone, before any source is opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from campaigns.audience import RuleError, parse
from campaigns.audience.tree import Attribute, Call, Node, Segment
from campaigns.definitions import Campaign, Definition, Workspace, freeze
from campaigns.definitions.closure import honoured, targeted

Scope = Workspace | Definition
"""Where a campaign's references are looked up: the workspace today, or the definition frozen at the claim."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Names that rules mention, directly or through segments; they may not exist."""

    attributes: frozenset[str]
    segments: frozenset[str]


def reach(scope: Scope, campaign: Campaign) -> Reach:
    """Every attribute and segment that the campaign's rules mention. Rules that cannot be parsed mention nothing."""
    attributes: set[str] = set(campaign.units)
    attributes |= {holdout.unit for holdout in honoured(scope, campaign).values() if holdout.unit}
    segments: set[str] = set()
    waiting = list(_rules(scope, campaign))
    new = set(campaign.audience.exclude)
    while waiting or new:
        waiting += [scope.segments[name] for name in new if name in scope.segments]
        segments |= new
        found = [name for text in waiting for name in _mentioned(text)]
        attributes |= {name for is_segment, name in found if not is_segment}
        new = {name for is_segment, name in found if is_segment} - segments
        waiting = []
    return Reach(frozenset(attributes), frozenset(segments))


def define(workspace: Workspace, campaign: Campaign) -> Definition:
    """The campaign with everything it refers to, as a launch freezes it.

    A segment that does not exist is left out: `compile_campaign` refuses it, with its place.
    """
    found = reach(workspace, campaign)
    return freeze(workspace, campaign, found.attributes, found.segments & workspace.segments.keys())


def _rules(scope: Scope, campaign: Campaign) -> Iterator[str]:
    yield campaign.audience.where
    yield from campaign.variables.values()
    yield from _alternatives(scope, campaign)
    for offer in campaign.offers:
        if offer in scope.offers and (rule := scope.offers[offer].eligible):
            yield rule


def _alternatives(scope: Scope, campaign: Campaign) -> Iterator[str]:
    """The expressions that take the place of the campaign's variables."""
    for _, choices in campaign.experiment.choosing if campaign.experiment else ():
        for choice in choices.values():
            yield from choice.variables.values()
    for tenant in targeted(scope, campaign).values():
        if override := tenant.overrides.get(campaign.campaign):
            yield from override.variables.values()


def _mentioned(text: str) -> Iterable[tuple[bool, str]]:
    """(is a segment, name) for every name in a rule."""
    try:
        nodes: list[Node] = [parse(text)]
    except RuleError:
        return
    while nodes:
        match nodes.pop():
            case Attribute(name=name):
                yield False, name
            case Segment(name=name):
                yield True, name
            case Call(args=args):
                nodes.extend(args)
