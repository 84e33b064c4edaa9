"""A real Kafka broker (4.x, KRaft, one node) on free loopback ports."""

from __future__ import annotations

import os
from pathlib import Path


class KafkaServer:
    """A running broker. `address` is host:port."""

    @classmethod
    def started(cls, folder: Path) -> KafkaServer:
        raise NotImplementedError(os.name)

    def close(self) -> None:
        raise NotImplementedError
