"""The outbox: publishes that are under way, waited for in the order in which they were begun."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial

from campaigns.errors import CampaignsError
from campaigns.launch.lanes import Lane
from campaigns.launch.reading import Publish
from campaigns.streams import Check, Overlapping, Publisher

GRACE_SECONDS = 0.8
"""How long what is under way may still be waited for when a launch shall stop."""


def lenient(check: Check) -> Check:
    """The check for what is under way: it lets pass what `check` raises until `GRACE_SECONDS` after the first time."""
    first: list[float] = []

    def asked() -> None:
        try:
            check()
        except CampaignsError:
            first.append(time.monotonic())
            if first[-1] - first[0] >= GRACE_SECONDS:
                raise

    return asked


class Outbox:
    """Puts publishes on the stream, two at once where it can, and tells of each when the stream has acknowledged it.

    `check` is asked while a publish waits for its server. `at_once` is how many may be under way. No key is in two
    publishes of a launch, so they may overtake each other; they are told in order all the same, and the checkpoint of a
    lane has no gap.
    """

    def __init__(self, publisher: Publisher, check: Check, acknowledged: Callable[[Lane, Publish], None]) -> None:
        self._publisher = publisher
        self._check = check
        self._acknowledged = acknowledged
        self._under_way: deque[tuple[Callable[[], None], Lane, Publish]] = deque()
        self.at_once = 2 if isinstance(publisher, Overlapping) else 1

    def put(self, lane: Lane, publish: Publish) -> None:
        """Begin a publish, and wait for one if there are as many as may be. Raises as `Publisher.publish`."""
        self._under_way.append((self._begun(publish), lane, publish))
        if len(self._under_way) >= self.at_once:
            self._settle()

    def settle(self) -> None:
        """Wait for all that is under way. Raises as `Publisher.publish`; then nothing is under way any more."""
        while self._under_way:
            self._settle()

    def _begun(self, publish: Publish) -> Callable[[], None]:
        if isinstance(self._publisher, Overlapping):
            return self._publisher.begin(publish.messages, self._check)
        return partial(self._publisher.publish, publish.messages, self._check)

    def _settle(self) -> None:
        wait, lane, publish = self._under_way.popleft()
        try:
            wait()
            self._acknowledged(lane, publish)
        except BaseException:
            self._under_way.clear()  # what comes after a gap must not move a checkpoint
            raise
