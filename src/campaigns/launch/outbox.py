"""The outbox: publishes that are under way, waited for in the order in which they were begun."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from campaigns.launch.lanes import Lane
from campaigns.launch.reading import Publish
from campaigns.streams import Overlapping, Publisher


class Outbox:
    """Puts publishes on the stream, two at once where it can, and tells of each when the stream has acknowledged it.

    `at_once` is how many may be under way. No key is in two publishes of a launch, so they may overtake each other;
    they are told in order all the same, and the checkpoint of a lane has no gap.
    """

    def __init__(self, publisher: Publisher, acknowledged: Callable[[Lane, Publish], None]) -> None:
        self._publisher = publisher
        self._acknowledged = acknowledged
        self._under_way: deque[tuple[Callable[[], None], Lane, Publish]] = deque()
        self.at_once = 2 if isinstance(publisher, Overlapping) else 1

    def put(self, lane: Lane, publish: Publish) -> None:
        """Begin a publish, and wait for one if there are as many as may be. Raises as `Publisher.publish`."""
        self._under_way.append((self._begun(publish), lane, publish))
        if len(self._under_way) >= self.at_once:
            self._settle()

    def settle(self) -> None:
        """Wait for all that is under way. Raises as `Publisher.publish`."""
        while self._under_way:
            self._settle()

    def _begun(self, publish: Publish) -> Callable[[], None]:
        if isinstance(self._publisher, Overlapping):
            return self._publisher.begin(publish.messages)
        return partial(self._publisher.publish, publish.messages)

    def _settle(self) -> None:
        wait, lane, publish = self._under_way.popleft()
        wait()
        self._acknowledged(lane, publish)
