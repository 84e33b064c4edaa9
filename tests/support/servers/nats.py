"""A real NATS server with JetStream on a free loopback port."""

from __future__ import annotations

import os
from pathlib import Path


class NatsServer:
    """A running server. `address` is host:port."""

    @classmethod
    def started(cls, folder: Path) -> NatsServer:
        raise NotImplementedError(os.name)

    def close(self) -> None:
        raise NotImplementedError
