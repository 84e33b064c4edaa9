"""A topic as the cluster knows it: whether it exists, its partitions, its identity; and creating it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._metadata import ClusterMetadata
from confluent_kafka.cimpl import NewTopic

from campaigns.errors import Conflict, InvalidDefinition, Unavailable
from campaigns.streams.kafka.errors import error_of, explained, unknown_topic
from campaigns.streams.kafka.settings import LARGEST_MESSAGE, Value, made, merged

ANSWER_SECONDS = 10.0
"""How long a cluster may take to answer a question about a topic."""


NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
"""The id that brokers without topic ids give to all topics."""

IMPOSSIBLE = frozenset(
    {
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_CONFIG,
        KafkaError.POLICY_VIOLATION,
    }
)
"""What a cluster says to a shape that it cannot or may not have."""


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
        cluster = self._with_controller(admin)
        if not partitions_of(cluster, self.name):
            raise unknown_topic(self.what)
        without = f"{cluster.cluster_id}/{self.name}"
        if cluster.controller_id not in cluster.brokers:  # nobody to ask: librdkafka's mock cluster
            return without
        with explained(self.what):
            asked = admin.describe_topics(TopicCollection([self.name]), request_timeout=self.answer_seconds)
            found = str(asked[self.name].result().topic_id)
        return without if found == NO_ID else found

    def create(self, shape: Shape) -> None:
        """Create the topic and return once it can be used; a topic of that shape stays as it is.

        Raises:
            Conflict: it exists with another shape.
            InvalidDefinition: the cluster cannot have this shape, in its words.
            Unavailable: the cluster does not answer, or refuses, in its words.
        """
        admin = self._admin()
        if not partitions_of(self._metadata(admin), self.name):
            self._create(admin, shape)
            self._await(admin)
        found = self._shape(admin)
        for what, has, asked in zip(Shape._fields, found, shape, strict=True):
            if has != asked:
                raise Conflict(f"{self.what}: exists with {what} {has}, asked for {asked}")

    def _shape(self, admin: AdminClient) -> Shape:
        """How the topic is by now."""
        topic = self._metadata(admin).topics[self.name]
        replicas = {len(partition.replicas) for partition in topic.partitions.values()}
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.name)
        with explained(self.what):
            (answer,) = admin.describe_configs([resource], request_timeout=self.answer_seconds).values()
            in_sync = int(answer.result()["min.insync.replicas"].value)
        return Shape(len(topic.partitions), min(replicas), in_sync)

    def _create(self, admin: AdminClient, shape: Shape) -> None:
        limits = {"min.insync.replicas": str(shape.min_insync_replicas), "max.message.bytes": str(LARGEST_MESSAGE)}
        wanted = NewTopic(self.name, shape.partitions, shape.replication, config=limits)
        with explained(self.what):
            try:
                admin.create_topics([wanted], request_timeout=self.patience)[self.name].result()
            except KafkaException as exception:
                error = error_of(exception)
                if error.code() in IMPOSSIBLE:
                    raise InvalidDefinition(f"{self.what}: {error.str()}") from exception
                if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody was faster
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

    def _with_controller(self, admin: AdminClient) -> ClusterMetadata:
        """A cluster that has just come up may not know its controller yet. Raises Unavailable when it never does."""
        deadline = time.monotonic() + self.answer_seconds
        while (cluster := self._metadata(admin)).controller_id < 0:
            if time.monotonic() > deadline:
                raise Unavailable(f"{self.what}: the cluster has no controller")
            time.sleep(0.1)
        return cluster

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
