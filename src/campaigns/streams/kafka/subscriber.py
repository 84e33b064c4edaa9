"""One member of a consumer group.

Groups follow the classic, eager protocol: a partition that is lost is taken away before it can be owned again, and
then it is read again from the position that the group acknowledged. So whatever was received in an earlier
ownership must never be acknowledged in a later one: it would skip what is being delivered again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from campaigns.errors import Unavailable
from campaigns.streams.kafka.errors import PASSING, error_of, explained, meaning, unavailable
from campaigns.streams.kafka.reader import as_received, page
from campaigns.streams.kafka.settings import CONSUMER, made
from campaigns.streams.kafka.topic import Topic
from campaigns.streams.port import Lost, Received

LOST = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError._ASSIGNMENT_LOST,
    }
)
"""What the group says to a member that it no longer counts as one."""

AGAIN = frozenset({KafkaError.REBALANCE_IN_PROGRESS, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError._WAIT_COORD})
"""What passes by itself, and soon."""


class KafkaSubscriber:
    """A `Subscriber`. Who does not poll for `max.poll.interval.ms` loses its partitions."""

    def __init__(self, topic: Topic, group: str) -> None:
        self._topic = topic
        self._group = group
        self._owned: set[int] = set()
        self._span: dict[int, list[int]] = {}  # of this ownership: the acknowledged position, one past the newest
        self._received: dict[int, int] = {}  # one past the newest position ever received
        self._member = ""  # the group's name for us when it gave us the partitions
        self._ahead: list[Received] = []  # received while stalled, or beside an error
        self._stalled = False
        self._changed = False  # partitions came since the last pause or resume
        self._heard = time.monotonic()
        self._closed = False
        self._consumer = made(Consumer, topic.settings(CONSUMER) | {"group.id": group}, topic.config)
        with explained(topic.what):
            self._consumer.subscribe([topic.name], on_assign=self._take, on_revoke=self._give, on_lost=self._give)

    @property
    def assigned(self) -> frozenset[int]:
        """See `Subscriber.assigned`."""
        return frozenset(self._owned)

    def poll(self, limit: int, timeout: float) -> Sequence[Received]:
        """See `Subscriber.poll`. A stalled member's partitions are paused, so that it stays a member meanwhile."""
        with explained(self._topic.what):
            self._flow(stalled=limit < 1)
            if not self._ahead or limit < 1:
                self._ahead += self._fetch(max(1, limit), timeout)
            self._flow(stalled=limit < 1)
        received, self._ahead = self._ahead[: max(0, limit)], self._ahead[max(0, limit) :]
        for message in received:
            position = message.position
            self._span.setdefault(message.partition, [position, position])[1] = position + 1
            self._received[message.partition] = max(self._received.get(message.partition, 0), position + 1)
        return received

    def acknowledge(self, partition: int, position: int) -> None:
        """See `Subscriber.acknowledge`. Raises ValueError for a position past what this member received."""
        if position > self._received.get(partition, 0):
            before = self._received.get(partition, 0)
            raise ValueError(f"acknowledge {position} of partition {partition}: received only what is before {before}")
        acknowledged, end = self._span.get(partition, (0, 0))
        with explained(self._topic.what):
            if position > end or partition not in self._owned or self._consumer.memberid() != self._member:
                raise self._lost(partition)
            if position > acknowledged:
                self._commit(partition, position)
                self._span[partition][0] = position

    def close(self) -> None:
        """See `Subscriber.close`."""
        if self._closed:
            return
        self._closed = True
        with explained(self._topic.what):
            self._consumer.close()

    def _fetch(self, limit: int, timeout: float) -> list[Received]:
        messages = page(self._consumer, limit, timeout)
        if messages:
            self._heard = time.monotonic()
        else:
            self._check_alive()
        return self._sifted(messages)

    def _sifted(self, messages: Iterable[Message]) -> list[Received]:
        """The messages of partitions we own. What is beside an error must not be lost: it comes at the next poll."""
        received: list[Received] = []
        failure = None
        for message in messages:
            error = message.error()
            if error is None:
                received.append(as_received(message))
            elif error.code() not in PASSING:
                failure = error
        received = [message for message in received if message.partition in self._owned]
        if failure is not None:
            self._ahead += received
            raise meaning(self._topic.what, failure)
        return received

    def _check_alive(self) -> None:
        """A quiet stream and a dead one look the same: now and then, ask."""
        if time.monotonic() - self._heard > self._topic.patience:
            self._consumer.list_topics(self._topic.name, timeout=self._topic.answer_seconds)
            self._heard = time.monotonic()

    def _flow(self, *, stalled: bool) -> None:
        if stalled == self._stalled and not self._changed:
            return
        self._stalled, self._changed = stalled, False
        turn = self._consumer.pause if stalled else self._consumer.resume
        turn([TopicPartition(self._topic.name, partition) for partition in self._owned])

    def _commit(self, partition: int, position: int) -> None:
        deadline = time.monotonic() + self._topic.patience
        while error := self._commit_error(TopicPartition(self._topic.name, partition, position)):
            if error.code() in LOST:
                raise self._lost(partition)
            if error.code() not in AGAIN:
                raise unavailable(self._topic.what, error)
            if time.monotonic() > deadline:
                raise Unavailable(f"{self._topic.what}: group {self._group!r}: {error.str()}")
            time.sleep(0.05)

    def _commit_error(self, wanted: TopicPartition) -> KafkaError | None:
        try:
            (answer,) = self._consumer.commit(offsets=[wanted], asynchronous=False)
        except KafkaException as exception:
            return error_of(exception)
        return answer.error

    def _lost(self, partition: int) -> Lost:
        """What is delivered of it from now on would come after a gap: nothing, until it is ours again."""
        self._forget([partition])
        return Lost(f"group {self._group!r}: partition {partition} belongs to another member now")

    def _take(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        taken = [each.partition for each in partitions]
        self._forget(taken)
        self._owned.update(taken)
        self._member = self._consumer.memberid()
        self._changed = True

    def _give(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget([each.partition for each in partitions])  # and nothing is committed on the way out

    def _forget(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._owned.discard(partition)
            self._span.pop(partition, None)
        self._ahead = [message for message in self._ahead if message.partition in self._owned]
