"""What a member of a group sees that the contract does not ask of every stream."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from campaigns.streams import Lost, Message, Received
from campaigns.streams.kafka import KafkaStream
from campaigns.streams.kafka.subscriber import KafkaSubscriber


def receive(subscriber: KafkaSubscriber, count: int) -> list[Received]:
    received: list[Received] = []
    for _ in range(200):
        received += subscriber.poll(count - len(received), 0.1)
        if len(received) >= count:
            break
    assert len(received) == count
    return received


@pytest.fixture
def filled(stream: KafkaStream) -> KafkaStream:
    """One partition with ten messages."""
    one = replace(stream, topic=f"{stream.topic}-one")
    one.create(1)
    with closing(one.publisher()) as publisher:
        publisher.publish([Message("k", b"%d" % n, "") for n in range(10)])
    return one


def test_what_was_received_before_a_rebalance_cannot_be_acknowledged_after_it(filled: KafkaStream) -> None:
    with closing(filled.subscriber("crm")) as stays:
        before = receive(stays, 10)
        with closing(filled.subscriber("crm")) as joins:
            for _ in range(100):
                stays.poll(0, 0.05)
                joins.poll(0, 0.05)
                if joins.assigned or stays.assigned == set():
                    break
        with pytest.raises(Lost):
            stays.acknowledge(0, before[-1].position + 1)
        assert [m.position for m in receive(stays, 10)] == list(range(10))  # it comes again, whoever had it
        stays.acknowledge(0, 10)


def test_a_stalled_member_receives_everything_when_it_goes_on(filled: KafkaStream) -> None:
    with closing(filled.subscriber("crm")) as subscriber:
        first = receive(subscriber, 3)
        for _ in range(20):
            assert list(subscriber.poll(0, 0.02)) == []
        assert subscriber.assigned == {0}
        rest = receive(subscriber, 7)
    assert [m.position for m in first + rest] == list(range(10))


def test_a_position_that_was_never_received_is_refused(filled: KafkaStream) -> None:
    with closing(filled.subscriber("crm")) as subscriber:
        receive(subscriber, 5)
        with pytest.raises(ValueError, match="received only what is before 5"):
            subscriber.acknowledge(0, 6)
