"""The plain Kafka client at its best: ready payloads, and nothing to do but to publish them. Imported in sides only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from confluent_kafka import Producer

from benchmarks.clock import Clock
from benchmarks.payloads import payloads

SETTINGS: Mapping[str, str | int | bool] = {
    "enable.idempotence": True,
    "message.timeout.ms": 0,
    "partitioner": "murmur2_random",
    "linger.ms": 20,
    "batch.num.messages": 100_000,
    "queue.buffering.max.messages": 200_000,
    "queue.buffering.max.kbytes": 128 << 10,
    "log_level": 0,
}
"""What loses nothing, bounds memory, and places keys as Java clients do; the same for all sides."""

HEADERS: list[tuple[str, str | bytes | None]] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def produced(workspace: str, server: Mapping[str, str | int], topic: str, *, header: bool) -> Mapping[str, Any]:
    """Publish the frozen launch's payloads until all are acknowledged.

    Only errors are reported, as in ours: what is neither in the queue nor reported is acknowledged.
    """
    errors: list[object] = []
    messages, clock = payloads(workspace), Clock()
    keys, values = messages.keys, messages.values  # objects before the clock runs
    del messages
    reports = {"delivery.report.only.error": True, "on_delivery": lambda error, _: errors.append(error)}
    producer = Producer({**SETTINGS, **reports, **server})
    # before the clock: connects, and gets the idempotent producer's id
    _offer(producer, topic, keys[:1], values[:1], header)
    assert producer.flush() == 0
    with clock.running():
        _offer(producer, topic, keys[1:], values[1:], header)
        assert producer.flush() == 0
    assert not errors
    return {**clock.read(), "events": len(keys), "bytes": sum(map(len, values))}


@contextmanager
def mock_broker(topic: str) -> Iterator[str]:
    """A mock broker with a topic, host:port. It lives in this process, as long as the client that makes it."""
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = producer.list_topics(topic, timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    producer.flush()


def _offer(producer: Producer, topic: str, keys: list[str], values: list[bytes], header: bool) -> None:
    """Hand over every message; where the queue is full, wait and offer the same one again."""
    produce = partial(producer.produce, topic, headers=HEADERS) if header else partial(producer.produce, topic)
    for value, key in zip(values, keys, strict=True):
        while True:
            try:
                produce(value, key)
                break
            except BufferError:
                producer.poll(0.1)
