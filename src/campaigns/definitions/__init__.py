"""What an author writes: frozen, validated records; YAML in, errors with file:line:column out."""

from campaigns.definitions.attributes import AGGREGATES, Aggregate, Attribute
from campaigns.definitions.campaigns import Audience, Campaign, OfSurface, Tenants
from campaigns.definitions.closure import Definition, freeze, targeted
from campaigns.definitions.durations import Duration
from campaigns.definitions.experiments import Experiment, Holdout, Variant
from campaigns.definitions.files import (
    CampaignFile,
    WorkspaceFile,
    campaign_keys,
    find_workspace,
    load_campaign,
    load_workspace,
)
from campaigns.definitions.offers import AmountOff, Code, FreeDelivery, Offer, PercentOff
from campaigns.definitions.paths import resolve, resolve_url
from campaigns.definitions.records import Key, Name, Record, Scalar, Value
from campaigns.definitions.schema import campaign_schema, workspace_schema
from campaigns.definitions.sources import Customers, EventTable, Source
from campaigns.definitions.workspaces import EngineSettings, Secret, StreamSettings, Tenant, Workspace

__all__ = [
    "AGGREGATES",
    "Aggregate",
    "AmountOff",
    "Attribute",
    "Audience",
    "Campaign",
    "CampaignFile",
    "Code",
    "Customers",
    "Definition",
    "Duration",
    "EngineSettings",
    "EventTable",
    "Experiment",
    "FreeDelivery",
    "Holdout",
    "Key",
    "Name",
    "OfSurface",
    "Offer",
    "PercentOff",
    "Record",
    "Scalar",
    "Secret",
    "Source",
    "StreamSettings",
    "Tenant",
    "Tenants",
    "Value",
    "Variant",
    "Workspace",
    "WorkspaceFile",
    "campaign_keys",
    "campaign_schema",
    "find_workspace",
    "freeze",
    "load_campaign",
    "load_workspace",
    "resolve",
    "resolve_url",
    "targeted",
    "workspace_schema",
]
