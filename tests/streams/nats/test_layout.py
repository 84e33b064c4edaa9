"""Creating a stream, and telling it from another of the same name."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from nats.js.api import RetentionPolicy, StorageType

from campaigns.errors import Conflict, InvalidDefinition, NotFound
from campaigns.streams import Creatable
from campaigns.streams.nats import NatsStream

from .asking import ask


def identity_of(stream: NatsStream) -> str:
    with closing(stream.publisher()) as publisher:
        return publisher.identity


def test_a_stream_is_created_with_what_keeps_its_messages(stream: NatsStream) -> None:
    assert isinstance(stream, Creatable)
    config = ask(stream, lambda jetstream: jetstream.stream_info(stream.name)).config
    assert config.subjects == [f"{stream.name}.{partition}" for partition in range(4)]
    assert (config.storage, config.retention) == (StorageType.FILE, RetentionPolicy.LIMITS)
    assert (config.num_replicas, config.max_msg_size, config.duplicate_window) == (1, 2 << 20, 120)


def test_creating_it_again_does_nothing_and_otherwise_is_a_conflict(stream: NatsStream) -> None:
    before = identity_of(stream)
    stream.create(4)
    assert identity_of(stream) == before
    with pytest.raises(Conflict, match="exists with partitions 4, asked for 5"):
        stream.create(5)


def test_more_replicas_than_servers_are_refused_in_the_servers_words(stream: NatsStream) -> None:
    with pytest.raises(InvalidDefinition, match="replicas > 1 not supported in non-clustered mode"):
        replace(stream, name=f"{stream.name}-3").create(1, replication=3, min_insync_replicas=2)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((0, 1, 1), "0 partitions"),
        ((1, 0, 0), "0 replicas, JetStream keeps 1 to 5"),
        ((1, 7, 2), "7 replicas"),
        ((1, 1, 2), "2 in-sync replicas of 1"),
        ((1, 3, 3), "a majority has the message, 2 here: ask for 1 to 2"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(
    stream: NatsStream, shape: tuple[int, int, int], told: str
) -> None:
    with pytest.raises(InvalidDefinition, match=told):
        stream.create(*shape)


def test_a_stream_made_anew_under_its_name_is_another(stream: NatsStream) -> None:
    before = identity_of(stream)
    assert identity_of(stream) == before
    ask(stream, lambda jetstream: jetstream.delete_stream(stream.name))
    stream.create(4)
    assert identity_of(stream) != before


def test_a_stream_that_does_not_exist_says_how_to_create_it(stream: NatsStream) -> None:
    missing = replace(stream, name=f"{stream.name}-missing")
    for use in (missing.publisher, lambda: missing.subscriber("crm")):
        with pytest.raises(NotFound, match="does not exist; create it with `campaigns stream create`"):
            use()
    assert list(missing.read()) == []


def test_a_stream_of_somebody_else_is_not_taken_for_ours(stream: NatsStream) -> None:
    other = replace(stream, name=f"{stream.name}-other")
    ask(other, lambda jetstream: jetstream.add_stream(name=other.name, subjects=[f"{other.name}.>"]))
    for use in (other.publisher, lambda: other.create(1)):
        with pytest.raises(InvalidDefinition, match="need one for each partition"):
            use()


def test_subjects_that_another_stream_has_are_told(stream: NatsStream) -> None:
    ask(stream, lambda jetstream: jetstream.add_stream(name=f"{stream.name}-all", subjects=[f"{stream.name}-x.>"]))
    with pytest.raises(Conflict, match="subjects overlap"):
        replace(stream, name=f"{stream.name}-x").create(1)
