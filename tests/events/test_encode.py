"""Events as bytes: valid JSON for any text, the same bytes for the same decision, never over the limit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from campaigns.app import Campaigns
from campaigns.events.encode import Envelope, encode, payload_sql
from campaigns.events.record import MAX_EVENT_BYTES, event_schema
from campaigns.plan.shards import tenant_json_sql
from support.workspaces import AS_OF, WORKSPACE, customer, make_workspace

CONNECTION = duckdb.connect(config={"threads": 1})
SCHEMA = Draft202012Validator(event_schema())
ENVELOPE = Envelope(
    workspace="acme",
    campaign="winback",
    campaign_version="0123456789abcdef",
    launch_id="L",
    channel="email",
    experiment="incentive",
    as_of=datetime(2026, 6, 1, 0, 0, 0, 250_000, tzinfo=UTC),
    offers={"ten-off": {"type": "amount_off", "amount_cents": 1000, "expires_at": "2026-06-15T00:00:00Z"}},
    tenants={"shop": {"brand": 'O\'Hara \\ "& Sons" 🎉', "stores": [1, 2.5, True]}, "other": {}},
)
DECISION = {
    "tenant": "shop",
    "customer": "7",
    "event_id": "0" * 32,
    "variant": "a",
    "offer": "ten-off",
    "code": "WB34679CDFHJKMNPRT",
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def payloads(decisions: Sequence[Mapping[str, Any]], variables: pa.DataType | None = None) -> list[bytes]:
    """What leaves for these decisions."""
    rows = [{**DECISION, **decision} for decision in decisions]
    names = list(rows[0])
    arrays = [pa.array([row[n] for row in rows], variables if n == "variables" else pa.string()) for n in names]
    table = pa.table(arrays, names=names)
    payload = payload_sql(ENVELOPE, tenant_json_sql(ENVELOPE), variables="variables" in names)
    with CONNECTION.cursor() as cursor:
        cursor.register("decisions", table)
        query = f"SELECT encode({payload.sql('duckdb')}) FROM decisions"
        return [bytes(row[0]) for row in cursor.execute(query).fetchall()]


def test_an_event_is_a_cloud_event_with_everything_in_its_place() -> None:
    (payload,) = payloads([{}])
    event = json.loads(payload)
    SCHEMA.validate(event)
    assert event == {
        "specversion": "1.0",
        "id": "0" * 32,
        "source": "/workspaces/acme/campaigns/winback/launches/L",
        "type": "campaigns.customer.v1",
        "subject": "7",
        "time": "2026-06-01T00:00:00.250000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:campaigns-engine:schema:campaigns.customer.v1",
        "data": {
            "tenant_id": "shop",
            "customer_id": "7",
            "campaign": "winback",
            "campaign_version": "0123456789abcdef",
            "launch_id": "L",
            "channel": "email",
            "experiment": "incentive",
            "variant": "a",
            "offer": {
                "offer": "ten-off",
                "type": "amount_off",
                "amount_cents": 1000,
                "expires_at": "2026-06-15T00:00:00Z",
                "code": "WB34679CDFHJKMNPRT",
            },
            "variables": {},
            "tenant": {"brand": 'O\'Hara \\ "& Sons" 🎉', "stores": [1, 2.5, True]},
        },
    }
    assert b" " not in payload.replace('O\'Hara \\\\ \\"& Sons\\" 🎉'.encode(), b"")


def test_without_variant_and_offer_they_are_null() -> None:
    (payload,) = payloads([{"tenant": "other", "variant": None, "offer": None, "code": None}])
    data = json.loads(payload)["data"]
    assert (data["variant"], data["offer"], data["tenant"]) == (None, None, {})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS.filter(bool), TEXTS | st.none(), st.lists(TEXTS | st.none()) | st.none()), min_size=1))
def test_any_text_arrives_as_it_was(rows: list[tuple[str, str | None, list[str | None] | None]]) -> None:
    variables = pa.struct([("name", pa.string()), ("tags", pa.list_(pa.string()))])
    decisions = [{"customer": who, "variables": {"name": name, "tags": tags}} for who, name, tags in rows]
    for payload, (who, name, tags) in zip(payloads(decisions, variables), rows, strict=True):
        event = json.loads(payload.decode("utf-8"))
        assert (event["subject"], event["data"]["customer_id"]) == (who, who)
        assert event["data"]["variables"] == {"name": name, "tags": tags}


def test_the_types_of_json_are_kept() -> None:
    values = {
        "big": 2**63 - 1,
        "small": -(2**63),
        "half": 0.5,
        "tiny": 5e-324,
        "huge": 1.7e308,
        "no": False,
        "none": None,
    }
    arrow = {"big": pa.int64(), "small": pa.int64(), "no": pa.bool_(), "none": pa.string()}
    type_ = pa.struct([(name, arrow.get(name, pa.float64())) for name in values])
    (payload,) = payloads([{"variables": values}], type_)
    assert json.dumps(json.loads(payload)["data"]["variables"]) == json.dumps(values)


def test_the_same_decision_gives_the_same_bytes() -> None:
    type_ = pa.struct([("name", pa.string()), ("spend", pa.float64())])
    decision = {"variables": {"name": "Zoë\n", "spend": 0.1}}
    assert len(set(payloads([decision] * 3, type_) + payloads([decision], type_))) == 1


def test_text_of_ten_megabytes_is_encoded() -> None:
    text = '"\n' * 5_000_000
    (payload,) = payloads([{"variables": {"text": text}}], pa.struct([("text", pa.string())]))
    assert json.loads(payload)["data"]["variables"]["text"] == text


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_constants_that_are_not_json_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode({"x": value})


LETTER = {
    "campaign": "letter",
    "tenants": "all",
    "channel": "email",
    "audience": {"where": "first_name is not null"},
    "variables": {"text": "first_name", "tags": "tags", "score": "score"},
}


def sent(root: Path, people: list[dict[str, Any]], **changes: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    make_workspace(root, customers=people, campaign={**LETTER, **changes}, workspace=WORKSPACE)
    campaigns = Campaigns(root)
    report = campaigns.launch("letter", as_of=AS_OF, launch_id="L")
    return report, {json.loads(payload)["subject"]: payload for payload in campaigns.events()}


def test_an_event_of_exactly_the_limit_leaves_and_one_byte_more_is_quarantined(tmp_path: Path) -> None:
    """Counted with the longest tenant's variables: `corner-grocer` is one letter longer than `marketplace`."""
    text = '"' + "🎉" * 100
    plain = {"tags": [], "score": 0.5}
    short = {"first_name": text, **plain}
    people = [customer("a", "marketplace", **short), customer("b", "corner-grocer", **short)]
    _, small = sent(tmp_path / "small", people)
    left = {who: MAX_EVENT_BYTES - len(payload) for who, payload in small.items()}
    missing = len(b"Corner Grocer") - len(b"Marketplace")

    def of(who: str, tenant: str, more: int) -> dict[str, Any]:
        room = left[who[0]] - (missing if tenant == "marketplace" else 0)
        return customer(who, tenant, first_name=text + "x" * (room - 2 * (len(who) - 1) + more), **plain)

    people = [
        of("a", "marketplace", 0),
        of("a1", "marketplace", 1),
        of("b", "corner-grocer", 0),
        of("b1", "corner-grocer", 1),
    ]
    report, events = sent(tmp_path / "large", people)
    assert MAX_EVENT_BYTES == 1_000_000
    assert report["quarantined"] == {"payload_too_large": 2}
    assert (report["matched"], report["sent"], report["acknowledged"]) == (4, 2, 2)
    assert {who: len(payload) for who, payload in events.items()} == {
        "a": MAX_EVENT_BYTES - missing,
        "b": MAX_EVENT_BYTES,
    }


