"""A producer that takes messages by columns, without an object of Python's for any of them."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException

from campaigns.streams.kafka import librdkafka as c
from campaigns.streams.kafka.settings import Value

_TEXT = 512
"""Bytes for what librdkafka says of an error."""

_LEVELS = [logging.CRITICAL] * 3 + [logging.ERROR, logging.WARNING, logging.INFO, logging.INFO, logging.DEBUG]
"""Python's level of each of syslog's."""

Header = tuple[str, bytes]


class Refused(Exception):
    """A message that librdkafka did not take, or that no broker took; `size` is of its value, in bytes."""

    def __init__(self, error: KafkaError, size: int) -> None:
        super().__init__(error.str())
        self.error, self.size = error, size


class Producer:
    """Publishes to one topic; every message with the same header, if one is given.

    Only failures are reported. `failure` is the first message that could not be delivered: what is neither that nor
    in the queue is acknowledged. `trouble` is what librdkafka complained of last.

    Raises:
        KafkaException: a setting that librdkafka does not know, or a value that it does not take.
    """

    def __init__(
        self, settings: Mapping[str, Value], logger: logging.Logger, topic: str, header: Header | None
    ) -> None:
        self._log = logger
        self.failure: Refused | None = None
        self.trouble: KafkaError | None = None
        self._handle: int | None = _new({**settings, "log.queue": True})
        self._events = c.queue_get_main(self._handle)
        c.set_log_queue(self._handle, None)  # the main queue too
        self._topic = c.topic_new(self._handle, topic.encode(), None)
        self._header = (
            None if header is None else tuple(map(ctypes.create_string_buffer, (header[0].encode(), header[1])))
        )
        self._width = 4 if self._header is None else 5

    def __len__(self) -> int:
        """How many messages are not acknowledged, with events that were not heard."""
        return int(c.outq_len(self._handle))

    @property
    def fatal(self) -> KafkaError | None:
        """The error after which this producer takes and delivers nothing any more, if there was one."""
        reason = ctypes.create_string_buffer(_TEXT)
        code = c.fatal_error(self._handle, reason, _TEXT)
        return KafkaError(code, _text(reason.value), fatal=True) if code else None

    def calls(self, batch: pa.RecordBatch) -> Calls:
        """What `offer` takes: the messages of a batch with the columns key and value."""
        arguments = np.zeros((len(batch), self._width), c.ARGUMENT)
        arguments["vtype"] = [c.TOPIC, c.FLAGS, c.VALUE, c.KEY, c.HEADER][: self._width]
        arguments["a"][:, 0], arguments["a"][:, 1] = self._topic, c.COPY
        for position, column in ((2, batch.column("value")), (3, batch.column("key"))):
            arguments["a"][:, position], arguments["b"][:, position] = _placed(column)
        if self._header is not None:
            name, value = self._header
            arguments["a"][:, 4], arguments["b"][:, 4] = ctypes.addressof(name), ctypes.addressof(value)
            arguments["c"][:, 4] = len(value) - 1  # without the byte 0 that ctypes adds
        return Calls(batch, arguments)

    def offer(self, calls: Calls) -> bool:
        """Queue the messages, in order, that are not yet; False when the queue is full. Raises Refused."""
        produce, handle, width = c.produceva, self._handle, self._width
        for address in calls.left:
            if error := produce(handle, address, width):
                calls.left = calls.left[calls.left.index(address) :]
                found = _taken(error)
                if found.code() == KafkaError._QUEUE_FULL:
                    return False
                raise Refused(found, calls.size)
        return True

    def flush(self, seconds: float) -> bool:
        """Wait until nothing is left in the queue. Whether so; look at `failure` too."""
        empty = c.flush(self._handle, int(seconds * 1000)) == 0
        self.hear()
        return empty and not len(self)

    def hear(self, seconds: float = 0.0) -> None:
        """Learn of failures and troubles; waits for the first of them for so long."""
        wait = int(seconds * 1000)
        while event := c.queue_poll(self._events, wait):
            try:
                self._heard(event)
            finally:
                c.event_destroy(event)
            wait = 0

    def close(self) -> None:
        """Forget what is queued; never blocks for what cannot be sent. A second call does nothing."""
        if self._handle is None:
            return
        c.purge(self._handle, c.PURGE_ALL)
        self.hear()
        c.topic_destroy(self._topic)
        c.queue_destroy(self._events)
        c.destroy(self._handle)
        self._handle = None

    def _heard(self, event: int) -> None:
        kind = c.event_type(event)
        if kind == c.EVENT_DELIVERY:
            self._failed(c.event_message_next(event).contents)
        elif kind == c.EVENT_ERROR:
            self._complained(c.event_error(event), c.event_error_string(event))
        elif kind == c.EVENT_LOG:
            facility, text, level = ctypes.c_char_p(), ctypes.c_char_p(), ctypes.c_int()
            c.event_log(event, ctypes.byref(facility), ctypes.byref(text), ctypes.byref(level))
            self._log.log(_LEVELS[min(level.value, 7)], "%s %s", _text(facility.value), _text(text.value))

    def _failed(self, message: c.Message) -> None:
        if self.failure is None:
            self.failure = Refused(KafkaError(message.error), message.size)

    def _complained(self, code: int, text: bytes) -> None:
        if code != KafkaError._ALL_BROKERS_DOWN or self.trouble is None:  # the reason was told before
            self.trouble = KafkaError(code, _text(text))


class Calls:
    """The arguments of a call of librdkafka's for each message of a batch, and the addresses of those that are `left`.

    They point into the batch, which lives as long as they.
    """

    def __init__(self, batch: pa.RecordBatch, arguments: np.ndarray) -> None:
        self._batch, self._arguments = batch, arguments
        self._start, self._step = arguments.ctypes.data, arguments.shape[1] * arguments.itemsize
        self.left = range(self._start, self._start + arguments.nbytes, self._step)

    @property
    def size(self) -> int:
        """Bytes of the value of the first that is left."""
        return int(self._arguments["b"][(self.left.start - self._start) // self._step, 2])


def _new(settings: Mapping[str, Value]) -> int:
    conf, words = c.conf_new(), ctypes.create_string_buffer(_TEXT)
    for name, value in settings.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if c.conf_set(conf, name.encode(), text.encode(), words, _TEXT) != c.CONF_OK:
            c.conf_destroy(conf)
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG, _text(words.value)))
    c.conf_set_events(conf, c.EVENT_DELIVERY | c.EVENT_LOG | c.EVENT_ERROR)
    handle: int | None = c.new(c.PRODUCER, conf, words, _TEXT)
    if handle is None:
        c.conf_destroy(conf)  # it became the producer's only if there is one
        raise KafkaException(KafkaError(KafkaError._INVALID_ARG, _text(words.value)))
    return handle


def _placed(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Where each value of a column of text or bytes lies in memory, and its size in bytes."""
    large = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    _, offsets, content = column.buffers()
    offsets = np.frombuffer(offsets, "<i8" if large else "<i4")
    ends = offsets[column.offset : column.offset + len(column) + 1].astype("<u8")
    return ends[:-1] + np.uint64(content.address if content is not None else 0), np.diff(ends)


def _taken(error: int) -> KafkaError:
    """An error of librdkafka's as an object; librdkafka's own is freed."""
    try:
        return KafkaError(c.error_code(error), _text(c.error_string(error)), fatal=bool(c.error_is_fatal(error)))
    finally:
        c.error_destroy(error)


def _text(words: bytes | None) -> str:
    return (words or b"").decode(errors="replace")
