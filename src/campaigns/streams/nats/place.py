"""Where a stream is: its servers, its name, and how to reach them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from campaigns.streams.nats.settings import Value, options

ANSWER_SECONDS = 10.0
"""How long servers may take to answer a question."""


class Place:
    """One stream of some servers. `patience` in seconds, `what` names the stream in errors."""

    def __init__(self, servers: str, name: str, config: Mapping[str, Value], patience: float, lease: float) -> None:
        self.name = name
        self.what = f"stream nats://{servers}/{name}"
        self.patience = patience
        self.lease = lease
        self.addresses = [f"nats://{server}" for server in servers.split(",")]
        self._config = config

    def options(self) -> dict[str, Any]:
        """What the client is told."""
        return options(self._config)

    @property
    def answer_seconds(self) -> float:
        """How long the servers may take to answer a question."""
        return min(ANSWER_SECONDS, self.patience)