def test_what_is_too_large_is_neither_sent_nor_lost(tmp_path: Path) -> None:
    people = [customer("1", first_name="x" * 10_000_000), customer("2", tags=["y" * 600_000] * 2), customer("3")]
    report, events = sent(tmp_path, [{"score": 1.0, **person} for person in people])
    assert report["quarantined"] == {"payload_too_large": 2}
    assert list(events) == ["3"]
    found = Campaigns(tmp_path).explain("L", "1")
    assert (found["outcome"], found["decision"]["reason"]) == ("quarantined", "payload_too_large")


def test_nan_and_infinity_are_null_and_a_long_id_is_an_id(tmp_path: Path) -> None:
    scores = {"1": math.nan, "2": math.inf, "3": -math.inf, "x" * 1000: -0.0}
    _, events = sent(tmp_path, [customer(who, score=score) for who, score in scores.items()])
    found = {who: json.loads(payload)["data"]["variables"]["score"] for who, payload in events.items()}
    assert found == {"1": None, "2": None, "3": None, "x" * 1000: 0.0}


def test_expiry_is_counted_from_as_of(tmp_path: Path) -> None:
    _, events = sent(tmp_path, [customer("1", score=1.0)], offer="ten-off")
    offer = json.loads(events["1"])["data"]["offer"]
    assert datetime.fromisoformat(offer["expires_at"]) == AS_OF + timedelta(days=14)
