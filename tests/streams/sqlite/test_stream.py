from __future__ import annotations

import os
import pickle
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.errors import Damaged, InvalidDefinition, Unavailable
from campaigns.streams import Message
from campaigns.streams.sqlite import SqliteStream, file, log

MESSAGES = [Message(f"k{n}", b"%d" % n, "") for n in range(10)]


@pytest.fixture
def stream(tmp_path: Path) -> SqliteStream:
    return SqliteStream(tmp_path / "stream.db")


def test_naming_a_stream_creates_no_file_and_reading_neither(stream: SqliteStream) -> None:
    assert list(stream.read()) == []
    assert pickle.loads(pickle.dumps(stream)) == stream  # noqa: S301 - it goes to other processes
    assert list(stream.path.parent.iterdir()) == []


def test_only_the_owner_may_read_the_files(stream: SqliteStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish(MESSAGES)
        files = sorted(stream.path.parent.iterdir())
        assert [found.name for found in files] == ["stream.db", "stream.db-shm", "stream.db-wal"]
        assert {stat.S_IMODE(found.stat().st_mode) for found in files} == {0o600}


def test_a_publish_waits_for_the_disk(stream: SqliteStream) -> None:
    with closing(file.open_file(stream.path)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_positions_are_contiguous_over_publishes_and_segments(
    stream: SqliteStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "SEGMENT_BYTES", 15)
    with closing(stream.publisher()) as publisher:
        for _ in range(5):
            publisher.publish(MESSAGES)
    assert [message.position for message in stream.read()] == list(range(50))
    with closing(stream.subscriber("crm")) as subscriber:
        assert [m.position for _ in range(9) for m in subscriber.poll(7, 0)] == list(range(50))


def test_a_publish_that_fails_half_way_leaves_nothing(stream: SqliteStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish(MESSAGES)
        with pytest.raises(UnicodeEncodeError):
            publisher.publish([*MESSAGES, Message("\ud800", b"no such character", "")])
        publisher.publish(MESSAGES)
    assert [message.position for message in stream.read()] == list(range(20))


def test_pages_end_before_they_grow_large(stream: SqliteStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish([Message("k", bytes(1 << 20), "")] * 10)
    with closing(stream.subscriber("crm")) as subscriber:
        assert [len(subscriber.poll(1000, 0)) for _ in range(4)] == [4, 4, 2, 0]


def test_topics_share_a_file(tmp_path: Path) -> None:
    events, batches = (SqliteStream(tmp_path / "s.db", topic, n) for topic, n in (("events", 2), ("events.1", 1)))
    for each in (events, batches):
        with closing(each.publisher()) as publisher:
            publisher.publish(MESSAGES)
    assert len(list(events.read())) == len(list(batches.read())) == 10


@pytest.mark.parametrize("partitions", [1, 3])
def test_the_number_of_partitions_is_fixed(tmp_path: Path, partitions: int) -> None:
    SqliteStream(tmp_path / "s.db", partitions=2).publisher().close()
    other = SqliteStream(tmp_path / "s.db", partitions=partitions)
    for use in (other.publisher, lambda: other.subscriber("crm"), other.read):
        with pytest.raises(InvalidDefinition, match=f"has 2 partitions for good, asked for {partitions}"):
            use()


@pytest.mark.parametrize("topic", ["", "Events", 'a"b', "a b", "-a", "a" * 101, "é"])
def test_a_topic_needs_a_plain_name(tmp_path: Path, topic: str) -> None:
    with pytest.raises(InvalidDefinition, match="a letter or digit first"):
        SqliteStream(tmp_path / "s.db", topic)


def test_numbers_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDefinition, match="0 partitions, need at least 1"):
        SqliteStream(tmp_path / "s.db", partitions=0)
    with pytest.raises(InvalidDefinition, match="retention 0:00:00, need more than 0"):
        SqliteStream(tmp_path / "s.db", retention=timedelta(0))
    with pytest.raises(InvalidDefinition, match="lease -1 day, 0:00:00, need more than 0"):
        SqliteStream(tmp_path / "s.db", lease=timedelta(days=-1))


def test_a_file_that_is_no_database_is_damaged_and_left_alone(stream: SqliteStream) -> None:
    stream.path.write_text("This is a shopping list. " * 1000)
    before = stream.path.read_bytes()
    for use in (stream.publisher, lambda: stream.subscriber("crm"), lambda: list(stream.read())):
        with pytest.raises(Damaged, match=r"stream\.db: file is not a database"):
            use()
    assert stream.path.read_bytes() == before


def test_overwritten_pages_are_damage_not_an_end_of_the_stream(stream: SqliteStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish([Message("k", bytes(1000), "")] * 2000)
    with stream.path.open("r+b") as broken:
        broken.seek(16384 * 20)
        broken.write(b"\xff" * 16384 * 100)
    with pytest.raises(Damaged, match=r"stream\.db: database disk image is malformed"):
        list(stream.read())


def test_a_database_of_something_else_is_refused_and_left_alone(stream: SqliteStream) -> None:
    with closing(sqlite3.connect(stream.path)) as other:
        other.execute("CREATE TABLE launches (id)")
    before = stream.path.read_bytes()
    for use in (stream.publisher, stream.read):
        with pytest.raises(InvalidDefinition, match="is a SQLite database of another kind"):
            use()
    assert stream.path.read_bytes() == before


def test_a_file_of_a_later_version_is_refused(stream: SqliteStream) -> None:
    stream.publisher().close()
    with closing(sqlite3.connect(stream.path)) as later:
        later.execute("PRAGMA user_version = 2")
    with pytest.raises(InvalidDefinition, match="has version 2, this engine knows version 1 only"):
        stream.publisher()


def test_an_empty_file_is_a_new_stream(stream: SqliteStream) -> None:
    stream.path.touch()
    assert list(stream.read()) == []
    stream.publisher().close()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"missing/s\.db: cannot be opened: No such file or directory"):
        SqliteStream(tmp_path / "missing" / "s.db").publisher()


def test_a_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be opened"):
        SqliteStream(tmp_path).publisher()


def test_another_writer_that_does_not_end_is_unavailable(stream: SqliteStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.05)
    with closing(stream.publisher()) as publisher, closing(sqlite3.connect(stream.path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="another process has been writing"):
            publisher.publish(MESSAGES)
        publisher.publish([])  # nothing to write, nothing to wait for
        assert list(stream.read()) == []  # readers do not wait for writers
        writer.rollback()
        publisher.publish(MESSAGES)


READ_ONLY = """
import os, sys
from pathlib import Path
from campaigns.errors import Unavailable
from campaigns.streams import Message
from campaigns.streams.sqlite import SqliteStream
path = Path(sys.argv[1])
path.chmod(0o444)
path.parent.chmod(0o555)
if os.geteuid() == 0:
    os.chdir(path.parent)  # the folders above may be root's alone
    path = Path(path.name)
    os.setuid(65534)
try:
    SqliteStream(path).publisher().publish([Message("k", b"v", "")])
except Unavailable as error:
    print(error)
"""


def test_a_read_only_file_is_unavailable(stream: SqliteStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish(MESSAGES)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, stream.path], capture_output=True, text=True, check=True, env=os.environ
    )
    stream.path.parent.chmod(0o755)
    assert "stream.db: " in done.stdout
    assert "read-only" in done.stdout
