"""librdkafka's broker within the process serves as a stream too: benchmarks use it."""

from __future__ import annotations

from contextlib import closing

from confluent_kafka import Producer

from campaigns.streams import Message
from campaigns.streams.kafka import KafkaStream


def test_the_mock_broker_is_a_stream() -> None:
    cluster = Producer({"test.mock.num.brokers": 1, "allow.auto.create.topics": True})
    brokers = cluster.list_topics("events", timeout=10).brokers.values()  # to ask for a topic creates it
    stream = KafkaStream(",".join(f"{broker.host}:{broker.port}" for broker in brokers), "events", patience=10)
    with closing(stream.publisher()) as publisher:
        assert publisher.identity.endswith("/events")
        publisher.publish([Message(f"k/{n}", b"%d" % n, "") for n in range(1000)])
    assert sorted(int(message.value) for message in stream.read()) == list(range(1000))
    cluster.close()
