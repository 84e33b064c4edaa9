"""Any setting of librdkafka passes through, except what would lose events or break what a stream promises."""

from __future__ import annotations

from functools import partial

import pytest

from campaigns.errors import InvalidDefinition
from campaigns.streams.kafka import KafkaStream
from campaigns.streams.kafka.settings import CONSUMER, PRODUCER, Value, made, merged


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("enable.idempotence", False, "must be true"),
        ("acks", 1, "must be all"),
        ("request.required.acks", "0", "must be all"),
        ("message.timeout.ms", 5000, "must be 0"),
        ("delivery.timeout.ms", 5000, "must be 0"),
        ("partitioner", "consistent_random", "must be murmur2_random"),
        ("delivery.report.only.error", False, "must be true"),
        ("enable.auto.commit", "true", "must be false"),
        ("enable.auto.offset.store", True, "must be false"),
        ("auto.offset.reset", "latest", "must be earliest"),
        ("partition.assignment.strategy", "cooperative-sticky", "must be range,roundrobin"),
        ("group.protocol", "consumer", "must be classic"),
        ("group.id", "mine", "named by who subscribes"),
        ("bootstrap.servers", "elsewhere:9092", "part of the stream's url"),
        ("transactional.id", "mine", "does not use transactions"),
        ("on_delivery", "print", "takes a function"),
    ],
)
def test_what_contradicts_the_promises_is_refused_by_name(key: str, value: Value, told: str) -> None:
    with pytest.raises(InvalidDefinition, match=f"^kafka config '{key}': .*{told}"):
        KafkaStream("broker:9092", "events", {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [("enable.idempotence", "TRUE"), ("acks", -1), ("acks", "all"), ("message.timeout.ms", 0), ("acks", "-1")],
)
def test_who_says_the_same_as_we_is_let_through(key: str, value: Value) -> None:
    settings = merged("broker:9092", KafkaStream("broker:9092", "events", {key: value}).config, PRODUCER)
    assert (settings["acks"], settings["enable.idempotence"], settings["message.timeout.ms"]) == ("all", True, 0)


def test_other_settings_of_the_user_win() -> None:
    settings = merged("broker:9092", {"linger.ms": 5, "fetch.max.bytes": 1 << 20}, {**PRODUCER, **CONSUMER})
    assert (settings["linger.ms"], settings["fetch.max.bytes"]) == (5, 1 << 20)
    assert settings["batch.num.messages"] == PRODUCER["batch.num.messages"]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"linger.mss": 5}, "linger.mss"),
        ({"compression.type": "hunter2"}, "compression.codec"),
        ({"security.protocol": "ssl", "ssl.ca.location": "/hunter2/ca.pem"}, "ssl.ca.location"),
        ({"max.in.flight": 6}, "max.in.flight"),
    ],
)
def test_what_librdkafka_refuses_is_told_without_the_value(config: dict[str, Value], told: str) -> None:
    from campaigns.streams.kafka.producer import Producer

    with pytest.raises(InvalidDefinition, match=rf"^kafka config: .*{told}") as refusal:
        made(partial(Producer, topic="events", header=None), merged("broker:9092", config, PRODUCER), config)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("topic", ["", "a b", "a/b", "..", "x" * 250])
def test_names_that_kafka_does_not_allow_are_refused(topic: str) -> None:
    with pytest.raises(InvalidDefinition, match="use at most 249"):
        KafkaStream("broker:9092", topic)


def test_a_stream_does_not_show_its_settings() -> None:
    assert "hunter2" not in repr(KafkaStream("broker:9092", "events", {"sasl.password": "hunter2"}))
