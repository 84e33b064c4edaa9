"""Creating a topic, and telling it from another of the same name."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource

from campaigns.errors import Conflict, InvalidDefinition, NotFound
from campaigns.streams import Creatable
from campaigns.streams.kafka import KafkaStream


def config_of(stream: KafkaStream, key: str) -> str:
    resource = ConfigResource(ConfigResource.Type.TOPIC, stream.topic)
    admin = AdminClient({"bootstrap.servers": stream.servers})
    (answer,) = admin.describe_configs([resource]).values()
    return str(answer.result()[key].value)


def identity_of(stream: KafkaStream) -> str:
    with closing(stream.publisher()) as publisher:
        return publisher.identity


def test_a_topic_is_created_with_what_keeps_its_messages(stream: KafkaStream) -> None:
    assert isinstance(stream, Creatable)
    assert config_of(stream, "min.insync.replicas") == "1"
    assert config_of(stream, "max.message.bytes") == str(2 << 20)


def test_creating_it_again_does_nothing_and_otherwise_is_a_conflict(stream: KafkaStream) -> None:
    before = identity_of(stream)
    stream.create(4)
    assert identity_of(stream) == before
    with pytest.raises(Conflict, match="exists with partitions 4, asked for 5"):
        stream.create(5)
    with pytest.raises(Conflict, match="exists with replication 1, asked for 3"):
        stream.create(4, replication=3)


def test_more_replicas_than_brokers_are_refused_in_the_brokers_words(stream: KafkaStream) -> None:
    with pytest.raises(InvalidDefinition, match="replication"):
        replace(stream, topic=f"{stream.topic}-3").create(1, replication=3, min_insync_replicas=2)


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, 0, 0), (1, 1, 2)])
def test_numbers_that_contradict_each_other_are_refused(stream: KafkaStream, shape: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidDefinition):
        stream.create(*shape)


def test_a_topic_made_anew_under_its_name_is_another_stream(stream: KafkaStream) -> None:
    before = identity_of(stream)
    assert identity_of(stream) == before
    admin = AdminClient({"bootstrap.servers": stream.servers})
    admin.delete_topics([stream.topic])[stream.topic].result()
    stream.create(4)
    assert identity_of(stream) != before


def test_a_topic_that_does_not_exist_says_how_to_create_it(stream: KafkaStream) -> None:
    missing = replace(stream, topic=f"{stream.topic}-missing")
    for use in (missing.publisher, lambda: missing.subscriber("crm")):
        with pytest.raises(NotFound, match="does not exist; create it with `campaigns stream create`"):
            use()
    assert list(missing.read()) == []
