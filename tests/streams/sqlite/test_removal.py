from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from campaigns.errors import Unavailable
from campaigns.streams import Message
from campaigns.streams.sqlite import SqliteStream, file, log
from campaigns.streams.sqlite.stream import SqlitePublisher

DAY = 86_400.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream(tmp_path: Path, clock: Clock) -> SqliteStream:
    return SqliteStream(tmp_path / "stream.db", retention=timedelta(days=7), clock=clock)


@pytest.fixture
def publisher(stream: SqliteStream) -> Iterator[SqlitePublisher]:
    with closing(stream.publisher()) as found:
        yield found


def test_retention_removes_what_is_older_and_keeps_what_is_not(
    stream: SqliteStream, publisher: SqlitePublisher, clock: Clock
) -> None:
    for day in range(30):
        clock.now = day * DAY
        publisher.publish([event(f"launch-{day}") for _ in range(10)])
    ages = [29 - int(json.loads(message.value)["source"].split("-")[1]) for message in stream.read()]
    assert sorted(set(ages)) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_a_segment_stays_until_its_youngest_message_is_past_the_retention(
    stream: SqliteStream, publisher: SqlitePublisher, clock: Clock
) -> None:
    publisher.publish([event("older")])
    clock.now = 0.5 * DAY
    publisher.publish([event("younger")])
    clock.now = 7.4 * DAY
    assert stream.expire() == 0
    clock.now = 7.6 * DAY
    assert stream.expire() == 2


def test_positions_go_on_after_everything_expired(
    stream: SqliteStream, publisher: SqlitePublisher, clock: Clock
) -> None:
    publisher.publish([event("a"), event("a")])
    clock.now = 8 * DAY
    assert stream.expire() == 2
    assert list(stream.read()) == []
    publisher.publish([event("b")])
    assert [message.position for message in stream.read()] == [2]


def test_a_group_behind_the_retention_goes_on_with_what_is_left(
    stream: SqliteStream, publisher: SqlitePublisher, clock: Clock
) -> None:
    publisher.publish([event("a")])
    clock.now = 8 * DAY
    publisher.publish([event("b")])
    stream.expire()
    with closing(stream.subscriber("crm")) as subscriber:
        assert [message.position for message in subscriber.poll(10, 0)] == [1]


def test_without_retention_nothing_expires(stream: SqliteStream, publisher: SqlitePublisher, clock: Clock) -> None:
    publisher.publish([event("a")])
    clock.now = 10_000 * DAY
    assert replace(stream, retention=None).expire() == 0
    assert len(list(stream.read())) == 1


def test_purge_removes_one_source_and_nothing_else(stream: SqliteStream, publisher: SqlitePublisher) -> None:
    mentions = Message("k", json.dumps({"source": "b", "data": {"source": "a", "text": '"source": "a"'}}).encode(), "")
    odd = [Message("k", value, "") for value in (b"not json \xff", b"", b'"a"', b"[]", b'{"source": 1}')]
    publisher.publish([event("a"), mentions, event("a"), event("b"), *odd])
    assert stream.purge("a") == 2
    assert [message.position for message in stream.read()] == [1, 3, 4, 5, 6, 7, 8]
    assert stream.purge("a") == 0


def test_a_source_is_found_however_json_writes_it(stream: SqliteStream, publisher: SqlitePublisher) -> None:
    publisher.publish([Message("k", rb'{ "id": "1", "source" : "\/caf\u00e9" }', "")])
    assert stream.purge("/café") == 1


def test_no_byte_of_a_purged_message_is_left_in_the_files(
    stream: SqliteStream, publisher: SqlitePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "SEGMENT_BYTES", 200_000)
    random = Random(5)
    sources = [f"source-{n}" for n in range(4)]
    for purged, source in enumerate(sources):  # interleaved, purged one by one, more written in between
        for _ in range(8):
            publisher.publish(
                [event(random.choice(sources[purged:]), random.choice([0, 30, 900, 4000])) for _ in range(80)]
            )
        assert bytes_on_disk(stream).count(f"secret of {source}".encode()) > 100
        assert stream.purge(source) > 100
        assert bytes_on_disk(stream).count(f"secret of {source}".encode()) == 0
        assert bytes_on_disk(stream).count(f"customer of {source}".encode()) == 0
        positions = [message.position for message in stream.read()]
        assert positions == sorted(set(positions))
    assert list(stream.read()) == []


def test_expired_messages_leave_no_byte_either(stream: SqliteStream, publisher: SqlitePublisher, clock: Clock) -> None:
    publisher.publish([event("a", 2000) for _ in range(100)])
    clock.now = 8 * DAY
    assert stream.expire() == 100
    stream.purge("nothing")  # empties the write-ahead log
    assert b"secret of a" not in bytes_on_disk(stream)


def test_a_purge_that_cannot_empty_the_log_says_so_and_the_next_one_does(
    stream: SqliteStream, publisher: SqlitePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.05)
    publisher.publish([event("a")])
    with closing(sqlite3.connect(stream.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM partitions").fetchall()
        with pytest.raises(Unavailable, match="1 messages of 'a' are removed, but another process"):
            stream.purge("a")
    assert stream.purge("a") == 0
    assert b"secret of a" not in bytes_on_disk(stream)


def test_purging_a_stream_that_does_not_exist_creates_none(stream: SqliteStream) -> None:
    assert stream.purge("a") == stream.expire() == 0
    assert not stream.path.exists()


def event(source: str, size: int = 10) -> Message:
    value = json.dumps({"source": source, "data": f"secret of {source} " * (1 + size // 20)})
    return Message(f"customer of {source}", value.encode(), "")


def bytes_on_disk(stream: SqliteStream) -> bytes:
    return b"".join(found.read_bytes() for found in stream.path.parent.glob("stream.db*"))
