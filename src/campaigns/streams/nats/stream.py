"""A JetStream stream as its users name it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from campaigns.errors import InvalidDefinition
from campaigns.streams.nats import layout
from campaigns.streams.nats.link import Link
from campaigns.streams.nats.place import Place
from campaigns.streams.nats.publisher import NatsPublisher
from campaigns.streams.nats.reader import read
from campaigns.streams.nats.settings import Value, check
from campaigns.streams.nats.subscriber import NatsSubscriber
from campaigns.streams.port import Received

NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class NatsStream:
    """A stream of JetStream; a `Stream` and `Creatable`.

    `servers` is `host:port[,host:port]`. `config` holds options of nats-py's `connect`, and the files of TLS:
    `tls_ca`, `tls_cert`, `tls_key`, `tls_key_password`. `patience` is for how many seconds nothing may be
    acknowledged until `Unavailable` is raised, `lease` how long a subscriber may stay silent before others take its
    partitions, in seconds; it must be the same for all members of a group.

    Raises:
        InvalidDefinition: a name that is no subject, no positive time, or an option that contradicts the stream's
            promises. Files of TLS are looked at when a publisher or subscriber is opened.
    """

    servers: str
    name: str
    config: Mapping[str, Value] = field(default_factory=dict, repr=False)  # may hold a password
    patience: float = field(default=60.0, kw_only=True)
    lease: float = field(default=30.0, kw_only=True)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InvalidDefinition(f"stream {self.name!r}: use at most 100 of a-z A-Z 0-9 _ -")
        for name, seconds in (("patience", self.patience), ("lease", self.lease)):
            if seconds <= 0:
                raise InvalidDefinition(f"stream {self.name!r}: {name} {seconds:g}, need more than 0")
        check(self.config)

    def publisher(self) -> NatsPublisher:
        """Open a publisher; see `Stream.publisher`.

        Raises NotFound if the stream does not exist, Unavailable if no server answers within 10 seconds.
        """
        return NatsPublisher(self._place)

    def subscriber(self, group: str) -> NatsSubscriber:
        """Join a consumer group; see `Stream.subscriber`. Raises as `publisher`."""
        return NatsSubscriber(self._place, group)

    def read(self) -> Iterator[Received]:
        """Everything on the stream now, in the order in which it was stored; see `Stream.read`."""
        return read(self._place)

    def create(self, partitions: int, replication: int = 1, min_insync_replicas: int = 1) -> None:
        """Create the stream; see `Creatable.create`.

        A message is acknowledged when a majority of its `replication` copies is written, always: so
        `min_insync_replicas` may be anything up to that majority.
        """
        majority = replication // 2 + 1
        if not 1 <= replication <= 5:
            raise InvalidDefinition(f"stream {self.name!r}: {replication} replicas, JetStream keeps 1 to 5")
        if not 1 <= min_insync_replicas <= majority:
            raise InvalidDefinition(
                f"stream {self.name!r}: {min_insync_replicas} in-sync replicas of {replication}; JetStream "
                f"acknowledges when a majority has the message, {majority} here: ask for 1 to {majority}"
            )
        if partitions < 1:
            raise InvalidDefinition(f"stream {self.name!r}: {partitions} partitions, need at least 1")
        with closing(Link(self._place)) as link:
            link.call(layout.create(link, partitions, replication))

    @property
    def _place(self) -> Place:
        return Place(self.servers, self.name, self.config, self.patience, self.lease)
