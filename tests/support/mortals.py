"""Servers that a test may kill, and a place whose broker is one, behind a proxy."""

from __future__ import annotations

from dataclasses import dataclass

from support.places import Place, stream_at
from support.proxy import Proxy
from support.servers.kafka import KafkaServer
from support.servers.nats import NatsServer
from support.servers.postgres import PostgresServer
from support.tally import TALLY


class Mortal:
    """A server that a test may kill; whoever has it next finds it alive."""

    def __init__(self, name: str, server: KafkaServer | NatsServer | PostgresServer) -> None:
        self._name, self._server = name, server
        self._dead = False

    def kill(self) -> None:
        """kill -9."""
        self._server.kill()
        self._dead = True
        TALLY.faults[f"{self._name} killed"] += 1

    def restart(self) -> None:
        """Start it again; returns when it answers."""
        self._server.restart()
        self._dead = False

    def revive(self) -> None:
        """Start it again if it is dead."""
        if self._dead:
            self.restart()


@dataclass
class Distant:
    """A place whose broker is behind a proxy, and may be killed."""

    place: Place
    broker: Mortal
    proxy: Proxy
    url: str
    direct_url: str

    def waits(self, seconds: float) -> None:
        """Launchers here give up when nothing was acknowledged for so long."""
        self.place.names_stream(self.url, patience=seconds)

    def stored(self) -> int:
        """How many events the broker has, whatever the line is like."""
        return sum(1 for _ in stream_at(self.direct_url).read())
