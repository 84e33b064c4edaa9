"""The published schema takes what is an event and refuses what is none."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from campaigns.events.record import event_schema

SCHEMA = Draft202012Validator(event_schema())
DATA = {
    "tenant_id": "shop",
    "customer_id": "7",
    "campaign": "winback",
    "campaign_version": "v",
    "launch_id": "L",
    "channel": "email",
    "experiment": None,
    "variant": None,
    "offer": None,
    "variables": {"tags": ["a", None], "deep": {"x": 1}},
    "tenant": {},
}
EVENT = {
    "specversion": "1.0",
    "id": "0" * 32,
    "source": "/workspaces/acme",
    "type": "campaigns.customer.v1",
    "subject": "7",
    "time": "2026-06-01T00:00:00Z",
    "datacontenttype": "application/json",
    "dataschema": "urn:campaigns-engine:schema:campaigns.customer.v1",
    "data": DATA,
}
OFFER = {"offer": "ten-off", "type": "amount_off", "code": "34679CDFHJKM", "expires_at": None, "amount_cents": 1}


def test_the_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(event_schema())


@pytest.mark.parametrize("data", [DATA, {**DATA, "offer": OFFER}])
def test_events_are_valid(data: dict[str, Any]) -> None:
    assert SCHEMA.is_valid({**EVENT, "data": data})


@pytest.mark.parametrize(
    "change",
    [
        {"id": "A" * 32},
        {"id": "0" * 31},
        {"subject": ""},
        {"time": "2026-06-01T00:00:00+02:00"},
        {"time": "2026-06-01"},
        {"type": "other"},
        {"extra": 1},
        {"data": {**DATA, "customer_id": 7}},
        {"data": {**DATA, "extra": 1}},
        {"data": {key: value for key, value in DATA.items() if key != "offer"}},
        {"data": {**DATA, "offer": {**OFFER, "code": "SHORT"}}},
        {"data": {**DATA, "offer": {key: value for key, value in OFFER.items() if key != "expires_at"}}},
    ],
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    assert not SCHEMA.is_valid({**EVENT, **change})
