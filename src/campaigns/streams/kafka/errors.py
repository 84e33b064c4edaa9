"""What Kafka's errors mean to a caller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from campaigns.errors import CampaignsError, NotFound, Unavailable

PASSING = frozenset({KafkaError._MAX_POLL_EXCEEDED, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})
"""Errors of a consumer that it recovers from by itself; the callbacks tell what was lost."""


def error_of(exception: KafkaException) -> KafkaError:
    """The error an exception carries."""
    found = exception.args[0]
    return found if isinstance(found, KafkaError) else KafkaError(KafkaError._FAIL, str(found))


def unavailable(what: str, error: KafkaError) -> Unavailable:
    """The error, in librdkafka's words."""
    return Unavailable(f"{what}: {error.str()}")


def unknown_topic(what: str) -> NotFound:
    """There is no such topic."""
    return NotFound(f"{what}: the topic does not exist; create it with `campaigns stream create`")


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what librdkafka raises into `Unavailable`, or `NotFound` for a topic that does not exist."""
    try:
        yield
    except KafkaException as exception:
        raise meaning(what, error_of(exception)) from exception


def meaning(what: str, error: KafkaError) -> CampaignsError:
    """The engine's error for one of Kafka's."""
    if error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}:
        return unknown_topic(what)
    return unavailable(what, error)
