"""What a member of a group sees that the contract does not ask of every stream."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest
from nats.js import JetStreamContext

from campaigns.errors import NotFound, Unavailable
from campaigns.streams import Lost, Message, Received
from campaigns.streams.nats import NatsStream
from campaigns.streams.nats.subscriber import NatsSubscriber
from support.places import until
from support.proxy import ANSWERS_LOST, DOWN, GOOD, Proxy
from support.servers.nats import NatsServer

from .asking import ask


def receive(subscriber: NatsSubscriber, count: int) -> list[Received]:
    received: list[Received] = []
    for _ in range(200):
        received += subscriber.poll(count - len(received), 0.1)
        if len(received) >= count:
            break
    assert len(received) == count
    return received


def polled(subscriber: NatsSubscriber) -> None:
    for _ in range(30):
        assert list(subscriber.poll(1, 0.2)) == []


def filled(stream: NatsStream, count: int = 10, start: int = 0) -> NatsStream:
    """One partition with so many messages."""
    one = replace(stream, name=f"{stream.name}-one")
    one.create(1)
    with closing(one.publisher()) as publisher:
        publisher.publish([Message("k", b"%d" % n, f"one/{n}") for n in range(start, start + count)])
    return one


def test_what_was_received_in_an_earlier_ownership_cannot_be_acknowledged_in_a_later_one(stream: NatsStream) -> None:
    one = filled(stream)
    with closing(one.subscriber("crm")) as first:
        before = receive(first, 10)
        time.sleep(1.2)
        with closing(one.subscriber("crm")) as second:
            receive(second, 10)
        for _ in range(100):
            if first.poll(0, 0.05) == [] and first.assigned == {0}:
                break
        with pytest.raises(Lost):
            first.acknowledge(0, before[-1].position + 1)
        assert [m.position for m in receive(first, 10)] == [m.position for m in before]
        first.acknowledge(0, before[-1].position + 1)


def test_a_stalled_member_receives_everything_when_it_goes_on(stream: NatsStream) -> None:
    with closing(filled(stream).subscriber("crm")) as subscriber:
        first = receive(subscriber, 3)
        for _ in range(20):
            assert list(subscriber.poll(0, 0.02)) == []
        assert subscriber.assigned == {0}
        assert [m.value for m in first + receive(subscriber, 7)] == [b"%d" % n for n in range(10)]


def test_a_position_that_was_never_received_is_refused(stream: NatsStream) -> None:
    with closing(filled(stream).subscriber("crm")) as subscriber:
        last = receive(subscriber, 5)[-1].position
        with pytest.raises(ValueError, match=f"received only what is before {last + 1}"):
            subscriber.acknowledge(0, last + 2)


def test_any_name_of_a_group_will_do(stream: NatsStream) -> None:
    one = filled(stream)
    names = ["crm", "Zoë's *.> group", "a.b", "a=2Eb", "~", "x" * 200]
    for count, name in enumerate(names, 1):
        with closing(one.subscriber(name)) as subscriber:
            subscriber.acknowledge(0, receive(subscriber, count)[-1].position + 1)
    for count, name in enumerate(names, 1):
        with closing(one.subscriber(name)) as subscriber:
            assert receive(subscriber, 1)[0].value == b"%d" % count


def test_the_groups_of_a_stream_that_was_deleted_do_not_read_the_new_one(stream: NatsStream) -> None:
    one = filled(stream)
    with closing(one.subscriber("crm")) as subscriber:
        subscriber.acknowledge(0, receive(subscriber, 10)[-1].position + 1)
    ask(one, lambda jetstream: jetstream.delete_stream(one.name))
    filled(stream, start=100)
    with closing(one.subscriber("crm")) as subscriber:
        assert [m.value for m in receive(subscriber, 10)] == [b"%d" % n for n in range(100, 110)]


def test_holes_of_removed_messages_are_passed_over(stream: NatsStream) -> None:
    one = filled(stream)
    for position in (1, 4, 5, 10):
        ask(one, partial(removed, one.name, position))
    left = [b"1", b"2", b"5", b"6", b"7", b"8"]
    assert [m.value for m in one.read()] == left
    with closing(one.subscriber("crm")) as subscriber:
        assert [m.value for m in receive(subscriber, 6)] == left
        assert list(subscriber.poll(1, 0.2)) == []


async def removed(name: str, position: int, jetstream: JetStreamContext) -> None:
    await jetstream.delete_msg(name, position)


@pytest.mark.slow
def test_a_member_survives_the_servers_restart(own: NatsStream, own_server: NatsServer) -> None:
    one = filled(own, 2000)
    with closing(one.subscriber("crm")) as subscriber:
        received = receive(subscriber, 700)
        subscriber.acknowledge(0, received[-1].position + 1)
        own_server.kill()
        assert len(subscriber.poll(10, 0.2)) <= 10  # what was read ahead; nothing raises
        own_server.restart()
        filled(own, 100, start=2000)
        positions = [m.position for m in received]
        for _ in range(100):
            positions += [m.position for m in subscriber.poll(5000, 0.1)]
            if positions[-1] == 2100:
                break
        assert positions[-1] == 2100
        subscriber.acknowledge(0, 2101)
    with closing(one.subscriber("crm")) as subscriber:
        assert list(subscriber.poll(1, 0.5)) == []


@pytest.mark.slow
def test_messages_lost_on_a_broken_line_come_again_in_order(stream: NatsStream, nats_server: NatsServer) -> None:
    one = filled(stream, 20_000)
    with Proxy(nats_server.address) as proxy:
        through = replace(one, servers=proxy.address, lease=30.0)
        with closing(through.subscriber("crm")) as subscriber:
            values: list[int] = []
            for round_ in range(400):
                values += [int(m.value) for m in subscriber.poll(500, 0.1)]
                if round_ in (3, 9, 15):
                    proxy.reset()
                if len(values) >= 20_000:
                    break
    assert values == list(range(20_000))


@pytest.mark.slow
def test_messages_lost_on_a_broken_line_come_again_though_none_follows(
    stream: NatsStream, nats_server: NatsServer
) -> None:
    one = filled(stream)
    with Proxy(nats_server.address) as proxy:
        through = replace(one, servers=proxy.address, lease=30.0)
        with closing(through.subscriber("crm")) as subscriber:
            receive(subscriber, 10)
            assert list(subscriber.poll(1, 0.2)) == []  # a request is out
            proxy.line = ANSWERS_LOST
            filled(stream, 5, start=10)
            until("lost", lambda: proxy.dropped > 500)
            proxy.line = GOOD
            assert [m.value for m in receive(subscriber, 5)] == [b"%d" % n for n in range(10, 15)]


@pytest.mark.slow
def test_servers_away_for_longer_than_the_patience_are_told(stream: NatsStream, nats_server: NatsServer) -> None:
    one = filled(stream)
    with Proxy(nats_server.address) as proxy:
        through = replace(one, servers=proxy.address, patience=1.0)
        with closing(through.subscriber("crm")) as subscriber:
            received = receive(subscriber, 10)
            proxy.line = DOWN
            assert list(subscriber.poll(1, 0.2)) == []
            with pytest.raises(Unavailable):
                subscriber.acknowledge(0, received[-1].position + 1)
            with pytest.raises(Unavailable, match="no answer"):
                polled(subscriber)
            proxy.line = GOOD
            time.sleep(0.5)
            subscriber.poll(0, 0)
            subscriber.acknowledge(0, received[-1].position + 1)


def test_a_member_that_closed_is_none(stream: NatsStream) -> None:
    subscriber = filled(stream).subscriber("crm")
    subscriber.close()
    subscriber.close()
    for use in (lambda: subscriber.poll(1, 0), lambda: subscriber.acknowledge(0, 0)):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_a_stream_deleted_meanwhile_is_told(stream: NatsStream) -> None:
    one = replace(filled(stream), patience=3.0)
    with closing(one.subscriber("crm")) as subscriber:
        receive(subscriber, 10)
        ask(one, lambda jetstream: jetstream.delete_stream(one.name))
        with pytest.raises(NotFound, match="campaigns stream create"):
            polled(subscriber)
