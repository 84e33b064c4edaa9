"""A stream as the servers know it: whether it exists, its partitions, its identity; and creating it.

Partition 3 of the stream `events` is the subject `events.3`, and the stream's list of subjects says how many there
are: whoever opens the stream learns it there. A key's partition is its CRC-32 (of zlib, over UTF-8) modulo that.
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, BadRequestError, NotFoundError, ServerError

from campaigns.errors import Conflict, InvalidDefinition
from campaigns.streams.nats.errors import explained, unknown_stream, words_of
from campaigns.streams.nats.link import Link

LARGEST_MESSAGE = 2 << 20
"""Bytes of a message with its headers that a stream takes; servers take `max_payload`, 1 MiB unless set higher."""

DUPLICATE_SECONDS = 120.0
"""How long a stream remembers the ids of its messages, in memory: about 100 bytes each."""

EXISTS = frozenset({10058, 10065})
"""JetStream's error codes: a stream of that name is there; another stream has those subjects."""


class Layout(NamedTuple):
    """What does not change in a stream's life."""

    partitions: int
    identity: str
    largest: int
    replicas: int


class End(NamedTuple):
    """How far a stream reaches: the sequences of its first and its last message, and how many there are."""

    first: int
    last: int
    messages: int


def partition_of(key: bytes, partitions: int) -> int:
    """Where messages of a key lie."""
    return crc32(key) % partitions


async def info_of(link: Link) -> StreamInfo | None:
    """What the servers tell of the stream; None if there is no such stream. Raises Unavailable."""
    with explained(link.place.what):
        try:
            return await link.jetstream.stream_info(link.place.name)
        except NotFoundError:
            return None


async def layout_of(link: Link) -> Layout:
    """Raises NotFound if there is no such stream, InvalidDefinition if its subjects are not partitions."""
    info = await info_of(link)
    if info is None:
        raise unknown_stream(link.place.what)
    return layout(link, info)


def layout(link: Link, info: StreamInfo) -> Layout:
    """What the servers told, understood."""
    config, largest = info.config, link.client.max_payload
    subjects = set(config.subjects or ())
    if subjects != set(subjects_of(link.place.name, len(subjects))):
        raise InvalidDefinition(
            f"{link.place.what}: its subjects are {', '.join(sorted(subjects)[:5]) or 'none'}; need one for each "
            f"partition, {link.place.name}.0 and so on: create it with `campaigns stream create`"
        )
    if config.max_msg_size is not None and config.max_msg_size >= 0:
        largest = min(largest, config.max_msg_size)
    created = info.created.isoformat() if info.created else ""
    return Layout(len(subjects), f"{link.place.name}/{created}", largest, config.num_replicas or 1)


async def create(link: Link, partitions: int, replication: int) -> None:
    """Create the stream; one with as many partitions and replicas stays as it is.

    Raises Conflict if it has another number of either, InvalidDefinition for what the servers refuse to make,
    Unavailable.
    """
    info = await info_of(link) or await _created(link, partitions, replication)
    found = {"partitions": len(info.config.subjects or ()), "replication": info.config.num_replicas or 1}
    for what, asked in (("partitions", partitions), ("replication", replication)):
        if found[what] != asked:
            raise Conflict(f"{link.place.what}: exists with {what} {found[what]}, asked for {asked}")
    layout(link, info)


async def _created(link: Link, partitions: int, replication: int) -> StreamInfo:
    with explained(link.place.what):
        try:
            return await link.jetstream.add_stream(config_of(link.place.name, partitions, replication))
        except (BadRequestError, ServerError) as error:
            raise _refused(link, error) from error


def _refused(link: Link, error: APIError) -> Exception:
    kind = Conflict if error.err_code in EXISTS else InvalidDefinition
    return kind(f"{link.place.what}: {words_of(error)}")


def config_of(name: str, partitions: int, replication: int) -> StreamConfig:
    """How a stream is created: on the disk, nothing removed but by its limits."""
    return StreamConfig(
        name=name,
        subjects=subjects_of(name, partitions),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,  # a stream that is full says so; it does not forget what nobody has read
        num_replicas=replication,
        max_msg_size=LARGEST_MESSAGE,
        duplicate_window=DUPLICATE_SECONDS,
    )


def subjects_of(name: str, partitions: int) -> list[str]:
    """The subject of each partition."""
    return [f"{name}.{partition}" for partition in range(partitions)]
