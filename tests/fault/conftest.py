"""Places to disturb: a shop on each kind of stream and ledger, servers that may be killed, and the summary."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from campaigns.app import Campaigns
from support.mortals import Distant, Mortal
from support.places import Place, new_stream
from support.proxy import GOOD, Proxy
from support.servers.kafka import KafkaServer
from support.servers.nats import NatsServer
from support.servers.postgres import PostgresServer
from support.shop import copies, expected_ids, make_shop, stream_of
from support.tally import TALLY
from support.workspaces import AS_OF

BROKERS = {"kafka": "kafka_server", "nats": "nats_server"}
KINDS = ["sqlite", *(pytest.param(name, marks=pytest.mark.server) for name in (*BROKERS, "postgres"))]


LONG = int(os.environ.get("CAMPAIGNS_KILLS", "0")) >= 200
"""Whether this is `make test-faults`."""


def pytest_configure(config: pytest.Config) -> None:
    """What this suite marks."""
    config.addinivalue_line(
        "markers", "thinned(*always): outside the long version a case runs on one kind, in turn, and on those always"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is thinned. Every kind has its turn within every test."""
    kinds: dict[str, list[object]] = {}
    cases: dict[str, list[object]] = {}
    thinned = []
    for item in items:
        marker = item.get_closest_marker("thinned")
        if marker and isinstance(item, pytest.Function):
            case = dict(item.callspec.params)
            kind = case.pop("place", None) or case.pop("distant")
            for seen, value in ((kinds, kind), (cases, case)):
                if value not in seen.setdefault(item.originalname, []):
                    seen[item.originalname].append(value)
            thinned.append((item, kind, case, marker.args))
    left_out = set()
    for item, kind, case, always in thinned:
        turns = kinds[item.originalname]
        turn = turns[cases[item.originalname].index(case) % len(turns)]
        if not LONG and kind not in (*always, turn):
            left_out.add(item)
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was done and found, all tests together."""
    if TALLY.runs:
        terminalreporter.section("faults")
        for line in TALLY.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a secret, where nothing was launched yet."""
    root = make_shop(tmp_path_factory.mktemp("shop") / "shop")
    (root / ".campaigns").mkdir(mode=0o700)
    (root / ".campaigns" / "secret").write_text("0123456789abcdef" * 4)
    return root


@pytest.fixture(scope="session")
def undisturbed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The events of the launch `spring` by id, from a launch that nothing happened to."""
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("undisturbed") / "shop"))
    Campaigns(root).launch("winback", AS_OF, "spring")
    stream = stream_of(root)
    assert stream.keys() == expected_ids()
    assert copies(stream) == 0
    return {name: events[0] for name, events in stream.items()}


@pytest.fixture
def local(template: Path, undisturbed: Mapping[str, bytes], tmp_path: Path) -> Place:
    """A place on the embedded stream and ledger."""
    return Place(Path(shutil.copytree(template, tmp_path / "shop")), "sqlite", undisturbed)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, local: Place) -> Place:
    """A place on each kind of stream and ledger. `postgres` is the embedded stream and a ledger on PostgreSQL."""
    kind: str = request.param
    local.name = kind
    if kind == "postgres":
        local.names_ledger(request.getfixturevalue("postgres_server").url(f"fault_{uuid4().hex}"))
    elif kind in BROKERS:
        local.names_stream(new_stream(kind, request.getfixturevalue(BROKERS[kind]).address))
    return local


@pytest.fixture(scope="session")
def distant_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KafkaServer, Mortal, Proxy]]:
    """A broker that tells its clients to come through the proxy."""
    with Proxy() as proxy, closing(KafkaServer.started(tmp_path_factory.mktemp("kafka"), proxied=proxy.port)) as broker:
        proxy.target = broker.behind_proxy
        yield broker, Mortal("kafka", broker), proxy


@pytest.fixture(scope="session")
def distant_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NatsServer, Mortal, Proxy]]:
    with Proxy() as proxy, closing(NatsServer.started(tmp_path_factory.mktemp("nats"))) as broker:
        proxy.target = broker.address
        yield broker, Mortal("nats", broker), proxy


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.server) for name in BROKERS])
def distant(request: pytest.FixtureRequest, local: Place) -> Iterator[Distant]:
    """A place whose launchers wait for an answer until a test of this suite would have failed."""
    kind: str = request.param
    found: tuple[Any, Mortal, Proxy] = request.getfixturevalue(f"distant_{kind}")
    server, mortal, proxy = found
    direct = new_stream(kind, server.address)
    local.name = kind
    made = Distant(local, mortal, proxy, direct.replace(server.address, proxy.address), direct)
    made.waits(60)
    yield made
    proxy.line = GOOD
    mortal.revive()


@pytest.fixture(scope="session")
def mortal_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, Mortal]]:
    with closing(PostgresServer.started(tmp_path_factory.mktemp("postgres"))) as server:
        yield server, Mortal("postgres", server)


@pytest.fixture
def recorded(mortal_postgres: tuple[PostgresServer, Mortal], local: Place) -> Iterator[tuple[Place, Mortal]]:
    """A place whose ledger's server may be killed."""
    server, mortal = mortal_postgres
    local.name = "postgres"
    local.names_ledger(server.url(f"fault_{uuid4().hex}"))
    yield local, mortal
    mortal.revive()
