"""A Kafka topic as its users name it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from campaigns.errors import InvalidDefinition
from campaigns.streams.kafka.publisher import KafkaPublisher
from campaigns.streams.kafka.reader import read
from campaigns.streams.kafka.settings import Value, check
from campaigns.streams.kafka.subscriber import KafkaSubscriber
from campaigns.streams.kafka.topic import Shape, Topic
from campaigns.streams.port import Received

NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
CLOUDEVENTS = "application/cloudevents+json; charset=UTF-8"
"""What the CloudEvents binding for Kafka asks of the header `content-type`."""


@dataclass(frozen=True, slots=True)
class KafkaStream:
    """A topic; a `Stream` and `Creatable`.

    `servers` is `host:port[,host:port]`. `config` holds settings of librdkafka, for its producers and consumers.
    `content_type` is the header of every message, None for none, which is faster. `patience` is for how many
    seconds nothing may be acknowledged until `Unavailable` is raised.

    Raises:
        InvalidDefinition: a topic Kafka does not allow, no positive patience, or a setting that contradicts the
            stream's promises. What librdkafka refuses is told when a publisher or subscriber is opened.
    """

    servers: str
    topic: str
    config: Mapping[str, Value] = field(default_factory=dict, repr=False)  # may hold a password
    content_type: str | None = field(default=CLOUDEVENTS, kw_only=True)
    patience: float = field(default=60.0, kw_only=True)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.topic) or self.topic in {".", ".."}:
            raise InvalidDefinition(f"stream topic {self.topic!r}: use at most 249 of a-z A-Z 0-9 _ . -")
        if self.patience <= 0:
            raise InvalidDefinition(f"stream topic {self.topic!r}: patience {self.patience:g}, need more than 0")
        check(self.config)

    def publisher(self) -> KafkaPublisher:
        """Open a publisher; see `Stream.publisher`.

        Raises NotFound if the topic does not exist, Unavailable if no broker answers within 10 seconds.
        """
        topic = self._topic
        return KafkaPublisher(topic, topic.identity(), self.content_type)

    def subscriber(self, group: str) -> KafkaSubscriber:
        """Join a consumer group; see `Stream.subscriber`. Raises as `publisher`."""
        topic = self._topic
        topic.check_exists()
        return KafkaSubscriber(topic, group)

    def read(self) -> Iterator[Received]:
        """Everything on the topic now, the partitions in turns; see `Stream.read`."""
        return read(self._topic)

    def create(self, partitions: int, replication: int = 1, min_insync_replicas: int = 1) -> None:
        """Create the topic; see `Creatable.create`."""
        if not 1 <= min_insync_replicas <= replication:
            raise InvalidDefinition(
                f"stream topic {self.topic!r}: {min_insync_replicas} in-sync replicas of {replication}; "
                "need at least 1, and at most as many as there are replicas"
            )
        if partitions < 1:
            raise InvalidDefinition(f"stream topic {self.topic!r}: {partitions} partitions, need at least 1")
        self._topic.create(Shape(partitions, replication, min_insync_replicas))

    @property
    def _topic(self) -> Topic:
        return Topic(self.servers, self.topic, self.config, self.patience)
