"""Publishes under way: begun one before the other is acknowledged, told in order, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from campaigns.errors import Unavailable
from campaigns.launch.lanes import Lane
from campaigns.launch.outbox import Outbox
from campaigns.launch.reading import Publish
from campaigns.streams import Message, Messages

LANE = Lane(0)


class Blocking:
    """A publisher that notes what happens to it."""

    identity = "test"

    def __init__(self, happened: list[str]) -> None:
        self.happened = happened

    def publish(self, messages: Sequence[Message]) -> None:
        self.happened.append(f"publish {messages[0].key}")

    def close(self) -> None:
        pass


class Overlapping(Blocking):
    """The same with a publish that can be begun; the broker refuses those of the key `refused`."""

    def begin(self, messages: Sequence[Message]) -> Callable[[], None]:
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
    return Outbox(publisher, lambda _, publish: publisher.happened.append(f"told {publish.messages[0].key}"))


def publish(key: str) -> Publish:
    return Publish(0, [0], Messages([key], [b""], [key]))


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
    assert not any(entry.startswith("told") for entry in happened)
