"""A dry run: the launch itself, with a publisher that counts where the real one would send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Event

import pyarrow.compute as pc

from campaigns.launch.run import Ports, Watch, run
from campaigns.ledger import Launch
from campaigns.streams import Check, Message, Messages, Publisher, patient


class Counting:
    """Counts what it is given. The real publisher is opened, so that a dead broker is told, and gets nothing."""

    def __init__(self, real: Publisher) -> None:
        self._real = real
        self.bytes = 0

    @property
    def identity(self) -> str:
        """See `Publisher.identity`."""
        return self._real.identity

    def publish(self, messages: Sequence[Message], check: Check = patient) -> None:
        """Count the bytes of the values."""
        self.bytes += pc.sum(pc.binary_length(Messages.of(messages).table["value"])).as_py() or 0

    def close(self) -> None:
        """See `Publisher.close`."""
        self._real.close()


def dry_run(
    claim: Launch, ports: Ports, watch: Watch | None, stop: Event | None, *, confirm: bool
) -> tuple[Launch, int]:
    """The launch as it would be, and the bytes of its events; nothing leaves, so nothing waits for a rate.

    `ports` has a ledger and a folder for snapshots to throw away. Raises as `run`.
    """
    opened: list[Counting] = []

    def publisher() -> Publisher:
        opened.append(Counting(ports.publisher()))
        return opened[-1]

    done = run(claim, replace(ports, publisher=publisher, paced=False), watch, stop, confirm=confirm)
    return done, sum(each.bytes for each in opened)
