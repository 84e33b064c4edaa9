"""The log of one topic: appending to its partitions and reading them page by page. Positions count from 0."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple

from campaigns.errors import InvalidDefinition
from campaigns.streams.port import Message, Messages, Received
from campaigns.streams.sqlite.file import snapshot, transaction
from campaigns.streams.sqlite.segments import Segment, last_segment, segments_from, start_segment

SEGMENT_BYTES = 64 << 20  # of values; the next publish starts a new segment
SEGMENT_AGE = 0.1  # of the retention: how much longer than that the oldest message of a segment stays
PAGE_MESSAGES = 2000
PAGE_BYTES = 4 << 20
APPEND = "INSERT INTO messages VALUES (?, ?, ?)"
GROW = """
    UPDATE segments SET bytes = bytes + ?, written = ?
    WHERE topic = ? AND partition = ? AND first = ?
"""
PAGE = """
    SELECT :partition, position, key, value FROM messages
    WHERE position >= :first AND (:end IS NULL OR position < :end) ORDER BY position LIMIT :limit
"""


class Topic(NamedTuple):
    """A topic as its user names it. `retention` in seconds."""

    name: str
    partitions: int
    retention: float | None


def ensure_topic(connection: sqlite3.Connection, topic: Topic) -> None:
    """Create the topic if there is none. Raises InvalidDefinition if it has another number of partitions."""
    if not ends(connection, topic):
        with transaction(connection):
            if not ends(connection, topic):  # nobody was faster
                rows = [(topic.name, partition) for partition in range(topic.partitions)]
                connection.executemany("INSERT INTO partitions VALUES (?, ?, 0)", rows)
    check_partitions(connection, topic)


def ends(connection: sqlite3.Connection, topic: Topic) -> list[int]:
    """The position that each partition's next message will get; empty if there is no such topic."""
    rows = connection.execute("SELECT next FROM partitions WHERE topic = ? ORDER BY partition", (topic.name,))
    return [position for (position,) in rows]


def check_partitions(connection: sqlite3.Connection, topic: Topic) -> None:
    """Refuse a number of partitions that is not the topic's: keys would change place and lose their order."""
    found = len(ends(connection, topic))
    if found not in (0, topic.partitions):
        raise InvalidDefinition(
            f"stream topic {topic.name!r}: has {found} partitions for good, asked for {topic.partitions}"
        )


def append(connection: sqlite3.Connection, topic: Topic, messages: Sequence[Message], now: float) -> None:
    """Append within the caller's transaction. `now` (seconds since 1970) is what retention goes by."""
    next_of = ends(connection, topic)
    for partition, (keys, values) in _by_partition(Messages.of(messages), topic.partitions).items():
        first = next_of[partition]
        segment = _segment_for(connection, topic, partition, first, now)
        connection.executemany(segment.on(APPEND), zip(count(first), keys, values, strict=False))
        connection.execute(GROW, (sum(map(len, values)), now, *segment.key))
        connection.execute(
            "UPDATE partitions SET next = ? WHERE topic = ? AND partition = ?",
            (first + len(keys), topic.name, partition),
        )


def _segment_for(connection: sqlite3.Connection, topic: Topic, partition: int, position: int, now: float) -> Segment:
    last = last_segment(connection, topic.name, partition)
    if last is None or last.bytes >= SEGMENT_BYTES:
        return start_segment(connection, topic.name, partition, position, now)
    if topic.retention is not None and now - last.started > topic.retention * SEGMENT_AGE:
        return start_segment(connection, topic.name, partition, position, now)
    return last


def _by_partition(messages: Messages, partitions: int) -> dict[int, tuple[list[str], list[bytes]]]:
    """(keys, values) of each partition that gets any."""
    if partitions == 1:
        return {0: (messages.keys, messages.values)} if messages else {}
    shares: dict[int, tuple[list[str], list[bytes]]] = {}
    for key, value in zip(messages.keys, messages.values, strict=True):
        keys, values = shares.setdefault(zlib.crc32(key.encode()) % partitions, ([], []))
        keys.append(key)
        values.append(value)
    return shares


def page(
    connection: sqlite3.Connection, topic: str, partition: int, first: int, end: int | None, limit: int
) -> list[Received]:
    """The messages from `first` until before `end` (None: all there are): at most `limit`, about 4 MiB.

    The query ends with the page: an open one would keep SQLite from reusing its write-ahead log.
    """
    values = {"partition": partition, "first": first, "end": end, "limit": limit}
    with snapshot(connection):
        for segment in segments_from(connection, topic, partition, first):
            found = _until_full(connection.execute(segment.on(PAGE), values))
            if found:
                return found
    return []


def _until_full(rows: Iterable[tuple[int, int, str, bytes]]) -> list[Received]:
    found, size = [], 0
    for row in rows:
        received = Received._make(row)
        found.append(received)
        size += len(received.value)
        if size >= PAGE_BYTES:
            break
    return found
