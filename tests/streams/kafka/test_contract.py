from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from campaigns.streams.contract import Opened, StreamContract
from campaigns.streams.kafka import KafkaStream
from support.servers.kafka import KafkaServer

QUICK = {"session.timeout.ms": 1500, "heartbeat.interval.ms": 200, "max.poll.interval.ms": 1500}


@pytest.mark.slow
class TestKafkaStream(StreamContract):
    silence = 3.0
    too_large = 3 << 20

    @pytest.fixture
    def opened(self, kafka_server: KafkaServer) -> Opened:
        stream = KafkaStream(kafka_server.address, uuid4().hex, QUICK)

        def open_(partitions: int) -> KafkaStream:
            stream.create(partitions)
            return stream

        return open_

    @pytest.fixture
    def restarted(self, kafka_server: KafkaServer) -> Callable[[], None]:
        """The broker of all tests: with its folder and ports it comes back as it was."""

        def restart() -> None:
            kafka_server.kill()
            kafka_server.restart()

        return restart

    @pytest.fixture
    def unreachable(self) -> KafkaStream:
        return KafkaStream("127.0.0.1:1", "events", patience=1)
