"""A broker that asks who is there, and tells who it is."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from campaigns.errors import Unavailable
from campaigns.streams import Message
from campaigns.streams.kafka import KafkaStream
from support.servers.kafka import PASSWORD, USER, KafkaServer


@pytest.fixture
def secured(kafka_server: KafkaServer, stream: KafkaStream) -> KafkaStream:
    config = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(kafka_server.certificate),
        "sasl.mechanism": "PLAIN",
        "sasl.username": USER,
        "sasl.password": PASSWORD,
    }
    return replace(stream, servers=kafka_server.secured, config=config)


def test_who_has_the_password_publishes_and_receives(secured: KafkaStream) -> None:
    with closing(secured.publisher()) as publisher:
        publisher.publish([Message("k", b"v", "")])
    with closing(secured.subscriber("crm")) as subscriber:
        assert [message.value for message in subscriber.poll(1, 20)] == [b"v"]
    assert len(list(secured.read())) == 1


def test_who_has_another_is_told_so_without_it(secured: KafkaStream) -> None:
    wrong = replace(secured, config={**secured.config, "sasl.password": "hunter2"}, patience=3)
    with pytest.raises(Unavailable, match=r"[Aa]uthentication") as refusal:
        wrong.publisher()
    assert "hunter2" not in str(refusal.value)


def test_a_broker_that_nobody_vouches_for_is_not_talked_to(secured: KafkaStream) -> None:
    config = {key: value for key, value in secured.config.items() if key != "ssl.ca.location"}
    with pytest.raises(Unavailable, match=r"certificate|SSL"):
        replace(secured, config=config, patience=3).publisher()
