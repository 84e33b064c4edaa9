"""What librdkafka is told: the user's settings win, except where they would lose events or break the ports."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from confluent_kafka import KafkaError, KafkaException

from campaigns.errors import InvalidDefinition

Value = str | int | float | bool
Client = TypeVar("Client")

LARGEST_MESSAGE = 2 << 20
"""Bytes: what a message may have, and what `create` lets a topic take."""

LOG = logging.getLogger("campaigns.streams.kafka")
LOG.addHandler(logging.NullHandler())  # else what librdkafka logs would reach stderr where logging is not configured


class Fixed(NamedTuple):
    """A setting that is ours: the value, other spellings of it, and what another would break."""

    value: Value
    reason: str
    spellings: frozenset[str] = frozenset()

    def allows(self, value: Value) -> bool:
        """Whether the user said the same."""
        return str(value).strip().lower() in {str(self.value).lower(), *self.spellings}


TRUE, FALSE = frozenset({"1", "t", "true"}), frozenset({"0", "f", "false"})
ALL = Fixed("all", "an event counts as published only when all in-sync replicas have it", frozenset({"-1"}))
ENDLESS = Fixed(0, "librdkafka would drop events that wait longer; `patience` bounds the wait and loses nothing")
EARLIEST = Fixed("earliest", "a new group starts at the oldest message", frozenset({"smallest", "beginning"}))
FIXED: Mapping[str, Fixed] = {
    "enable.idempotence": Fixed(True, "repetitions within the client would be stored and reordered", TRUE),
    "acks": ALL,
    "request.required.acks": ALL,
    "message.timeout.ms": ENDLESS,
    "delivery.timeout.ms": ENDLESS,
    "partitioner": Fixed("murmur2_random", "keys must land where Java clients put them"),
    "delivery.report.only.error": Fixed(True, "publishing relies on hearing of every failure", TRUE),
    "enable.auto.commit": Fixed(False, "what is not acknowledged must come again", FALSE),
    "enable.auto.offset.store": Fixed(False, "what is not acknowledged must come again", FALSE),
    "auto.offset.reset": EARLIEST,
    "group.protocol": Fixed("classic", "ownership of partitions follows the classic protocol"),
    "partition.assignment.strategy": Fixed(
        "range,roundrobin",
        "a partition that was lost must be given back before it is owned again",
        frozenset({"range", "roundrobin", "roundrobin,range"}),
    ),
}
ALIASES = frozenset({"request.required.acks", "delivery.timeout.ms"})
"""Second names of settings that are fixed."""
REFUSED: Mapping[str, str] = {
    "bootstrap.servers": "the servers are part of the stream's url",
    "metadata.broker.list": "the servers are part of the stream's url",
    "group.id": "the group is named by who subscribes",
    "transactional.id": "publishing does not use transactions",
    "plugin.library.paths": "it would load code into the process",
    "default.topic.config": "settings of topics stand beside the others",
} | dict.fromkeys(
    ("dr_cb", "on_delivery", "on_commit", "error_cb", "stats_cb", "throttle_cb", "oauth_cb", "logger"),
    "it takes a function, not a value",
)
"""Settings with no value that would be right."""

COMMON: Mapping[str, Value] = {
    "message.max.bytes": LARGEST_MESSAGE,
    "reconnect.backoff.max.ms": 2000,
    "allow.auto.create.topics": False,
}
PRODUCER: Mapping[str, Value] = {
    "linger.ms": 20,
    "batch.num.messages": 100_000,
    "queue.buffering.max.messages": 200_000,
    "queue.buffering.max.kbytes": 64 << 10,
}
CONSUMER: Mapping[str, Value] = {  # bounds what is read ahead; when that is full, looks again soon
    "queued.max.messages.kbytes": 16 << 10,
    "fetch.max.bytes": 8 << 20,
    "fetch.queue.backoff.ms": 20,
}


def check(config: Mapping[str, Value]) -> None:
    """Raise InvalidDefinition for settings that contradict the ports. Values are never shown: they may be secrets."""
    for key, value in config.items():
        if key in REFUSED:
            raise InvalidDefinition(f"kafka config {key!r}: leave it out; {REFUSED[key]}")
        if key in FIXED and not FIXED[key].allows(value):
            raise InvalidDefinition(
                f"kafka config {key!r}: must be {spelled(FIXED[key].value)}, or left out; {FIXED[key].reason}"
            )


def spelled(value: Value) -> str:
    """A value as it is written in YAML."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def merged(servers: str, config: Mapping[str, Value], defaults: Mapping[str, Value]) -> dict[str, Any]:
    """All settings of a client."""
    fixed = {key: setting.value for key, setting in FIXED.items() if key not in ALIASES}
    own = {key: value for key, value in config.items() if key not in FIXED or key == "partition.assignment.strategy"}
    return {**COMMON, **defaults, **fixed, **own, "bootstrap.servers": servers}


def made(build: Callable[..., Client], settings: Mapping[str, Any], config: Mapping[str, Value]) -> Client:
    """A client of librdkafka.

    Raises InvalidDefinition, without any of the user's values, if a key or value is refused.
    """
    try:
        return build(dict(settings), logger=LOG)
    except KafkaException as error:
        told = error.args[0]
        words = told.str() if isinstance(told, KafkaError) else str(told)
        raise InvalidDefinition(f"kafka config: {redacted(words, config)}") from None
    except (TypeError, ValueError) as error:
        raise InvalidDefinition(f"kafka config: {redacted(str(error), config)}") from None


def redacted(words: str, config: Mapping[str, Value]) -> str:
    """The same without any value of the configuration, the longest first."""
    for value in sorted(map(str, config.values()), key=len, reverse=True):
        if value:
            words = words.replace(f'"{value}"', "(not shown)")
            words = words.replace(value, "(not shown)") if len(value) > 3 else words
    return words
