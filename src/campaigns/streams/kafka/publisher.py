"""Publishing to a topic: fast while all is well, and no message forgotten when it is not.

Two traps shape this file. librdkafka drops what it cannot deliver, and its queue is empty all the same; so failures are
always reported, and a publish counts as done only when the queue is empty *and* no failure was told. And a full queue
refuses a message; the same one is offered again, else its key's order or the message itself would be lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from confluent_kafka import KafkaError

from campaigns.errors import CampaignsError, InvalidData, Unavailable
from campaigns.streams import port
from campaigns.streams.kafka.errors import meaning
from campaigns.streams.kafka.producer import Header, Producer, Refused
from campaigns.streams.kafka.settings import PRODUCER, made
from campaigns.streams.kafka.topic import Topic

FRESH_STARTS = 5
"""How often a publish begins anew with a new producer after a fatal error."""

AT_ONCE = 2
"""Publishes that may be under way."""

FLUSH_SECONDS = 0.2
"""How long to wait before looking whether anything goes on."""

ROOM_SECONDS = 0.01
"""How long to wait for room in a full queue before the next look."""


class Fatal(Exception):
    """librdkafka gave this producer up, typically over a sequence of messages that the broker forgot."""


class KafkaPublisher:
    """A `Publisher`. What one call publishes is acknowledged by all in-sync replicas when it returns.

    Each publish that is under way has a producer of its own, since librdkafka tells when its queue is empty, not
    which of its messages are out.
    """

    def __init__(self, topic: Topic, identity: str, content_type: str | None) -> None:
        self._topic = topic
        self._identity = identity
        self._header = None if content_type is None else ("content-type", content_type.encode())
        self._idle: list[Attempt] = [Attempt(topic, self._header)]
        self._under_way: list[Attempt] = []
        self._closed = False

    @property
    def identity(self) -> str:
        """See `Publisher.identity`: the topic's id."""
        return self._identity

    def publish(self, messages: Sequence[port.Message], check: port.Check = port.patient) -> None:
        """See `Publisher.publish`.

        Raises:
            Unavailable: nothing was acknowledged for `patience` seconds, or the broker refused.
            InvalidData: a message is larger than the topic takes.
        """
        self.begin(messages, check)()

    def begin(self, messages: Sequence[port.Message], check: port.Check = port.patient) -> Callable[[], None]:
        """See `Overlapping.begin`. Raises as `publish`; ValueError for a third publish at once."""
        if self._closed:
            raise ValueError("the publisher is closed")
        if len(self._under_way) >= AT_ONCE:
            raise ValueError(f"{AT_ONCE} publishes are under way; wait for the first of them")
        columns = port.Messages.of(messages)
        try:
            return partial(self._wait, columns, check, self._offered(columns, check))
        except Fatal as error:
            return partial(self._again, columns, check, error)

    def close(self) -> None:
        """See `Publisher.close`."""
        self._closed = True
        for producer in [*self._idle, *self._under_way]:
            producer.drop()
        self._idle, self._under_way = [], []

    def _offered(self, messages: port.Messages, check: port.Check) -> Attempt:
        producer = self._idle.pop() if self._idle else Attempt(self._topic, self._header)
        self._under_way.append(producer)
        with self._dropped_on_error(producer):
            producer.offer(messages, check)
        return producer

    def _wait(self, messages: port.Messages, check: port.Check, producer: Attempt) -> None:
        try:
            self._settle(producer, check)
        except Fatal as error:
            self._again(messages, check, error)

    def _again(self, messages: port.Messages, check: port.Check, error: Fatal) -> None:
        """Everything again: which of them arrived, nobody can tell."""
        for _ in range(FRESH_STARTS - 1):
            try:
                return self._settle(self._offered(messages, check), check)
            except Fatal as another:
                error = another
        raise Unavailable(f"{self._topic.what}: gave up after {FRESH_STARTS} fatal errors: {error}") from error

    def _settle(self, producer: Attempt, check: port.Check) -> None:
        with self._dropped_on_error(producer):
            producer.settle(check)
        self._under_way.remove(producer)
        self._idle.append(producer)

    @contextmanager
    def _dropped_on_error(self, producer: Attempt) -> Iterator[None]:
        """Whatever is still queued must not follow later, between messages published again."""
        try:
            yield
        except BaseException:
            self._under_way.remove(producer)
            producer.drop()
            raise


class Attempt:
    """A producer of librdkafka as long as it is healthy. After any error it is to be dropped."""

    def __init__(self, topic: Topic, header: Header | None) -> None:
        self._topic = topic
        self._offered = 0
        self._watch = Watch(topic.patience)
        build = partial(Producer, topic=topic.name, header=header)
        self._producer = made(build, topic.settings(PRODUCER), topic.config)

    def offer(self, messages: port.Messages, check: port.Check) -> None:
        """Queue messages, all that went before being settled. Raises Unavailable, InvalidData, Fatal."""
        self._watch, self._offered = Watch(self._topic.patience), 0
        for batch in messages.table.to_batches():
            calls = self._producer.calls(batch)
            try:
                while not self._producer.offer(calls):
                    self._producer.hear(ROOM_SECONDS)
                    self._check(self._offered + len(batch) - len(calls.left) - len(self._producer))
                    check()
            except Refused as refused:
                raise self._meaning(refused.error, refused.size) from refused
            self._offered += len(batch)

    def settle(self, check: port.Check) -> None:
        """Return once everything offered is acknowledged. Raises Unavailable, InvalidData, Fatal."""
        while not self._producer.flush(FLUSH_SECONDS):
            self._check(self._offered - len(self._producer))
            check()
        self._check(self._offered)  # the last thing heard may be a failure: empty is not yet delivered

    def drop(self) -> None:
        """Forget what is queued; never blocks for what cannot be sent."""
        self._producer.close()

    def _check(self, acknowledged: int) -> None:
        """Raise what went wrong, if anything did."""
        fatal, failure, trouble = self._producer.fatal, self._producer.failure, self._producer.trouble
        if fatal is not None:  # before the failures, which are its consequence
            raise Fatal(fatal.str())
        if failure is not None:
            raise self._meaning(failure.error, failure.size)
        if self._watch.is_over(acknowledged):
            said = f": {trouble.str()}" if trouble is not None else ""
            raise Unavailable(
                f"{self._topic.what}: nothing was acknowledged for {self._watch.patience:g} seconds{said}"
            )

    def _meaning(self, error: KafkaError, size: int) -> CampaignsError | Fatal:
        if error.fatal() or error.code() == KafkaError._FATAL:
            return Fatal(error.str())
        if error.code() in {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE}:
            limit = self._topic.settings(PRODUCER)["message.max.bytes"]
            return InvalidData(
                f"{self._topic.what}: a message of {size} bytes is too large; the client takes at most {limit} "
                "(message.max.bytes), the topic takes batches (batch.size) of its max.message.bytes"
            )
        return meaning(self._topic.what, error)


class Watch:
    """Notices when nothing was acknowledged for `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._acknowledged = 0
        self._since = time.monotonic()

    def is_over(self, acknowledged: int) -> bool:
        """Whether that many acknowledgements are no more than `patience` seconds ago."""
        now = time.monotonic()
        if acknowledged > self._acknowledged:
            self._acknowledged, self._since = acknowledged, now
        return now - self._since > self.patience
