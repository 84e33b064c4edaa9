from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.streams import Lost, Message
from campaigns.streams.sharing import fair_share
from campaigns.streams.sqlite import SqliteStream
from campaigns.streams.sqlite.subscriber import SqliteSubscriber


class Clock:
    """Seconds that pass when a test says so."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream(tmp_path: Path, clock: Clock) -> SqliteStream:
    found = SqliteStream(tmp_path / "stream.db", partitions=4, lease=timedelta(seconds=30), clock=clock)
    with closing(found.publisher()) as publisher:
        publisher.publish([Message(f"k{n}", b"%d" % n, "") for n in range(100)])
    return found


@pytest.fixture
def members(stream: SqliteStream) -> Iterator[list[SqliteSubscriber]]:
    found = [stream.subscriber("crm") for _ in range(3)]
    yield found
    for member in found:
        member.close()


@given(st.sets(st.text(min_size=1), min_size=1, max_size=12), st.integers(1, 40))
@settings(max_examples=100)
def test_fair_shares_add_up_and_differ_by_one_at_most(members: set[str], partitions: int) -> None:
    shares = [fair_share(members, member, partitions) for member in members]
    assert sum(shares) == partitions
    assert max(shares) - min(shares) <= 1


def test_members_settle_at_their_share_and_then_only_read(
    members: list[SqliteSubscriber], stream: SqliteStream
) -> None:
    poll_all(members, rounds=3)
    assert sorted(len(member.assigned) for member in members) == [1, 1, 2]
    assert frozenset().union(*(member.assigned for member in members)) == {0, 1, 2, 3}
    written = (stream.path.parent / "stream.db-wal").stat().st_mtime_ns
    poll_all(members, rounds=5)
    assert (stream.path.parent / "stream.db-wal").stat().st_mtime_ns == written


def test_members_with_nothing_to_do_keep_their_partitions_by_polling(
    members: list[SqliteSubscriber], clock: Clock
) -> None:
    poll_all(members, rounds=3)
    before = [member.assigned for member in members]
    for _ in range(10):
        clock.now += 20
        for member in members:
            member.poll(0, 0)
            assert [member.assigned for member in members] == before


def test_a_dead_members_partitions_return_when_its_lease_ends_not_before(
    members: list[SqliteSubscriber], clock: Clock
) -> None:
    one, other, _ = members
    poll_all([one, other], rounds=3)
    clock.now += 29
    one.poll(0, 0)
    assert len(one.assigned) == 2
    clock.now += 2
    one.poll(0, 0)
    assert one.assigned == {0, 1, 2, 3}


def test_a_woken_member_learns_that_it_lost_and_receives_again_what_was_open(
    members: list[SqliteSubscriber], clock: Clock
) -> None:
    woken, other, _ = members
    before = woken.poll(5, 0)
    clock.now += 31
    other.poll(0, 0)
    with pytest.raises(Lost, match=f"group 'crm': partition {before[0].partition} belongs to another member"):
        woken.acknowledge(before[0].partition, before[-1].position + 1)
    other.close()
    again = [message for _ in range(4) for message in woken.poll(5, 0)]
    assert [message for message in again if message.partition == before[0].partition] == list(before)
    woken.acknowledge(before[0].partition, before[-1].position + 1)


def test_an_expired_lease_that_nobody_took_is_still_ours(members: list[SqliteSubscriber], clock: Clock) -> None:
    one = members[0]
    first = one.poll(5, 0)
    clock.now += 1000
    one.acknowledge(first[0].partition, first[-1].position + 1)
    second = one.poll(5, 0)
    assert all(message not in first for message in second)


def test_partitions_take_turns(members: list[SqliteSubscriber]) -> None:
    served = [{message.partition for message in members[0].poll(1, 0)} for _ in range(8)]
    assert served == [{0}, {1}, {2}, {3}] * 2


def test_what_was_not_received_cannot_be_acknowledged(members: list[SqliteSubscriber]) -> None:
    last = members[0].poll(5, 0)[-1]
    with pytest.raises(ValueError, match=r"acknowledge 6 of partition 0: .* before 5"):
        members[0].acknowledge(last.partition, last.position + 2)


def test_a_group_of_another_topic_is_another_group(tmp_path: Path) -> None:
    for topic in ("events", "batches"):
        stream = SqliteStream(tmp_path / "stream.db", topic)
        with closing(stream.publisher()) as publisher, closing(stream.subscriber("crm")) as subscriber:
            publisher.publish([Message("k", topic.encode(), "")])
            assert [message.value for message in subscriber.poll(10, 0)] == [topic.encode()]
            subscriber.acknowledge(0, 1)


def poll_all(members: list[SqliteSubscriber], rounds: int) -> None:
    for _ in range(rounds):
        for member in members:
            member.poll(0, 0)
