"""What an author writes: frozen, validated records; YAML in, errors with file:line:column out."""

from campaigns.definitions.attributes import AGGREGATES, Aggregate, Attribute
from campaigns.definitions.campaigns import Audience, Campaign, OfSurface, Tenants
from campaigns.definitions.closure import Definition, Promotion, freeze, targeted
from campaigns.definitions.durations import Duration
from campaigns.definitions.experiments import Experiment, Level, Test, Variant, arm_name
from campaigns.definitions.files import (
    CampaignFile,
    WorkspaceFile,
    campaign_keys,
    find_workspace,
    load_campaign,
    load_workspace,
)
from campaigns.definitions.holdouts import Holdout, SharedHoldout
from campaigns.definitions.offers import AmountOff, Code, FreeDelivery, Offer, PercentOff
from campaigns.definitions.overrides import Override
from campaigns.definitions.paths import resolve, resolve_url
from campaigns.definitions.ranges import WHOLE, Range, overlaps, without
from campaigns.definitions.records import Key, Name, Record, Scalar, Value
from campaigns.definitions.schema import campaign_schema, workspace_schema
from campaigns.definitions.sources import Customers, EventTable, Source
from campaigns.definitions.workspaces import EngineSettings, Secret, StreamSettings, Tenant, Workspace

__all__ = [
    "AGGREGATES",
    "WHOLE",
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
    "Level",
    "Name",
    "OfSurface",
    "Offer",
    "Override",
    "PercentOff",
    "Promotion",
    "Range",
    "Record",
    "Scalar",
    "Secret",
    "SharedHoldout",
    "Source",
    "StreamSettings",
    "Tenant",
    "Tenants",
    "Test",
    "Value",
    "Variant",
    "Workspace",
    "WorkspaceFile",
    "arm_name",
    "campaign_keys",
    "campaign_schema",
    "find_workspace",
    "freeze",
    "load_campaign",
    "load_workspace",
    "overlaps",
    "resolve",
    "resolve_url",
    "targeted",
    "without",
    "workspace_schema",
]
