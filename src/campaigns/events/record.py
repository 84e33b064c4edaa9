"""The event: a CloudEvents 1.0 record in structured JSON, one per customer and launch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

EVENT_TYPE = "campaigns.customer.v1"
DATA_SCHEMA = "urn:campaigns-engine:schema:campaigns.customer.v1"
MAX_EVENT_BYTES = 1_000_000
"""An event over this many bytes is quarantined: brokers refuse about 1 MiB, envelope included."""

Instant = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IssuedOffer(BaseModel):
    """The offer issued to this customer; further fields are the terms of its type."""

    model_config = ConfigDict(frozen=True, extra="allow")

    offer: str = Field(description="Key of the offer in the workspace.")
    type: str = Field(description="Type of the offer, such as amount_off.")
    code: str = Field(min_length=12, description="The customer's own code.")
    expires_at: Instant | None = Field(description="When the code stops being valid; null: never.")


class EventData(_Part):
    """What downstream stages need to send one message to one customer."""

    tenant_id: str = Field(description="The tenant: isolation key of every batch and call.")
    customer_id: str = Field(description="The customer's id within the tenant, as text.")
    campaign: str
    campaign_version: str = Field(description="Hash of the campaign and of all it refers to.")
    launch_id: str
    channel: str
    experiment: str | None = Field(description="Key of the experiment; null without one.")
    variant: str | None = Field(description="The customer's variant; null without an experiment.")
    levels: dict[str, str] | None = Field(
        default=None, description="The customer's level of each factor; absent unless the experiment has factors."
    )
    offer: IssuedOffer | None
    variables: dict[str, Any] = Field(description="The campaign's variables for this customer, JSON types kept.")
    tenant: dict[str, Any] = Field(description="The tenant's variables.")


class CustomerEvent(_Part):
    """One event per customer and launch (CloudEvents 1.0, structured JSON)."""

    specversion: Literal["1.0"]
    id: str = Field(pattern="^[0-9a-f]{32}$", description="A function of tenant, launch and customer.")
    source: str = Field(description="URI reference of the launch.")
    type: Literal["campaigns.customer.v1"]
    subject: str = Field(min_length=1, description="The customer id.")
    time: Instant = Field(description="The launch's as_of, never the wall clock.")
    datacontenttype: Literal["application/json"]
    dataschema: str
    data: EventData


def event_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) that every emitted event satisfies."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": DATA_SCHEMA,
        **CustomerEvent.model_json_schema(),
    }


def launch_source(workspace: str, campaign: str, launch_id: str) -> str:
    """The CloudEvents `source` of a launch's events: a relative URI reference."""
    return f"/workspaces/{workspace}/campaigns/{campaign}/launches/{launch_id}"
