"""What a user would write instead: the query, `json.dumps` of every row, `produce` with a callback per message.

Imported in sides only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from benchmarks.clock import Clock
from benchmarks.payloads import envelope, payloads
from benchmarks.plans import CAMPAIGN, bench
from benchmarks.producer import SETTINGS
from campaigns.definitions.instants import format_instant
from campaigns.events.encode import Envelope
from campaigns.events.record import DATA_SCHEMA, EVENT_TYPE

_FETCHED_ROWS = 10_000
_COMPARED = '"id":"00'
"""Every 256th event: those whose id begins so."""

_Row = tuple[Any, ...]


def loop(workspace: str, address: str, topic: str) -> Mapping[str, Any]:
    """The hand-written query, an event at a time to Kafka; `query`: seconds until its first rows are there."""
    common, clock, delivered, size = envelope(workspace, CAMPAIGN), Clock(), _Delivered(), 0
    producer = Producer({**SETTINGS, "bootstrap.servers": address})
    with bench(workspace) as ready:
        with clock.running():
            portions = ready.engine.fetched(ready.handwritten, _FETCHED_ROWS)
            first = next(portions, [])
        queried = clock.seconds
        with clock.running():
            for rows in chain([first], portions):
                for event in _events(rows, common):
                    value = _encoded(event)
                    _offer(producer, topic, value, f"{event['data']['tenant_id']}/{event['subject']}", delivered)
                    size += len(value)
                producer.poll(0)
            producer.flush()
    return {**clock.read(), "query": round(queried, 3), "events": delivered.messages, "bytes": size}


def same_events(workspace: str) -> Mapping[str, Any]:
    """How many of every 256th event are the same on both sides, and how many there are on each."""
    common = envelope(workspace, CAMPAIGN)
    ours = {value for value in payloads(workspace).values if _COMPARED.encode() in value}
    with bench(workspace) as ready:
        portions = ready.engine.fetched(ready.handwritten, _FETCHED_ROWS)
        values = (_encoded(event) for rows in portions for event in _events(rows, common))
        theirs = {value for value in values if _COMPARED.encode() in value}
    return {"same": len(ours & theirs), "ours": len(ours), "theirs": len(theirs)}


class _Delivered:
    """The callback: counts what is acknowledged. Raises KafkaException for what is not."""

    def __init__(self) -> None:
        self.messages = 0

    def __call__(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            raise KafkaException(error)
        self.messages += 1


def _offer(producer: Producer, topic: str, value: bytes, key: str, delivered: _Delivered) -> None:
    while True:
        try:
            producer.produce(topic, value, key, on_delivery=delivered)
            return
        except BufferError:
            producer.poll(0.1)


def _encoded(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _events(rows: Iterable[_Row], common: Envelope) -> Iterator[dict[str, Any]]:
    """The events of decisions that send, as dictionaries."""
    time = format_instant(common.as_of)
    for tenant, customer, outcome, _, variant, offer, _, code, _, event_id, variables in rows:
        if outcome != "send":
            continue
        yield {
            "specversion": "1.0",
            "id": event_id,
            "source": common.source,
            "type": EVENT_TYPE,
            "subject": customer,
            "time": time,
            "datacontenttype": "application/json",
            "dataschema": DATA_SCHEMA,
            "data": {
                "tenant_id": tenant,
                "customer_id": customer,
                "campaign": common.campaign,
                "campaign_version": common.campaign_version,
                "launch_id": common.launch_id,
                "channel": common.channel,
                "experiment": common.experiment,
                "variant": variant,
                "offer": {"offer": offer, **common.offers[offer], "code": code} if offer else None,
                "variables": variables,
                "tenant": common.tenants[tenant],
            },
        }
