"""Servers that ask who is there, and tell who they are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.errors import Unavailable
from campaigns.streams import Message
from campaigns.streams.nats import NatsStream
from support.certificates import certificate
from support.servers.nats import NatsServer


@contextmanager
def served(folder: Path, *arguments: str, config: Mapping[str, str]) -> Iterator[NatsStream]:
    """A stream on a server with these arguments, for somebody with that config."""
    with closing(NatsServer.started(folder, arguments=arguments)) as server:
        yield NatsStream(server.address, "events", config, patience=10)


def use(stream: NatsStream) -> None:
    stream.create(1)
    with closing(stream.publisher()) as publisher:
        publisher.publish([Message("k", b"v", "")])
    with closing(stream.subscriber("crm")) as subscriber:
        assert [message.value for message in subscriber.poll(1, 10)] == [b"v"]
    assert len(list(stream.read())) == 1


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        (("--user", "engine", "--pass", "hunter3"), {"user": "engine", "password": "hunter3"}),
        (("--auth", "hunter3"), {"token": "hunter3"}),
    ],
    ids=["password", "token"],
)
def test_who_has_the_secret_is_let_in_and_who_has_another_is_told_at_once(
    tmp_path: Path, arguments: tuple[str, ...], config: dict[str, str]
) -> None:
    with served(tmp_path, *arguments, config=config) as stream:
        use(stream)
        wrong = replace(stream, config=dict.fromkeys(config, "hunter2"))
        started = time.monotonic()
        for each in (wrong, replace(stream, config={})):
            with pytest.raises(Unavailable, match="Authorization Violation") as refusal:
                each.publisher()
            assert "hunter" not in str(refusal.value)
        assert time.monotonic() - started < 3


def test_with_tls_both_know_each_other(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "server"), certificate(tmp_path, "client")
    arguments = ["--tlscert", server, "--tlskey", server.with_suffix(".key"), "--tlscacert", client, "--tlsverify"]
    us = {"tls_ca": str(server), "tls_cert": str(client), "tls_key": str(client.with_suffix(".key"))}
    with served(tmp_path, *map(str, arguments), config=us) as stream:
        use(stream)
        with pytest.raises(Unavailable, match="certificate verify failed"):
            replace(stream, config={**us, "tls_ca": str(client)}).publisher()
        with pytest.raises(Unavailable):
            replace(stream, config={"tls_ca": str(server)}, patience=2).publisher()
