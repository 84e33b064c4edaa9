"""What lies on the stream after a publish, and what a publish does when the server does not play along."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from dataclasses import replace
from random import Random
from zlib import crc32

import psutil
import pytest
from nats.js.api import StreamConfig

from campaigns.errors import InvalidData, NotFound, Terminated, Unavailable
from campaigns.streams import Message
from campaigns.streams.nats import NatsStream, flight
from campaigns.streams.nats.flight import Flight
from support.places import until
from support.proxy import ANSWERS_LOST, DOWN, GOOD, HALF_OPEN, Line, Proxy
from support.servers.nats import NatsServer

from .asking import ask


def messages(count: int, start: int = 0, size: int = 0, keys: int = 0) -> list[Message]:
    numbers = range(start, start + count)
    return [Message(f"corner-grocer/{n % keys if keys else n}", b"%d" % n + bytes(size), f"{n:032x}") for n in numbers]


def numbers_on(stream: NatsStream) -> list[int]:
    return [int(message.value.rstrip(b"\0")) for message in stream.read()]


def stopped(pid: int) -> bool:
    """Whether every thread stands still; a moment after SIGSTOP some may not yet."""
    threads = psutil.Process(pid).threads()
    return all(psutil.Process(thread.id).status() == psutil.STATUS_STOPPED for thread in threads)


def changed(stream: NatsStream, **limits: int) -> None:
    """Give the stream other limits."""
    config = ask(stream, lambda jetstream: jetstream.stream_info(stream.name)).config
    ask(stream, lambda jetstream: jetstream.update_stream(StreamConfig(**{**vars(config), **limits})))


def test_keys_land_where_their_crc_puts_them(stream: NatsStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish([*messages(200), Message("Zoë/é☕️", b"200", "zoe")])
    received = list(stream.read())
    assert len(received) == 201
    assert {m.partition for m in received} == {0, 1, 2, 3}
    for message in received:
        assert message.partition == crc32(message.key.encode()) % 4


def test_a_message_carries_its_id_its_key_and_that_it_is_a_cloudevent(stream: NatsStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish([Message("Zoë 100%", b"{}", "an id")])
    found = ask(stream, lambda jetstream: jetstream.get_msg(stream.name, 1))
    assert found.data == b"{}"
    assert found.headers == {
        "Nats-Msg-Id": "an%20id",
        "Campaigns-Key": "Zo%C3%AB%20100%25",
        "content-type": "application/cloudevents+json",
    }


@pytest.mark.parametrize("key", ["", " ", " padded ", "a\r\nNats-Rollup: all", "%41", "\x00", "x" * 3000])
def test_no_key_gets_lost_or_into_the_protocol(stream: NatsStream, key: str) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish([Message(key, b"v", key[:99])])
    assert [message.key for message in stream.read()] == [key]


def test_what_was_stored_is_not_stored_again(stream: NatsStream) -> None:
    for _ in range(2):
        with closing(stream.publisher()) as publisher:
            publisher.publish(messages(100))
    assert sorted(numbers_on(stream)) == list(range(100))


def test_one_id_for_two_messages_loses_the_second(stream: NatsStream) -> None:
    """The trap: why ids must contain all that tells events apart."""
    with closing(stream.publisher()) as publisher:
        publisher.publish([Message("one", b"1", "same"), Message("other", b"2", "same")])
    assert numbers_on(stream) == [1]


def test_many_more_than_may_be_on_their_way_arrive(stream: NatsStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish(messages(20_000))
        publisher.publish(messages(40, start=20_000, size=900_000))
    assert sorted(numbers_on(stream)) == list(range(20_040))


def test_messages_of_one_key_wait_for_each_other(stream: NatsStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish(messages(500, keys=1))
    assert numbers_on(stream) == list(range(500))


def test_a_message_larger_than_the_stream_takes_is_refused_by_its_size(stream: NatsStream) -> None:
    with closing(stream.publisher()) as before:
        changed(stream, max_msg_size=10_000)
        with closing(stream.publisher()) as after:
            for publisher in (before, after):  # one that learns it from the answer, one that knew when it opened
                with pytest.raises(InvalidData, match=r"a message of 20001 bytes is too large"):
                    publisher.publish(messages(1, size=20_000))
                publisher.publish(messages(1, start=7))
    assert numbers_on(stream) == [7]


def test_a_stream_that_is_full_says_so(stream: NatsStream) -> None:
    changed(stream, max_msgs=50)
    with closing(stream.publisher()) as publisher:
        with pytest.raises(Unavailable, match="maximum messages exceeded"):
            publisher.publish(messages(100))
        changed(stream, max_msgs=-1)
        publisher.publish(messages(100))
    assert sorted(numbers_on(stream)) == list(range(100))


def test_a_wait_for_a_server_that_does_not_answer_is_ended_by_the_check(
    own: NatsStream, own_server: NatsServer
) -> None:
    def check() -> None:
        if time.monotonic() - started > 0.5:
            raise Terminated("asked to end")

    with closing(replace(own, patience=60.0).publisher()) as publisher:
        publisher.publish(messages(10))
        os.kill(own_server.pid, signal.SIGSTOP)
        until("the server stands still", lambda: stopped(own_server.pid))
        try:
            started = time.monotonic()
            with pytest.raises(Terminated):
                publisher.publish(messages(10, start=10), check)
            assert time.monotonic() - started < 3
        finally:
            os.kill(own_server.pid, signal.SIGCONT)
        publisher.publish(messages(10, start=10))
    assert sorted(numbers_on(own)) == list(range(20))


def test_a_stream_that_was_deleted_meanwhile_is_told(stream: NatsStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish(messages(1))
        ask(stream, lambda jetstream: jetstream.delete_stream(stream.name))
        with pytest.raises(NotFound, match="campaigns stream create"):
            publisher.publish(messages(1, start=1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_server_killed_and_restarted_within_publishes_loses_nothing_and_reorders_nothing(
    own: NatsStream, own_server: NatsServer, seed: int
) -> None:
    chance, published, done = Random(seed), 0, threading.Event()

    def harm() -> None:
        for _ in range(3):
            done.wait(chance.uniform(0.1, 0.5))
            own_server.kill()
            done.wait(chance.uniform(0, 0.5))
            own_server.restart()

    harmed = threading.Thread(target=harm)
    harmed.start()
    with closing(own.publisher()) as publisher:
        while harmed.is_alive():
            publisher.publish(messages(2000, start=published, size=500, keys=300))
            published += 2000
    harmed.join()
    by_key: dict[str, list[int]] = {}
    for message in own.read():
        by_key.setdefault(message.key, []).append(int(message.value.rstrip(b"\0")))
    assert sorted(n for numbers in by_key.values() for n in numbers) == list(range(published))  # and none twice
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


@pytest.mark.slow
@pytest.mark.parametrize("line", [ANSWERS_LOST, HALF_OPEN, DOWN], ids=["answers-lost", "half-open", "down"])
def test_a_line_that_breaks_is_survived(stream: NatsStream, nats_server: NatsServer, line: Line) -> None:
    with Proxy(nats_server.address) as proxy:
        through = replace(stream, servers=proxy.address, config={"ping_interval": 0.5})
        with closing(through.publisher()) as publisher:
            publisher.publish(messages(10))
            proxy.line = line
            mended = threading.Timer(2.0, setattr, (proxy, "line", GOOD))
            mended.start()
            publisher.publish(messages(2000, start=10))
            mended.join()
            assert proxy.dropped or line is not ANSWERS_LOST
    assert sorted(numbers_on(stream)) == list(range(2010))


def test_answers_that_never_come_on_a_good_line_are_asked_for_again(
    stream: NatsStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, deaf = Flight._heard, iter(range(300))
    monkeypatch.setattr(flight, "OVERDUE_SECONDS", 0.3)
    monkeypatch.setattr(Flight, "_heard", lambda *answer: next(deaf, None) is None and heard(*answer))
    with closing(stream.publisher()) as publisher:
        publisher.publish(messages(500))
    assert next(deaf, None) is None
    assert sorted(numbers_on(stream)) == list(range(500))


@pytest.mark.slow
def test_a_server_away_for_longer_than_the_patience_is_told_and_published_to_when_it_is_back(
    own: NatsStream, own_server: NatsServer
) -> None:
    impatient = replace(own, patience=1.5)
    with closing(impatient.publisher()) as publisher:
        publisher.publish(messages(10))
        own_server.kill()
        started = time.monotonic()
        with pytest.raises(Unavailable, match=r"nothing was acknowledged for 1\.5 seconds"):
            publisher.publish(messages(10, start=10))
        for use in (impatient.publisher, lambda: impatient.subscriber("crm"), impatient.read):
            with pytest.raises(Unavailable, match=r"no connection within 1\.5 seconds: .*[Cc]onnect"):
                use()
        assert time.monotonic() - started < 12
        own_server.restart()
        publisher.publish(messages(10, start=10))
    assert sorted(numbers_on(impatient)) == list(range(20))


@pytest.mark.slow
def test_a_server_that_stands_still_is_told_and_let_go_of(own: NatsStream, own_server: NatsServer) -> None:
    impatient = replace(own, patience=2.0)
    with closing(impatient.publisher()) as publisher:
        publisher.publish(messages(10))
        os.kill(own_server.pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            with pytest.raises(Unavailable, match="nothing was acknowledged"):
                publisher.publish(messages(40, start=10, size=900_000))  # more than the sockets take
            assert time.monotonic() - started < 8
        finally:
            os.kill(own_server.pid, signal.SIGCONT)
        publisher.publish(messages(40, start=10, size=900_000))
    assert sorted(numbers_on(own)) == list(range(50))


def test_closing_ends_the_thread_and_a_second_time_does_nothing(stream: NatsStream) -> None:
    before = threading.active_count()
    publisher = stream.publisher()
    assert threading.active_count() == before + 1
    publisher.close()
    publisher.close()
    assert threading.active_count() == before
    with pytest.raises(ValueError, match="closed"):
        publisher.publish(messages(1))


def test_an_interrupted_publish_can_be_repeated(own: NatsStream, own_server: NatsServer) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with closing(own.publisher()) as publisher:
            os.kill(own_server.pid, signal.SIGSTOP)
            until("stopped", lambda: stopped(own_server.pid))
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(KeyboardInterrupt):
                publisher.publish(messages(10))
            os.kill(own_server.pid, signal.SIGCONT)
            publisher.publish(messages(10))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert sorted(numbers_on(own)) == list(range(10))
