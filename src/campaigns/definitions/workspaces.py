"""The workspace: what all campaigns of one company share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from campaigns.definitions.attributes import Attribute
from campaigns.definitions.holdouts import SharedHoldout
from campaigns.definitions.metrics import Metric
from campaigns.definitions.offers import Offer
from campaigns.definitions.overrides import Override
from campaigns.definitions.records import (
    MISPLACED,
    AnyScalar,
    AnyValue,
    Expression,
    Key,
    Matching,
    Name,
    PositiveCount,
    Record,
    Text,
    Url,
    found,
    refusal,
)
from campaigns.definitions.sources import Customers, EventTable
from campaigns.definitions.words import suggestion

ByteSize = Annotated[
    str,
    Matching(r"[1-9][0-9]*(\.[0-9]+)? ?([KMGT]i?B)", "a size such as 512MB or 1GB (KB, MB, GB, TB, KiB, MiB, ...)"),
]


class Tenant(Record):
    """A surface or retailer banner: the isolation key on every row, event and batch."""

    surface: Key = Field(description="The group it belongs to, such as marketplace or storefront.")
    timezone: str = Field(default="UTC", description="IANA time zone, such as America/New_York.")
    variables: Mapping[Name, AnyValue] = Field(
        default={},
        description="Values that join every event of the tenant: text, numbers, true/false, or lists.",
    )
    rate: PositiveCount | None = Field(
        default=None, description="Events a second that a launch may emit for this tenant; default as fast as it goes."
    )

    overrides: Mapping[Key, Override] = Field(
        default={}, description="What it decides of campaigns for its own customers, by campaign, where they let it."
    )

    @field_validator("timezone")
    @classmethod
    def _exists(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (KeyError, ValueError, OSError):
            near = suggestion(timezone, available_timezones())
            need = "need an IANA time zone such as America/New_York"
            raise refusal(f"{need}, found {found(timezone)}{near}") from None
        return timezone


class Secret(Record):
    """Where a secret is kept: exactly one place."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["env"]}, {"required": ["file"]}]})

    env: Text | None = Field(default=None, description="The environment variable that holds it.")
    file: Text | None = Field(default=None, description="The file that holds it, relative to the workspace.")

    @model_validator(mode="before")
    @classmethod
    def _never_the_secret_itself(cls, value: object) -> object:
        if isinstance(value, str):
            raise refusal(f"need {{env: NAME}} or {{file: PATH}}; the secret itself {MISPLACED}")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise refusal(f"need either env or file, found {'none' if self.env is None else 'both'}")
        return self


_SECRET_SETTING = re.compile(r"(^|[._])(password|passphrase|secret|token|pem|seed_str)$|^sasl\.oauthbearer\.config$")


class StreamSettings(Record):
    """Where events go."""

    url: Url = Field(description="The stream, such as sqlite:///.campaigns/stream.db or kafka://broker:9092/events.")
    config: Mapping[str, AnyScalar | Secret] = Field(
        default={},
        description="Settings handed to the stream's client; a secret as {env: NAME} or {file: PATH}.",
    )

    @field_validator("url")
    @classmethod
    def _without_credentials(cls, url: str) -> str:
        if "@" in url.partition("://")[2].partition("/")[0]:
            raise refusal(f"credentials {MISPLACED}; put them into config, as {{env: NAME}} or {{file: PATH}}")
        if "?" in url:
            raise refusal(f"settings in the URL {MISPLACED}; put them into config, secrets as {{env: NAME}}")
        return url

    @field_validator("config", mode="before")
    @classmethod
    def _without_secrets(cls, config: object) -> object:
        for key, value in config.items() if isinstance(config, dict) else ():
            if _SECRET_SETTING.search(str(key)) and not isinstance(value, dict | Secret):
                raise refusal(f"need {{env: NAME}} or {{file: PATH}}; the secret itself {MISPLACED}", str(key))
        return config


class EngineSettings(Record):
    """What the engine may use of the machine."""

    memory_limit: ByteSize = Field(default="1GB", description="The memory the query engine may use, such as 1GB.")
    threads: PositiveCount | None = Field(default=None, description="Threads of the query engine; default all cores.")


def _url_alone(value: object) -> object:
    if isinstance(value, str):
        return {"url": value}
    if isinstance(value, dict | StreamSettings):
        return value
    raise refusal(f"need a URL, or a mapping with url and config, found {found(value)}")


class Workspace(Record):
    """The workspace file: tenants, sources, attributes, segments and offers that campaigns refer to."""

    workspace: Key = Field(description="The name of the workspace.")
    ledger: Url = Field(default="sqlite:///.campaigns/ledger.db", description="Where launches and books are kept.")
    stream: Annotated[StreamSettings, BeforeValidator(_url_alone, json_schema_input_type=Url | StreamSettings)] = Field(
        default=StreamSettings(url="sqlite:///.campaigns/stream.db"),
        description="Where events go: a URL, or a URL and settings of its client.",
    )
    secret: Secret | None = Field(
        default=None,
        description="Where the key of the offer codes is; default: generated into .campaigns/secret.",
    )
    snapshots: Text = Field(default=".campaigns/snapshots", description="The folder of the frozen decisions.")
    engine: EngineSettings = Field(
        default=EngineSettings(), description="What the query engine may use of the machine."
    )
    tenants: Annotated[Mapping[Key, Tenant], Field(min_length=1)] = Field(
        description="The surfaces and retailer banners, by key."
    )
    customers: Customers = Field(description="The customers; every other column is an attribute.")
    events: Mapping[Key, EventTable] = Field(default={}, description="What customers did: event tables by key.")
    attributes: Mapping[Name, Attribute] = Field(
        default={},
        description="Values computed from events, by name. Columns of `customers` are attributes already.",
    )
    holdouts: Mapping[Key, SharedHoldout] = Field(
        default={}, description="Customers who are withheld from all campaigns that do not ignore it, by key."
    )
    metrics: Mapping[Name, Metric] = Field(
        default={}, description="What experiments are judged by, measured over events after the exposure, by name."
    )
    segments: Mapping[Key, Expression] = Field(default={}, description="Named rules, used by in_segment(name).")
    offers: Mapping[Key, Offer] = Field(default={}, description="The promotions that campaigns may hand out, by key.")
