"""What lies on the topic after a publish, and what a publish does when the broker does not play along."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from random import Random
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from campaigns import streams
from campaigns.errors import InvalidData, Terminated, Unavailable
from campaigns.streams.kafka import KafkaStream
from campaigns.streams.kafka.publisher import FRESH_STARTS, Attempt, Fatal
from support.servers.kafka import KafkaServer


def messages(count: int, start: int = 0, size: int = 0) -> list[streams.Message]:
    numbers = range(start, start + count)
    return [streams.Message(f"corner-grocer/{n}", b"%d" % n + bytes(size), f"{n:032x}") for n in numbers]


def numbers_on(stream: KafkaStream) -> list[int]:
    return sorted(int(message.value.rstrip(b"\0")) for message in stream.read())


def first_on(stream: KafkaStream) -> Message:
    with closing(Consumer({"bootstrap.servers": stream.servers, "group.id": "test"})) as consumer:
        consumer.assign([TopicPartition(stream.topic, partition, 0) for partition in range(4)])
        found = consumer.poll(20)
    assert found is not None
    return found


def murmur2(key: bytes) -> int:
    """Kafka's variant of Austin Appleby's MurmurHash2, as its Java client computes it; 32 bits."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


@pytest.mark.parametrize(
    ("key", "expected"), [(b"21", -973932308), (b"foobar", -790332482), (b"abc", 479470107), (b"", 275646681)]
)
def test_the_reference_agrees_with_the_vectors_of_the_java_client(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected % (1 << 32)


def test_keys_land_where_java_clients_put_them(stream: KafkaStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish([*messages(200), streams.Message("Zoë/é☕️", b"200", "")])
    received = list(stream.read())
    assert len(received) == 201
    assert {m.partition for m in received} == {0, 1, 2, 3}
    for message in received:
        assert message.partition == (murmur2(message.key.encode()) & 0x7FFFFFFF) % 4


def test_a_message_says_that_it_is_a_cloudevent_unless_asked_not_to(stream: KafkaStream) -> None:
    plain = replace(stream, topic=f"{stream.topic}-plain", content_type=None)
    plain.create(4)
    for each in (stream, plain):
        with closing(each.publisher()) as publisher:
            publisher.publish(messages(1))
    assert first_on(stream).headers() == [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    assert not first_on(plain).headers()


def test_a_message_larger_than_the_topic_takes_is_refused_by_its_size(stream: KafkaStream) -> None:
    small = replace(stream, topic=f"{stream.topic}-small")
    topic = NewTopic(small.topic, 1, 1, config={"max.message.bytes": "10000"})
    admin = AdminClient({"bootstrap.servers": stream.servers})
    admin.create_topics([topic])[small.topic].result()
    small.create(1)
    with closing(small.publisher()) as publisher:
        with pytest.raises(InvalidData, match=r"a message of 20001 bytes is too large"):
            publisher.publish(messages(1, size=20_000))
        publisher.publish(messages(1, start=7))
    assert numbers_on(small) == [7]


def test_more_than_the_queue_holds_is_offered_again_in_order(stream: KafkaStream) -> None:
    narrow = replace(stream, config={"queue.buffering.max.messages": 50})
    many = [streams.Message("corner-grocer/1", b"%d" % n, "") for n in range(2000)]
    with closing(narrow.publisher()) as publisher:
        publisher.publish(many)
    assert [int(message.value) for message in narrow.read()] == list(range(2000))


def test_after_a_fatal_error_everything_is_published_again(
    stream: KafkaStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[Attempt] = []
    offer, settle = Attempt.offer, Attempt.settle

    def offers_a_part(self: Attempt, columns: streams.Messages, check: streams.Check) -> None:
        attempts.append(self)
        offer(self, columns if len(attempts) > 3 else columns[:3], check)
        if len(attempts) == 1:
            raise Fatal("the broker forgot a sequence")

    def fails(self: Attempt, check: streams.Check) -> None:
        settle(self, check)
        if len(attempts) <= 3:
            raise Fatal("the broker forgot a sequence")

    monkeypatch.setattr(Attempt, "offer", offers_a_part)
    monkeypatch.setattr(Attempt, "settle", fails)
    with closing(stream.publisher()) as publisher:
        publisher.publish(messages(10))
    assert len(set(attempts)) == 4  # a new producer each time
    assert sorted(set(numbers_on(stream))) == list(range(10))


def test_fatal_errors_without_end_are_told(stream: KafkaStream, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise Fatal("the broker forgot a sequence")

    monkeypatch.setattr(Attempt, "settle", fails)
    refusal = f"gave up after {FRESH_STARTS} fatal errors: the broker forgot"
    with closing(stream.publisher()) as publisher, pytest.raises(Unavailable, match=refusal):
        publisher.publish(messages(1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_broker_killed_and_restarted_between_and_within_publishes_loses_nothing(
    stream: KafkaStream, kafka_server: KafkaServer, seed: int
) -> None:
    patient = replace(stream, patience=60.0)
    back = threading.Event()

    def publish() -> int:
        published = 0
        with closing(patient.publisher()) as publisher:
            while not back.is_set():
                publisher.publish(messages(500, start=published, size=500))
                published += 500
            publisher.publish(messages(500, start=published, size=500))
        return published + 500

    with ThreadPoolExecutor() as pool:
        publishing = pool.submit(publish)
        time.sleep(Random(seed).uniform(0.2, 0.8))
        kafka_server.kill()
        kafka_server.restart()
        back.set()
        published = publishing.result()
    assert sorted(set(numbers_on(patient))) == list(range(published))


@pytest.mark.slow
def test_a_broker_away_for_longer_than_the_patience_is_told_and_published_to_when_it_is_back(
    stream: KafkaStream, kafka_server: KafkaServer
) -> None:
    impatient = replace(stream, patience=2.0)
    with closing(impatient.publisher()) as publisher:
        publisher.publish(messages(10))
        kafka_server.kill()
        try:
            started = time.monotonic()
            for _ in range(2):
                with pytest.raises(Unavailable, match="nothing was acknowledged for 2 seconds"):
                    publisher.publish(messages(10, start=10))
            assert time.monotonic() - started < 10
            for use in (impatient.publisher, lambda: impatient.subscriber("crm"), impatient.read):
                with pytest.raises(Unavailable):
                    use()
        finally:
            kafka_server.restart()
        replace(impatient, patience=30.0).create(4)  # waits until the topic has its leaders again
        publisher.publish(messages(10, start=10))
    assert sorted(set(numbers_on(impatient))) == list(range(20))


def test_two_publishes_may_be_under_way_and_a_third_may_not(stream: KafkaStream) -> None:
    with closing(stream.publisher()) as publisher:
        first, second = publisher.begin(messages(10)), publisher.begin(messages(10, start=10))
        with pytest.raises(ValueError, match="2 publishes are under way"):
            publisher.begin(messages(10, start=20))
        first()
        third = publisher.begin(messages(10, start=20))
        second()
        third()
    assert numbers_on(stream) == list(range(30))


def test_a_publish_that_is_refused_takes_the_other_one_nothing(stream: KafkaStream) -> None:
    with closing(stream.publisher()) as publisher:
        first = publisher.begin(messages(10))
        with pytest.raises(InvalidData, match="too large"):
            publisher.publish(messages(1, start=99, size=3 << 20))
        first()
        publisher.publish(messages(10, start=10))
    assert numbers_on(stream) == list(range(20))


@pytest.mark.slow
def test_a_wait_for_a_broker_that_does_not_answer_is_ended_by_the_check(
    stream: KafkaStream, kafka_server: KafkaServer
) -> None:
    def check() -> None:
        if time.monotonic() - started > 0.5:
            raise Terminated("asked to end")

    with closing(replace(stream, patience=60.0).publisher()) as publisher:
        publisher.publish(messages(10))
        os.kill(kafka_server.pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            with pytest.raises(Terminated):
                publisher.publish(messages(10, start=10), check)
            assert time.monotonic() - started < 2
        finally:
            os.kill(kafka_server.pid, signal.SIGCONT)
        publisher.publish(messages(10, start=10))
    assert sorted(set(numbers_on(stream))) == list(range(20))


def test_closing_twice_and_publishing_after_it(stream: KafkaStream) -> None:
    publisher = stream.publisher()
    publisher.close()
    publisher.close()
    with pytest.raises(ValueError, match="closed"):
        publisher.publish(messages(1))


def test_a_stream_of_nobody_is_told_within_the_patience() -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"stream kafka://127\.0\.0\.1:1/"):
        KafkaStream("127.0.0.1:1", uuid4().hex, patience=1).publisher()
    assert time.monotonic() - started < 5
