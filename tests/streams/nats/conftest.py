"""A stream for each test, and a server for those that harm it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from campaigns.streams.nats import NatsStream
from support.servers.nats import NatsServer


@pytest.fixture
def stream(nats_server: NatsServer) -> NatsStream:
    """A stream of four partitions."""
    created = NatsStream(nats_server.address, uuid4().hex, patience=20, lease=1.0)
    created.create(4)
    return created


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server that the test may kill."""
    with closing(NatsServer.started(tmp_path)) as server:
        yield server


@pytest.fixture
def own(own_server: NatsServer) -> NatsStream:
    """A stream of four partitions on that server."""
    created = NatsStream(own_server.address, "events", patience=20, lease=1.0)
    created.create(4)
    return created
