"""A topic as the cluster knows it: whether it exists, its partitions, its identity; and creating it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata
from confluent_kafka.cimpl import NewTopic

from campaigns.errors import Conflict, Unavailable
from campaigns.streams.kafka.errors import error_of, explained, unknown_topic
from campaigns.streams.kafka.settings import LARGEST_MESSAGE, Value, made, merged

ANSWER_SECONDS = 10.0
"""How long a cluster may take to answer a question about a topic."""


class Shape(NamedTuple):
    """How a topic is created."""

    partitions: int
    replication: int
    min_insync_replicas: int


class Topic:
    """One topic of a cluster. `patience` in seconds, `what` names the stream in errors."""

    def __init__(self, servers: str, name: str, config: Mapping[str, Value], patience: float) -> None:
        self.name = name
        self.what = f"stream kafka://{servers}/{name}"
        self.patience = patience
        self.config = config
        self.servers = servers
        self._troubles: list[KafkaError] = []

    def settings(self, defaults: Mapping[str, Value]) -> dict[str, Any]:
        """The settings of a client of this topic's cluster."""
        return merged(self.servers, self.config, defaults)

    def partitions(self) -> int:
        """How many; 0 if there is no such topic. Raises Unavailable if the cluster does not answer."""
        return partitions_of(self._metadata(self._admin()), self.name)

    def check_exists(self) -> None:
        """Raise NotFound if there is no such topic, Unavailable if the cluster does not answer."""
        if not self.partitions():
            raise unknown_topic(self.what)

    def identity(self) -> str:
        """The topic's id, which a topic of the same name that is made later does not share.

        A cluster that has no topic ids gives its own id and the topic's name. Raises as `check_exists`.
        """
        admin = self._admin()
        cluster = self._metadata(admin)
        if not partitions_of(cluster, self.name):
            raise unknown_topic(self.what)
        if cluster.controller_id not in cluster.brokers:  # nobody to ask: librdkafka's mock cluster
            return f"{cluster.cluster_id}/{self.name}"
        with explained(self.what):
            asked = admin.describe_topics(TopicCollection([self.name]), request_timeout=self.answer_seconds)
            return str(asked[self.name].result().topic_id)

    def create(self, shape: Shape) -> None:
        """Create the topic and return once it can be used; a topic with as many partitions stays as it is.

        Raises:
            Conflict: it exists with another number of partitions.
            Unavailable: the cluster does not answer, or refuses, in its words.
        """
        admin = self._admin()
        found = partitions_of(self._metadata(admin), self.name)
        if not found:
            self._create(admin, shape)
            found = self._await(admin)
        if found != shape.partitions:
            raise Conflict(f"{self.what}: has {found} partitions, asked for {shape.partitions}")

    def _create(self, admin: AdminClient, shape: Shape) -> None:
        limits = {"min.insync.replicas": str(shape.min_insync_replicas), "max.message.bytes": str(LARGEST_MESSAGE)}
        wanted = NewTopic(self.name, shape.partitions, shape.replication, config=limits)
        with explained(self.what):
            try:
                admin.create_topics([wanted], request_timeout=self.patience)[self.name].result()
            except KafkaException as exception:
                if error_of(exception).code() != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody was faster
                    raise

    def _await(self, admin: AdminClient) -> int:
        """The brokers hear of a new topic a moment after the controller made it; its leaders come then."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            topic = self._metadata(admin).topics.get(self.name)
            if topic is not None and topic.partitions and all(p.leader >= 0 for p in topic.partitions.values()):
                return len(topic.partitions)
            time.sleep(0.05)
        raise Unavailable(f"{self.what}: created, but without a leader for {self.patience:g} seconds")

    def _metadata(self, admin: AdminClient) -> ClusterMetadata:
        """All topics: to ask for one would create it where brokers create topics by themselves."""
        try:
            return admin.list_topics(timeout=self.answer_seconds)
        except KafkaException as exception:
            with suppress(KafkaException):
                admin.poll(0)  # hears why, which the exception does not say
            told = [error.str() for error in self._troubles if error.code() != KafkaError._ALL_BROKERS_DOWN]
            raise Unavailable(f"{self.what}: {told[-1] if told else error_of(exception).str()}") from exception

    @property
    def answer_seconds(self) -> float:
        """How long the cluster may take to answer a question."""
        return min(ANSWER_SECONDS, self.patience)

    def _admin(self) -> AdminClient:
        return made(AdminClient, {**self.settings({}), "error_cb": self._troubles.append}, self.config)


def partitions_of(cluster: ClusterMetadata, name: str) -> int:
    """How many partitions a topic has; 0 if there is no such topic."""
    topic = cluster.topics.get(name)
    return 0 if topic is None else len(topic.partitions)
