"""A producer that is fed by columns: what it reads from memory, and what it tells of what went wrong."""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pytest
from confluent_kafka import KafkaError, KafkaException, cimpl

from campaigns import streams
from campaigns.streams.kafka import KafkaStream
from campaigns.streams.kafka.producer import Producer
from campaigns.streams.kafka.publisher import Attempt
from campaigns.streams.kafka.settings import PRODUCER, merged

LOGGER = logging.getLogger("test.producer")


@pytest.fixture
def producer(stream: KafkaStream) -> Iterator[Producer]:
    with closing(Producer(merged(stream.servers, {}, PRODUCER), LOGGER, stream.topic, ("a", b"\0b"))) as producer:
        yield producer


def batch(kind: pa.DataType, content: pa.DataType) -> pa.RecordBatch:
    """The numbers 0 to 99 as keys and values of very different sizes; of 0 both are empty."""
    keys = ["" if n == 0 else f"ké{n}" for n in range(100)]
    values = [b"%d" % n * (n * 10) for n in range(100)]
    return pa.record_batch({"key": pa.array(keys, kind), "value": pa.array(values, content)})


@pytest.mark.parametrize("content", [pa.binary(), pa.large_binary(), pa.string()])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_keys_and_values_arrive_from_any_part_of_any_kind_of_column(
    kind: pa.DataType, content: pa.DataType, stream: KafkaStream, producer: Producer
) -> None:
    whole = batch(kind, content)
    for part in (whole[:1], whole[1:30], whole[30:30], whole[30:]):
        assert producer.offer(producer.calls(part))
    assert producer.flush(20)
    assert producer.failure is None
    expected = {(key, b"%d" % n * (n * 10)) for n, key in enumerate(whole["key"].to_pylist())}
    assert {(message.key, message.value) for message in stream.read()} == expected


def test_what_was_offered_may_be_freed_or_changed_at_once(stream: KafkaStream, producer: Producer) -> None:
    memory = bytearray(b"before")
    column = pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(b"\0\0\0\0\6\0\0\0"), pa.py_buffer(memory)])
    producer.offer(producer.calls(pa.record_batch({"key": pa.array(["k"]), "value": column})))
    memory[:] = b"after!"
    assert producer.flush(20)
    assert [message.value for message in stream.read()] == [b"before"]


def test_a_fatal_error_of_librdkafka_ends_the_attempt_and_not_the_publish(
    stream: KafkaStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """librdkafka raises the error of a lost sequence itself, by the function that it has for tests."""
    raise_fatal = ctypes.CDLL(cimpl.__file__).rd_kafka_test_fatal_error
    raise_fatal.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
    used: list[Attempt] = []
    offer = Attempt.offer

    def offers(self: Attempt, messages: streams.Messages, check: streams.Check) -> None:
        used.append(self)
        offer(self, messages, check)
        if len(used) == 1:
            raise_fatal(self._producer._handle, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, b"a lost sequence")

    monkeypatch.setattr(Attempt, "offer", offers)
    with closing(stream.publisher()) as publisher:
        publisher.publish([streams.Message(f"k/{n}", b"%d" % n, "") for n in range(1000)])
    assert len(set(used)) == 2
    assert sorted({int(message.value) for message in stream.read()}) == list(range(1000))


def test_a_fatal_error_is_told_with_its_reason(producer: Producer) -> None:
    assert producer.fatal is None
    ctypes.CDLL(cimpl.__file__).rd_kafka_test_fatal_error(
        ctypes.c_void_p(producer._handle), KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, b"a lost sequence"
    )
    assert producer.fatal is not None
    assert producer.fatal.fatal()
    assert producer.fatal.code() == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert "a lost sequence" in producer.fatal.str()


def test_what_librdkafka_logs_goes_to_the_logger_and_not_to_the_terminal(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        caplog.at_level(logging.DEBUG, LOGGER.name),
        closing(Producer({"bootstrap.servers": "127.0.0.1:1"}, LOGGER, "events", None)) as producer,
    ):
        deadline = time.monotonic() + 10
        while (not caplog.records or producer.trouble is None) and time.monotonic() < deadline:
            producer.hear(0.1)
    assert "127.0.0.1:1" in caplog.text
    assert producer.trouble is not None
    assert capfd.readouterr() == ("", "")


def test_what_librdkafka_does_not_take_is_told() -> None:
    for settings, told in (({"linger.mss": 1}, "linger.mss"), ({"acks": 1, "enable.idempotence": True}, "acks")):
        with pytest.raises(KafkaException, match=told):
            Producer(settings, LOGGER, "events", None)


def test_closing_with_messages_that_nobody_takes_does_not_wait_for_them() -> None:
    producer = Producer({"bootstrap.servers": "127.0.0.1:1"}, LOGGER, "events", None)
    producer.offer(producer.calls(batch(pa.string(), pa.binary())))
    assert not producer.flush(0.1)
    started = time.monotonic()
    producer.close()
    producer.close()
    assert time.monotonic() - started < 5
