"""The file of the embedded stream: its schema, how it is opened, what SQLite's errors mean to a caller."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from campaigns.errors import Damaged, InvalidDefinition, Unavailable

BUSY_SECONDS = 30.0
APPLICATION = int.from_bytes(b"CmpS")  # PRAGMA application_id: a file that we may write to
VERSION = 1

# Messages lie in segments, a table each, written at the right edge only and removed as a whole. To delete
# single rows makes SQLite move their neighbours between pages, and `secure_delete` does not wipe where those
# were: a later purge could not reach such copies.
SCHEMA = f"""
CREATE TABLE partitions (               -- a topic's partitions, and the position the next message gets
    topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE segments (                 -- the tables a partition's messages lie in, by their first position
    topic TEXT, partition INTEGER, first INTEGER, bytes INTEGER NOT NULL, started REAL NOT NULL,
    written REAL NOT NULL, PRIMARY KEY (topic, partition, first)) WITHOUT ROWID;
CREATE TABLE members (                  -- who is in a consumer group, and until when unless it polls
    topic TEXT, consumers TEXT, member TEXT, expires REAL NOT NULL,
    PRIMARY KEY (topic, consumers, member)) WITHOUT ROWID;
CREATE TABLE leases (                   -- who owns a partition, and the position the group wants next
    topic TEXT, consumers TEXT, partition INTEGER, member TEXT, acknowledged INTEGER NOT NULL,
    PRIMARY KEY (topic, consumers, partition)) WITHOUT ROWID;
CREATE TABLE identity (id TEXT NOT NULL);  -- one row: tells this stream from one that was made anew in its place
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""


def open_file(path: Path, *, synchronous: str = "FULL") -> sqlite3.Connection:
    """Open the stream's file for writing; create it with mode 0600 if there is none.

    Raises:
        InvalidDefinition: the file is a SQLite database of something else, or of another version.
        Unavailable, Damaged: see `explained`.
    """
    with explained(path):
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA page_size = 16384")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute("PRAGMA wal_autocheckpoint = 1024")
            connection.execute("PRAGMA secure_delete = ON")  # whatever is deleted is overwritten, always
            _ensure_schema(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open an existing file without the right to change it. Raises as `open_file`."""
    with explained(path):
        uri = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True)
        try:
            _check_kind(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _ensure_schema(connection: sqlite3.Connection, path: Path) -> None:
    if is_empty(connection):
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection):
            if is_empty(connection):  # nobody was faster
                for statement in SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute("INSERT INTO identity VALUES (lower(hex(randomblob(16))))")
    _check_kind(connection, path)


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the file is new: without any table."""
    return not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]


def _check_kind(connection: sqlite3.Connection, path: Path) -> None:
    if is_empty(connection):
        return
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        raise InvalidDefinition(f"stream {path}: is a SQLite database of another kind; name a file of its own")
    if version != VERSION:
        raise InvalidDefinition(f"stream {path}: has version {version}, this engine knows version {VERSION} only")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write as one: everything is committed, or nothing. Other writers wait up to `BUSY_SECONDS`."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # something raised, also the COMMIT itself, and SQLite did not roll back
            connection.rollback()


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """See one state of the file in several queries; blocks nobody."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system and SQLite raise into the engine's errors.

    Raises:
        Unavailable: the file is locked, full, read-only, missing, or the system failed to read or write it.
        Damaged: the file is not a database, or its contents contradict each other.
    """
    try:
        yield
    except OSError as error:
        raise Unavailable(f"stream {path}: cannot be opened: {error.strerror or error}") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code: the low byte of the extended one
        match code:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                said = f"another process has been writing for {BUSY_SECONDS:.0f} seconds"
            case sqlite3.SQLITE_FULL:
                said = "the disk is full"
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
                said = "the file or its folder is read-only"
            case sqlite3.SQLITE_CANTOPEN:
                said = "cannot be opened; the file or its folder may be read-only"
            case sqlite3.SQLITE_IOERR:
                said = "the system failed to read or write it; the disk may be full"
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                raise Damaged(
                    f"stream {path}: {error}; restore it, or finish or purge its unfinished launches and move it away"
                ) from error
            case _:
                raise
        raise Unavailable(f"stream {path}: {said} ({error})") from error
