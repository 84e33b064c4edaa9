"""Publishes under way: begun one before the other is acknowledged, told in order, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from campaigns.errors import Terminated, Unavailable
from campaigns.launch.lanes import Lane
from campaigns.launch.outbox import GRACE_SECONDS, Outbox, lenient
from campaigns.launch.reading import Publish
from campaigns.streams import Check, Message, patient

LANE = Lane(0)


class Blocking:
    """A publisher that notes what happens to it."""

    identity = "test"

    def __init__(self, happened: list[str]) -> None:
        self.happened = happened

    def publish(self, messages: Sequence[Message], check: Check = patient) -> None:
        self.happened.append(f"publish {messages[0].key}")

    def close(self) -> None:
        pass


class Overlapping(Blocking):
    """The same with a publish that can be begun; the broker refuses those of the key `refused`."""

    def begin(self, messages: Sequence[Message], check: Check = patient) -> Callable[[], None]:
        key = messages[0].key
        self.happened.append(f"begin {key}")

        def wait() -> None:
            self.happened.append(f"wait {key}")
            if key == "refused":
                raise Unavailable("no")

        return wait


@pytest.fixture
def happened() -> list[str]:
    return []


def outbox_of(publisher: Blocking) -> Outbox:
    return Outbox(publisher, patient, lambda _, publish: publisher.happened.append(f"told {publish.messages[0].key}"))


def publish(key: str) -> Publish:
    return Publish(0, pa.table({"row": [0], "key": [key], "value": [b""], "id": [key]}))


def test_a_publish_that_blocks_is_told_before_the_next_begins(happened: list[str]) -> None:
    outbox = outbox_of(Blocking(happened))
    assert outbox.at_once == 1
    for key in "ab":
        outbox.put(LANE, publish(key))
    outbox.settle()
    assert happened == ["publish a", "told a", "publish b", "told b"]


def test_a_publish_begins_before_the_one_before_is_waited_for_and_both_are_told_in_order(happened: list[str]) -> None:
    outbox = outbox_of(Overlapping(happened))
    assert outbox.at_once == 2
    for key in "abc":
        outbox.put(LANE, publish(key))
    assert happened == ["begin a", "begin b", "wait a", "told a", "begin c", "wait b", "told b"]
    outbox.settle()
    assert happened[-2:] == ["wait c", "told c"]


def test_nothing_after_a_publish_that_failed_is_told(happened: list[str]) -> None:
    outbox = outbox_of(Overlapping(happened))
    outbox.put(LANE, publish("refused"))
    with pytest.raises(Unavailable):
        outbox.put(LANE, publish("b"))
    outbox.settle()  # nothing is under way any more: a later one must not be told over the gap
    assert not any(entry.startswith("told") for entry in happened)


def test_what_is_under_way_is_waited_for_a_moment_when_the_launch_shall_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("campaigns.launch.outbox.time.monotonic", lambda: now)
    stopping = False

    def check() -> None:
        if stopping:
            raise Terminated("asked to end")

    asked = lenient(check)
    asked()
    stopping = True
    asked()
    now += GRACE_SECONDS / 2
    asked()
    now += GRACE_SECONDS
    with pytest.raises(Terminated):
        asked()
