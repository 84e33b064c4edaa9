"""A topic for each test."""

from __future__ import annotations

from uuid import uuid4

import pytest

from campaigns.streams.kafka import KafkaStream
from support.servers.kafka import KafkaServer


@pytest.fixture
def stream(kafka_server: KafkaServer) -> KafkaStream:
    """A topic of four partitions."""
    created = KafkaStream(kafka_server.address, uuid4().hex, patience=20)
    created.create(4)
    return created
