"""Taking messages off the log for good: by age (retention), or because they concern one source (purge).

One transaction removes from one segment: publishers are let in between, and neither memory nor the
write-ahead log grows with what is removed.
"""

from __future__ import annotations

import sqlite3

from campaigns.errors import Unavailable
from campaigns.streams.sqlite.file import transaction
from campaigns.streams.sqlite.log import Topic
from campaigns.streams.sqlite.segments import COLUMNS, Segment, all_segments, drop_segment, exists

SOURCE = "CASE WHEN json_valid(CAST(value AS TEXT)) THEN json_extract(CAST(value AS TEXT), '$.source') END"
COUNT = f"SELECT count(*), count(*) FILTER (WHERE {SOURCE} IS ?) FROM messages"  # noqa: S608 - constants only
KEEP = f"INSERT INTO kept SELECT * FROM messages WHERE {SOURCE} IS NOT ? ORDER BY position"  # noqa: S608


def expire_step(connection: sqlite3.Connection, topic: Topic, now: float) -> int:
    """Remove each partition's oldest segment if it is past the retention; returns how many messages went.

    Runs within the caller's transaction. A topic without retention keeps everything.
    """
    if topic.retention is None:
        return 0
    oldest = [all_segments(connection, topic.name, partition)[:1] for partition in range(topic.partitions)]
    return sum(
        drop_segment(connection, segment)
        for segments in oldest
        for segment in segments
        if segment.written < now - topic.retention
    )


def expire(connection: sqlite3.Connection, topic: Topic, now: float) -> int:
    """Remove every segment that is past the retention. Returns how many messages went."""
    total = 0
    while True:
        with transaction(connection):
            removed = expire_step(connection, topic, now)
        if not removed:
            return total
        total += removed


def purge(connection: sqlite3.Connection, topic: Topic, source: str) -> int:
    """Remove the messages whose JSON has this `source`. Returns how many went.

    Raises:
        Unavailable: the messages are removed, but another process holds on to the write-ahead log with a copy
            of them; purging again removes it.
    """
    removed = sum(
        _purge_segment(connection, segment, source)
        for partition in range(topic.partitions)
        for segment in all_segments(connection, topic.name, partition)
    )
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Unavailable(
            f"{removed} messages of {source!r} are removed, but another process keeps a copy in use;"
            " stop it and purge again"
        )
    return removed


def _purge_segment(connection: sqlite3.Connection, segment: Segment, source: str) -> int:
    with transaction(connection):
        if not exists(connection, segment):  # expired since it was listed
            return 0
        found, matching = connection.execute(segment.on(COUNT), (source,)).fetchone()
        if found == matching:
            drop_segment(connection, segment)
        elif matching:
            connection.execute(f"CREATE TABLE kept {COLUMNS}")
            connection.execute(segment.on(KEEP), (source,))
            connection.execute(segment.on("DROP TABLE messages"))
            connection.execute(segment.on("ALTER TABLE kept RENAME TO messages"))
        return int(matching)
