"""The definition of a launch: the campaign with everything it reaches, frozen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import TypeVar

from campaigns.definitions.attributes import Attribute
from campaigns.definitions.campaigns import Campaign, OfSurface
from campaigns.definitions.offers import Offer
from campaigns.definitions.records import Expression, Key, Name, Record
from campaigns.definitions.references import campaign_references
from campaigns.definitions.sources import Customers, EventTable
from campaigns.definitions.workspaces import Tenant, Workspace
from campaigns.errors import InvalidDefinition, Problem

T = TypeVar("T")


class Definition(Record):
    """All that decides a launch. A resume uses the frozen one, whatever the files say by then."""

    workspace: Key
    tenants: Mapping[Key, Tenant]
    known_tenants: tuple[Key, ...]
    customers: Customers
    events: Mapping[Key, EventTable]
    attributes: Mapping[Name, Attribute]
    segments: Mapping[Key, Expression]
    offers: Mapping[Key, Offer]
    campaign: Campaign

    @property
    def version(self) -> str:
        """16 hex digits: the start of the SHA-256 of the definition as canonical JSON.

        Defaults are left out, so that a key added to the language later changes no version. The order of the
        variants is part of the split, so it is part of the version; no other order is.
        """
        content = self.model_dump(mode="json", exclude_defaults=True, by_alias=True)
        experiment = self.campaign.experiment
        order = list(experiment.variants) if experiment else []
        canonical = json.dumps([content, order], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def targeted(workspace: Workspace, campaign: Campaign) -> dict[str, Tenant]:
    """The tenants a campaign addresses, by key, in the workspace's order."""
    chosen = campaign.tenants
    return {
        key: tenant
        for key, tenant in workspace.tenants.items()
        if chosen == "all" or (tenant.surface == chosen.surface if isinstance(chosen, OfSurface) else key in chosen)
    }


def freeze(
    workspace: Workspace, campaign: Campaign, attributes: Collection[str], segments: Collection[str]
) -> Definition:
    """The closure of a campaign.

    `attributes` and `segments` are the names its rules use, directly or through segments; a name that is no
    attribute of the workspace is a column of `customers`. Excluded segments, units and offers are found here.
    Raise InvalidDefinition if the campaign or `segments` name something that the workspace does not have.
    """
    problems = [complaint.message for complaint in campaign_references(workspace, campaign.model_dump())]
    problems += [f"unknown segment {name!r}" for name in sorted(set(segments) - workspace.segments.keys())]
    if problems:
        raise InvalidDefinition([Problem(f"campaign {campaign.campaign!r}: {problem}") for problem in problems])
    reached = _pick(workspace.attributes, {*attributes, *campaign.units})
    return Definition(
        workspace=workspace.workspace,
        tenants=targeted(workspace, campaign),
        known_tenants=tuple(workspace.tenants),
        customers=workspace.customers,
        events=_pick(workspace.events, {attribute.events for attribute in reached.values()}),
        attributes=reached,
        segments=_pick(workspace.segments, {*segments, *campaign.audience.exclude}),
        offers=_pick(workspace.offers, campaign.offers),
        campaign=campaign,
    )


def _pick(known: Mapping[str, T], keys: Collection[str]) -> dict[str, T]:
    return {key: value for key, value in known.items() if key in keys}
