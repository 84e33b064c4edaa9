"""The definition of a launch: the campaign with everything it reaches, frozen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import TypeVar

from campaigns.definitions.attributes import Attribute
from campaigns.definitions.campaigns import Campaign, OfSurface
from campaigns.definitions.holdouts import SharedHoldout
from campaigns.definitions.offers import Offer
from campaigns.definitions.records import Expression, Key, Name, Record, Text
from campaigns.definitions.references import campaign_references
from campaigns.definitions.sources import Customers, EventTable
from campaigns.definitions.workspaces import Tenant, Workspace
from campaigns.errors import InvalidDefinition, Problem

T = TypeVar("T")


class Promotion(Record):
    """What a launch finishes: the test that `launch_id` was, with its winner for everybody who waited."""

    launch_id: Text
    variant: Text


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
    holdouts: Mapping[Key, SharedHoldout] = {}
    campaign: Campaign
    promotes: Promotion | None = None

    @property
    def version(self) -> str:
        """16 hex digits: the start of the SHA-256 of the definition as canonical JSON.

        Defaults are left out, so that a key added to the language later changes no version. The order of the
        variants, or of factors and their levels, is part of the split, and that of holdouts says which one counts:
        so they are part of the version; no other order is.
        """
        content = self.model_dump(mode="json", exclude_defaults=True, by_alias=True)
        experiment = self.campaign.experiment
        order: list[object] = list(experiment.variants) if experiment else []
        if experiment and experiment.factors:
            order += [[factor, list(levels)] for factor, levels in experiment.factors.items()]
        if self.holdouts:
            order.append(list(self.holdouts))
        canonical = json.dumps([content, order], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def targeted(workspace: Workspace | Definition, campaign: Campaign) -> dict[str, Tenant]:
    """The tenants a campaign addresses, by key, in the workspace's order; of their overrides, those of the campaign."""
    chosen, name = campaign.tenants, campaign.campaign
    return {
        key: tenant.model_copy(update={"overrides": {name: tenant.overrides[name]} if name in tenant.overrides else {}})
        if tenant.overrides
        else tenant
        for key, tenant in workspace.tenants.items()
        if chosen == "all" or (tenant.surface == chosen.surface if isinstance(chosen, OfSurface) else key in chosen)
    }


def honoured(workspace: Workspace | Definition, campaign: Campaign) -> dict[str, SharedHoldout]:
    """The workspace's holdouts that a campaign does not ignore and that hold for some of its tenants, by key."""
    if campaign.ignore_holdouts == "all":
        return {}
    tenants = targeted(workspace, campaign)
    return {
        key: holdout
        for key, holdout in workspace.holdouts.items()
        if key not in campaign.ignore_holdouts and any(holds_for(holdout, key, tenants[key]) for key in tenants)
    }


def holds_for(holdout: SharedHoldout, key: str, tenant: Tenant) -> bool:
    """Whether a holdout concerns a tenant."""
    if holdout.tenants is not None:
        return key in holdout.tenants
    return holdout.surface is None or tenant.surface == holdout.surface


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
    holdouts = honoured(workspace, campaign)
    units = {*campaign.units, *(holdout.unit for holdout in holdouts.values() if holdout.unit)}
    reached = _pick(workspace.attributes, {*attributes, *units})
    return Definition(
        workspace=workspace.workspace,
        tenants=targeted(workspace, campaign),
        known_tenants=tuple(workspace.tenants),
        customers=workspace.customers,
        events=_pick(workspace.events, {attribute.events for attribute in reached.values()}),
        attributes=reached,
        segments=_pick(workspace.segments, {*segments, *campaign.audience.exclude}),
        offers=_pick(workspace.offers, campaign.offers),
        holdouts=holdouts,
        campaign=campaign,
    )


def _pick(known: Mapping[str, T], keys: Collection[str]) -> dict[str, T]:
    return {key: value for key, value in known.items() if key in keys}
