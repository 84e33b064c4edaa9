"""The embedded stream: an ordered, durable log with consumer groups in one SQLite file. No server."""

from campaigns.streams.sqlite.stream import SqliteStream

__all__ = ["SqliteStream"]
