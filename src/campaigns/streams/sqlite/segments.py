"""The segments of a partition: tables that are appended to, and leave as a whole."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

COLUMNS = "(position INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL)"
OLDEST_FIRST = "SELECT * FROM segments WHERE topic = ? AND partition = ? ORDER BY first"
NEWEST = "SELECT * FROM segments WHERE topic = ? AND partition = ? ORDER BY first DESC LIMIT 1"
FROM = """
    SELECT * FROM segments WHERE topic = :topic AND partition = :partition AND first >= coalesce((
        SELECT max(first) FROM segments
        WHERE topic = :topic AND partition = :partition AND first <= :position), 0)
    ORDER BY first
"""


class Segment(NamedTuple):
    """A row of `segments`.

    Its first position, the bytes of its values, and when it was first and last written (seconds since 1970).
    """

    topic: str
    partition: int
    first: int
    bytes: int
    started: float
    written: float

    @property
    def key(self) -> tuple[str, int, int]:
        """What identifies the segment."""
        return self[:3]

    def on(self, sql: str) -> str:
        """The statement on this segment's table in place of `messages`. `SqliteStream` checked the topic."""
        return sql.replace("messages", f'"messages.{self.topic}.{self.partition}.{self.first}"')


def start_segment(connection: sqlite3.Connection, topic: str, partition: int, position: int, now: float) -> Segment:
    """Create the empty segment whose first message will get `position`."""
    segment = Segment(topic, partition, position, 0, now, now)
    connection.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)", segment)
    connection.execute(segment.on(f"CREATE TABLE messages {COLUMNS}"))
    return segment


def drop_segment(connection: sqlite3.Connection, segment: Segment) -> int:
    """Remove a segment with its messages; every page is overwritten. Returns how many messages went."""
    (count,) = connection.execute(segment.on("SELECT count(*) FROM messages")).fetchone()
    connection.execute(segment.on("DROP TABLE messages"))
    connection.execute("DELETE FROM segments WHERE topic = ? AND partition = ? AND first = ?", segment.key)
    return int(count)


def all_segments(connection: sqlite3.Connection, topic: str, partition: int) -> list[Segment]:
    """A partition's segments, oldest first."""
    return [Segment._make(row) for row in connection.execute(OLDEST_FIRST, (topic, partition))]


def exists(connection: sqlite3.Connection, segment: Segment) -> bool:
    """Whether the segment is still there."""
    found = "SELECT 1 FROM segments WHERE topic = ? AND partition = ? AND first = ?"
    return connection.execute(found, segment.key).fetchone() is not None


def last_segment(connection: sqlite3.Connection, topic: str, partition: int) -> Segment | None:
    """The segment that is written to, if any."""
    row = connection.execute(NEWEST, (topic, partition)).fetchone()
    return Segment._make(row) if row else None


def segments_from(connection: sqlite3.Connection, topic: str, partition: int, position: int) -> list[Segment]:
    """The segment that holds `position`, and those after it."""
    values = {"topic": topic, "partition": partition, "position": position}
    return [Segment._make(row) for row in connection.execute(FROM, values)]
