"""Reading a whole topic, without a consumer group."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from time import monotonic
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from campaigns.errors import Unavailable
from campaigns.streams.kafka.errors import PASSING, explained, meaning
from campaigns.streams.kafka.settings import CONSUMER, made
from campaigns.streams.kafka.topic import Topic
from campaigns.streams.port import Received

PAGE_MESSAGES = 5000
WAIT_SECONDS = 0.5

Ends = dict[int, tuple[int, int]]
"""By partition: its oldest position, and one past its newest."""


def read(topic: Topic) -> Iterator[Received]:
    """What lies on the topic at the call, the partitions in turns. Raises Unavailable, here or later."""
    partitions = topic.partitions()
    if not partitions:
        return iter(())
    return follow(topic, ends(topic, partitions))


def ends(topic: Topic, partitions: int) -> Ends:
    """Where each partition that holds something begins and ends now."""
    with explained(topic.what), closing(opened(topic)) as consumer:
        found = {
            partition: consumer.get_watermark_offsets(TopicPartition(topic.name, partition), topic.patience)
            for partition in range(partitions)
        }
    return {partition: (first, end) for partition, (first, end) in found.items() if first < end}


def follow(topic: Topic, open_: Ends) -> Iterator[Received]:
    """Read every partition to its end. Memory is bounded by what the client reads ahead."""
    open_ = dict(open_)
    with closing(opened(topic)) as consumer:
        with explained(topic.what):
            consumer.assign([TopicPartition(topic.name, partition, first) for partition, (first, _) in open_.items()])
        heard = monotonic()
        while open_:
            with explained(topic.what):  # not around the `yield`: the reader's own errors are not ours
                messages = page(consumer, PAGE_MESSAGES, WAIT_SECONDS)
            if messages:
                yield from sifted(topic, messages, open_)
                heard = monotonic()  # after the `yield`: the caller's time is not the broker's
            elif monotonic() - heard > topic.patience:
                raise Unavailable(f"{topic.what}: nothing could be read for {topic.patience:g} seconds")


def page(consumer: Consumer, limit: int, timeout: float) -> list[Message]:
    """What is there, as soon as there is something. To ask for all at once would wait for the whole `limit`."""
    first = consumer.poll(timeout)
    if first is None:
        return []
    return [first, *consumer.consume(limit - 1, 0)] if limit > 1 else [first]


def sifted(topic: Topic, messages: list[Message], open_: Ends) -> Iterator[Received]:
    """The messages that were there at the call; partitions that came to their end leave `open_`."""
    for message in messages:
        partition = message.partition()
        if (error := message.error()) is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # the newest may be no message but a transaction's mark
                open_.pop(partition or 0, None)
            elif error.code() not in PASSING:
                raise meaning(topic.what, error)
            continue
        received = as_received(message)
        if received.partition not in open_:
            continue
        end = open_[received.partition][1]
        if received.position >= end - 1:
            del open_[received.partition]
        if received.position < end:
            yield received


def as_received(message: Message) -> Received:
    """A message of somebody else may lack a key or value, or have a key that is no text."""
    key = message.key()
    return Received(
        message.partition() or 0,
        message.offset() or 0,
        key.decode(errors="replace") if key else "",
        message.value() or b"",
    )


def opened(topic: Topic) -> Consumer:
    """A consumer that joins no group and commits nothing; librdkafka wants a group's name all the same."""
    own = {"group.id": f"campaigns-read-{uuid4().hex}", "enable.partition.eof": True}
    return made(Consumer, {**topic.settings(CONSUMER), **own}, topic.config)
