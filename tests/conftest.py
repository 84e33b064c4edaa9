"""What every test may rely on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.servers.kafka import KafkaServer
from support.servers.nats import NatsServer
from support.servers.postgres import PostgresServer

TESTS = Path(__file__).parent

SERVERS = {"kafka_server", "nats_server", "postgres_server"}
"""Fixtures that start a real server."""

SLOW = {"cli", "docs", "fault", "launch", "samples"}
"""Folders of tests that start processes, or run whole launches."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a server `server`, and what takes long `slow`: the fast part leaves both out."""
    for item in items:
        if isinstance(item, pytest.Function) and SERVERS & set(item.fixturenames):
            item.add_marker(pytest.mark.server)
        if SLOW & set(item.path.relative_to(TESTS).parts):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the test run was started in the background: there SIGINT is ignored by default."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A Kafka broker for the whole run. Tests that kill or restart one start their own."""
    with closing(KafkaServer.started(tmp_path_factory.mktemp("kafka"))) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A NATS server with JetStream for the whole run. Tests that kill or restart one start their own."""
    with closing(NatsServer.started(tmp_path_factory.mktemp("nats"))) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run."""
    with closing(PostgresServer.started(tmp_path_factory.mktemp("postgres"))) as server:
        yield server
