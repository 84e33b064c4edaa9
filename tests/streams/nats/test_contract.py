from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from campaigns.streams.contract import Opened, StreamContract
from campaigns.streams.nats import NatsStream
from support.servers.nats import NatsServer


@pytest.mark.slow
class TestNatsStream(StreamContract):
    silence = 2.0
    too_large = 3 << 20

    @pytest.fixture
    def opened(self, nats_server: NatsServer) -> Opened:
        stream = NatsStream(nats_server.address, uuid4().hex, lease=1.0)

        def open_(partitions: int) -> NatsStream:
            stream.create(partitions)
            return stream

        return open_

    @pytest.fixture
    def restarted(self, nats_server: NatsServer) -> Callable[[], None]:
        """The server of all tests: with its folder and port it comes back as it was."""

        def restart() -> None:
            nats_server.kill()
            nats_server.restart()

        return restart

    @pytest.fixture
    def unreachable(self) -> NatsStream:
        return NatsStream("127.0.0.1:1", "events", patience=1)
