# ruff: noqa: S101 - these are tests
"""The ports' promises as tests. Every stream runs them, also a third party's:

    class TestMyStream(StreamContract):
        @pytest.fixture
        def opened(self, my_server):
            topic = uuid4().hex
            return lambda partitions: MyStream(my_server, topic, partitions)

Needs pytest and psutil, and is not imported by the engine.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import psutil
import pytest

from campaigns.errors import InvalidData, Unavailable
from campaigns.streams.port import Lost, Message, Received, Stream, Subscriber

Opened = Callable[[int], Stream]
"""Opens the test's own stream, empty at first, with that many partitions; each call opens it anew."""


class StreamContract:
    """Subclass it and override `opened`; set the times to what the stream needs."""

    patience = 30.0
    """Seconds within which a message must arrive, and a member that joins or closes must show its effect."""

    silence = 3.0
    """Seconds after which a member that does not poll has lost its partitions to one that does."""

    too_large: int | None = None
    """Bytes of a message that the stream refuses; None if it refuses none that a test could make."""

    @pytest.fixture
    def opened(self) -> Opened:
        raise NotImplementedError("override the fixture `opened`")

    @pytest.fixture
    def restarted(self) -> Callable[[], None]:
        """Kills the stream's server and starts it again. A stream without a server has nothing to do."""
        return lambda: None

    @pytest.fixture
    def unreachable(self) -> Stream:
        """A stream in a place that does not answer."""
        pytest.skip("no place of this stream can be out of reach")

    # What is published is there

    def test_every_message_arrives_as_it_was_published(self, opened: Opened) -> None:
        messages = numbered(1000)
        publish(opened(4), messages)
        with member(opened(4), "crm") as subscriber:
            received = self.receive(subscriber, len(messages))
        assert sorted(content(received)) == sorted((m.key, m.value) for m in messages)

    def test_a_stream_keeps_its_identity(self, opened: Opened) -> None:
        identities = set()
        for start in (0, 10):
            publisher = opened(4).publisher()
            identities.add(publisher.identity)
            publisher.publish(numbered(10, start=start))
            publisher.close()
        assert len(identities) == 1
        assert identities != {""}

    def test_messages_of_one_key_keep_their_order(self, opened: Opened) -> None:
        for start in range(0, 300, 100):
            publish(opened(4), numbered(100, start=start, keys=7))
        with member(opened(4), "crm") as subscriber:
            received = self.receive(subscriber, 300)
        by_key = defaultdict(list)
        for message in received:
            by_key[message.key].append(int(message.value))
        assert len(by_key) == 7
        assert all(values == sorted(values) for values in by_key.values())

    def test_a_key_stays_in_its_partition_and_positions_grow(self, opened: Opened) -> None:
        publish(opened(4), numbered(400, keys=20))
        received = list(opened(4).read())
        assert len({(message.key, message.partition) for message in received}) == 20
        for partition in range(4):
            positions = [message.position for message in received if message.partition == partition]
            assert positions == sorted(set(positions))

    def test_bytes_and_unicode_keys_are_kept_exactly(self, opened: Opened) -> None:
        keys = ["corner-grocer/17", "Zoë/é", "e\u0301/☕️", "quote'\"/%_", "long/" + "x" * 300]
        values = [bytes(range(256)), b"", b"\x00\x00", b"\xff\xfe not utf-8", '{"name":"Zoë"}'.encode()]
        messages = [Message(key, value, f"{n:032x}") for n, (key, value) in enumerate(zip(keys, values, strict=True))]
        publish(opened(1), messages)
        assert content(opened(1).read()) == [(m.key, m.value) for m in messages]

    def test_a_message_of_a_megabyte_arrives(self, opened: Opened) -> None:
        value = bytes(range(256)) * 3900  # just below the million bytes that brokers allow by default
        publish(opened(1), [Message("large", value, f"{1:032x}")])
        with member(opened(1), "crm") as subscriber:
            assert content(self.receive(subscriber, 1)) == [("large", value)]

    def test_publishing_nothing_does_nothing(self, opened: Opened) -> None:
        publish(opened(1), [])
        assert list(opened(1).read()) == []

    def test_what_publish_returned_from_is_there_after_reopening(self, opened: Opened) -> None:
        publisher = opened(1).publisher()
        publisher.publish(numbered(10))
        seen_while_open = content(opened(1).read())
        publisher.close()
        publisher.close()
        assert seen_while_open == content(opened(1).read()) == [(m.key, m.value) for m in numbered(10)]

    def test_what_was_published_and_acknowledged_survives_the_server(
        self, opened: Opened, restarted: Callable[[], None]
    ) -> None:
        with closing(opened(1).publisher()) as publisher:
            publisher.publish(numbered(10))
            with member(opened(1), "crm") as subscriber:
                subscriber.acknowledge(0, self.receive(subscriber, 10)[3].position + 1)
            restarted()
            publisher.publish(numbered(10, start=10))
        with member(opened(1), "crm") as subscriber:
            assert [int(message.value) for message in self.receive(subscriber, 16)] == list(range(4, 20))
        assert [int(message.value) for message in opened(1).read()] == list(range(20))

    # Refusals

    def test_a_message_that_is_too_large_is_refused_and_others_are_not(self, opened: Opened) -> None:
        if self.too_large is None:
            pytest.skip("refuses no message for its size")
        with closing(opened(1).publisher()) as publisher:
            with pytest.raises(InvalidData, match="large"):
                publisher.publish([Message("large", bytes(self.too_large), f"{99:032x}")])
            publisher.publish(numbered(10))
        assert content(opened(1).read()) == [(m.key, m.value) for m in numbered(10)]

    def test_a_place_that_does_not_answer_is_told_at_once(self, unreachable: Stream) -> None:
        for use in (unreachable.publisher, lambda: unreachable.subscriber("crm")):
            with pytest.raises(Unavailable):
                use()

    # Reading without a group

    def test_reading_a_stream_that_does_not_exist_yet_is_empty(self, opened: Opened) -> None:
        assert list(opened(1).read()) == []

    def test_reading_ends_where_the_stream_ended_at_the_call(self, opened: Opened) -> None:
        publish(opened(1), numbered(10))
        reading = opened(1).read()
        publish(opened(1), numbered(10, start=10))
        assert [int(message.value) for message in reading] == list(range(10))

    def test_reading_has_no_effect_on_a_group(self, opened: Opened) -> None:
        publish(opened(1), numbered(10))
        assert len(list(opened(1).read())) == 10
        with member(opened(1), "crm") as subscriber:
            assert len(self.receive(subscriber, 10)) == 10
        assert len(list(opened(1).read())) == 10

    # Acknowledging

    def test_unacknowledged_messages_return_after_a_restart(self, opened: Opened) -> None:
        publish(opened(1), numbered(10))
        with member(opened(1), "crm") as subscriber:
            fourth = self.receive(subscriber, 10)[3]
            subscriber.acknowledge(0, fourth.position + 1)
        with member(opened(1), "crm") as subscriber:
            assert [int(message.value) for message in self.receive(subscriber, 6)] == [4, 5, 6, 7, 8, 9]

    def test_acknowledging_a_lower_position_changes_nothing(self, opened: Opened) -> None:
        publish(opened(1), numbered(10))
        with member(opened(1), "crm") as subscriber:
            received = self.receive(subscriber, 10)
            subscriber.acknowledge(0, received[8].position + 1)
            subscriber.acknowledge(0, received[2].position + 1)
        with member(opened(1), "crm") as subscriber:
            assert [int(message.value) for message in self.receive(subscriber, 1)] == [9]

    def test_everything_acknowledged_means_nothing_returns(self, opened: Opened) -> None:
        publish(opened(1), numbered(10))
        with member(opened(1), "crm") as subscriber:
            subscriber.acknowledge(0, self.receive(subscriber, 10)[-1].position + 1)
        publish(opened(1), numbered(1, start=10))
        with member(opened(1), "crm") as subscriber:
            assert [int(message.value) for message in self.receive(subscriber, 1)] == [10]

    def test_polling_respects_its_limit_and_returns_empty_after_the_timeout(self, opened: Opened) -> None:
        with member(opened(1), "crm") as subscriber:
            assert list(subscriber.poll(10, 0.2)) == []
            publish(opened(1), numbered(10))
            assert list(subscriber.poll(0, 0)) == []
            sizes: list[int] = []
            while sum(sizes) < 10:
                sizes.append(len(subscriber.poll(3, self.patience)))
            assert all(1 <= size <= 3 for size in sizes)

    # Groups

    def test_two_groups_each_receive_everything(self, opened: Opened) -> None:
        publish(opened(1), numbered(10))
        with member(opened(1), "crm") as one, member(opened(1), "analysis") as other:
            one.acknowledge(0, self.receive(one, 10)[-1].position + 1)
            assert len(self.receive(other, 10)) == 10

    def test_members_share_the_partitions_and_the_messages(self, opened: Opened) -> None:
        with member(opened(4), "crm") as one, member(opened(4), "crm") as other:
            self.settle(one, other, partitions=4)
            assert len(one.assigned) == len(other.assigned) == 2
            publish(opened(4), numbered(200))
            received = self.receive(one, 200, other)
        assert sorted(int(message.value) for message in received) == list(range(200))

    def test_a_member_that_closes_hands_over_what_it_did_not_acknowledge(self, opened: Opened) -> None:
        publish(opened(2), numbered(50))
        with member(opened(2), "crm") as stays:
            with member(opened(2), "crm") as leaves:
                self.settle(stays, leaves, partitions=2)
                (partition,) = leaves.assigned
                self.receive(leaves, 1)
            expected = {m.value for m in opened(2).read() if m.partition == partition}
            taken_over = set[bytes]()
            for _ in self.until(f"partition {partition} handed over"):
                taken_over |= {m.value for m in stays.poll(100, 0.1) if m.partition == partition}
                if taken_over == expected:
                    break
            assert stays.assigned == {0, 1}

    def test_a_silent_member_loses_its_partitions(self, opened: Opened) -> None:
        publish(opened(1), numbered(10))
        with member(opened(1), "crm") as silent:
            received = self.receive(silent, 10)
            silent.acknowledge(0, received[1].position + 1)
            time.sleep(self.silence)
            with member(opened(1), "crm") as successor:
                assert [int(message.value) for message in self.receive(successor, 8)] == list(range(2, 10))
                with pytest.raises(Lost, match="partition 0"):
                    silent.acknowledge(0, received[9].position + 1)
                successor.acknowledge(0, received[4].position + 1)
        with member(opened(1), "crm") as last:
            assert [int(message.value) for message in self.receive(last, 5)] == [5, 6, 7, 8, 9]

    # Bounds

    def test_a_stalled_member_does_not_grow_memory(self, opened: Opened) -> None:
        publish(opened(1), numbered(1))
        with member(opened(1), "crm") as subscriber:
            self.receive(subscriber, 1)
            before = psutil.Process().memory_info().rss
            for start in range(1, 161, 8):
                publish(opened(1), [Message("k", bytes(900_000), f"{start + n:032x}") for n in range(8)])
                assert list(subscriber.poll(0, 0)) == []
            assert psutil.Process().memory_info().rss - before < 64 << 20  # of 144 MB published
            received = 0
            while received < 160:
                received += len(subscriber.poll(1000, self.patience))
                assert psutil.Process().memory_info().rss - before < 64 << 20

    # How the tests wait

    def until(self, what: str) -> Iterator[None]:
        """Try again until the caller breaks out; fail when `patience` runs out."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            yield
        pytest.fail(f"{what}: not within {self.patience} seconds")

    def receive(self, subscriber: Subscriber, count: int, *others: Subscriber) -> list[Received]:
        """What the members receive, in this order, until there are `count` messages; more are an error."""
        received: list[Received] = []
        for _ in self.until(f"{count} messages"):
            for each in (subscriber, *others):
                received.extend(each.poll(count, 0.1))
            if len(received) >= count:
                break
        assert len(received) == count
        return received

    def settle(self, *members: Subscriber, partitions: int) -> None:
        """Poll until the members share all partitions and none has more than its share."""
        most = -(-partitions // len(members))
        for _ in self.until(f"{partitions} partitions shared by {len(members)}"):
            for each in members:
                each.poll(0, 0)
            shares = [each.assigned for each in members]
            if sum(map(len, shares)) == partitions == len(frozenset().union(*shares)) and max(map(len, shares)) <= most:
                break
            time.sleep(0.02)


@contextmanager
def member(stream: Stream, group: str) -> Iterator[Subscriber]:
    """A member of the group while the block runs."""
    with closing(stream.subscriber(group)) as subscriber:
        yield subscriber


def publish(stream: Stream, messages: Sequence[Message]) -> None:
    """Publish with a publisher of its own."""
    with closing(stream.publisher()) as publisher:
        publisher.publish(messages)


def numbered(count: int, start: int = 0, keys: int = 10) -> list[Message]:
    """Messages whose values are the numbers from `start`, over `keys` different keys."""
    return [Message(f"marketplace/{n % keys}", str(n).encode(), f"{n:032x}") for n in range(start, start + count)]


def content(messages: Sequence[Received] | Iterator[Received]) -> list[tuple[str, bytes]]:
    """Key and value of each message."""
    return [(message.key, message.value) for message in messages]
