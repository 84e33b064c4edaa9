"""The stream that a workspace's URL names: chosen by scheme, with its settings, its secrets, and clear refusals."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from campaigns.app.streams import open_stream
from campaigns.definitions import load_workspace
from campaigns.errors import InvalidDefinition
from campaigns.streams import Stream
from campaigns.streams.sqlite import SqliteStream
from support.workspaces import AS_OF, WORKSPACE, customer, make_workspace


def opened(root: Path, stream: object) -> Stream:
    make_workspace(root, workspace={**WORKSPACE, "stream": stream})
    return open_stream(load_workspace(root))


def refused(root: Path, stream: object) -> str:
    with pytest.raises(InvalidDefinition) as refusal:
        opened(root, stream)
    assert all(problem.file == "workspace.yaml" and problem.line > 0 for problem in refusal.value.problems)
    return str(refusal.value)


def kafka(config: Mapping[str, object]) -> Mapping[str, object]:
    return {"url": "kafka://broker-1:9092,broker-2:9092/events", "config": config}


def test_kafka_takes_its_servers_topic_and_settings(tmp_path: Path) -> None:
    from campaigns.streams.kafka import KafkaStream

    stream = opened(tmp_path, kafka({"compression.type": "zstd", "patience": 5, "content_type_header": False}))
    assert isinstance(stream, KafkaStream)
    assert (stream.servers, stream.topic) == ("broker-1:9092,broker-2:9092", "events")
    assert (dict(stream.config), stream.patience) == ({"compression.type": "zstd"}, 5.0)
    assert stream.content_type is None


def test_events_say_that_they_are_cloudevents_unless_asked_not_to(tmp_path: Path) -> None:
    from campaigns.streams.kafka import KafkaStream

    stream = opened(tmp_path, kafka({}))
    assert isinstance(stream, KafkaStream)
    assert str(stream.content_type).startswith("application/cloudevents+json")


def test_nats_takes_its_servers_stream_and_settings(tmp_path: Path) -> None:
    from campaigns.streams.nats import NatsStream

    stream = opened(tmp_path, {"url": "nats://one:4222,two:4222/events", "config": {"user": "engine", "lease": 5}})
    assert isinstance(stream, NatsStream)
    assert (stream.servers, stream.name, dict(stream.config)) == ("one:4222,two:4222", "events", {"user": "engine"})
    assert (stream.patience, stream.lease) == (60.0, 5.0)


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ("carrier-pigeon://coop/7", r"'carrier-pigeon' is not supported; use sqlite://, kafka://, nats://"),
        ("kafka://broker:9092", r"need kafka://HOST:PORT\[,HOST:PORT\]/TOPIC"),
        ("kafka:///events", r"need kafka://HOST:PORT"),
        ("nats://server:4222/a/b", r"need nats://HOST:PORT"),
        ("kafka://engine:hunter2@broker:9092/events", r"credentials must not be in this file"),
        ("kafka://broker:9092/events?password=hunter2", r"settings in the URL must not be in this file"),
        ("kafka://broker:99999/events", r"server 'broker:99999' has no port from 1 to 65535"),
        ("nats://one:4222,two/events", r"server 'two' has no port from 1 to 65535"),
        (kafka({"sasl.password": {"evn": "X"}}), r"'evn'"),
        (kafka({"patience": 0}), r"'patience': need a number of seconds above 0, found 0"),
        (kafka({"patience": True}), r"'patience': need a number of seconds"),
        (kafka({"content_type_header": "no"}), r"'content_type_header': need true or false, found 'no'"),
        (kafka({"sasl.password": "hunter2"}), r"need \{env: NAME\} or \{file: PATH\}"),
        (kafka({"sasl.password": {"env": "NOT_THERE"}}), r"'sasl.password': environment variable NOT_THERE is missing"),
        (kafka({"sasl.password": {"file": "none"}}), r"'sasl.password': file none is missing or empty"),
        ({"url": "sqlite:///stream.db", "config": {"topics": 1}}, r"'topics' is not known; use topic, partitions, ret"),
        ({"url": "sqlite:///stream.db", "config": {"partitions": "x"}}, r"'partitions': need a whole number"),
        (
            {"url": "sqlite:///stream.db", "config": {"partitions": 1_000_000_000}},
            r"1,000,000,000 partitions; need 1 to",
        ),
        ({"url": "sqlite:///stream.db", "config": {"retention": "soon"}}, r"'retention': need a duration"),
    ],
)
def test_what_cannot_be_opened_is_refused_with_its_place(tmp_path: Path, stream: object, told: str) -> None:
    import re

    message = refused(tmp_path, stream)
    assert re.search(told, message)
    assert "hunter2" not in message


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from campaigns.streams.kafka import KafkaStream

    monkeypatch.setenv("KAFKA_PASSWORD", "hunter2")
    (tmp_path / "key.txt").write_text("hunter3\n")
    config = {"sasl.password": {"env": "KAFKA_PASSWORD"}, "ssl.key.password": {"file": "key.txt"}}
    stream = opened(tmp_path, kafka(config))
    assert isinstance(stream, KafkaStream)
    assert stream.config == {"sasl.password": "hunter2", "ssl.key.password": "hunter3"}
    assert "hunter" not in repr(stream)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("kafka://b:9092/events", "confluent_kafka", "kafka"), ("nats://s:4222/events", "nats", "nats")],
)
def test_a_missing_package_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    for loaded in [name for name in sys.modules if name.startswith((f"campaigns.streams.{extra}", f"{module}."))]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    assert f"pip install 'campaigns-engine[{extra}]'" in refused(tmp_path, url)


def test_a_package_may_offer_a_stream_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from campaigns.app import Campaigns

    offer(tmp_path / "site", "pigeon", "def opened(url, config):\n    return STREAM(url, config)\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    import pigeon_stream  # type: ignore[import-not-found]

    asked: list[tuple[str, Mapping[str, Any]]] = []

    def make(url: str, config: Mapping[str, Any]) -> Stream:
        asked.append((url, config))
        return SqliteStream(tmp_path / "pigeon.db")

    pigeon_stream.STREAM = make
    workspace = {**WORKSPACE, "stream": {"url": "pigeon://coop/7", "config": {"wings": 2}}}
    root = make_workspace(tmp_path / "shop", customers=[customer("1")], workspace=workspace)
    everyone = {"campaign": "winback", "tenants": "all", "channel": "email", "audience": {"where": "email_opt_in"}}
    make_workspace(root, customers=[customer("1")], workspace=workspace, campaign=everyone)
    assert Campaigns(root).launch("winback", AS_OF, "spring")["acknowledged"] == 1
    assert asked[0] == ("pigeon://coop/7", {"wings": 2})
    assert len(list(SqliteStream(tmp_path / "pigeon.db").read())) == 1


def test_a_stream_of_a_package_that_breaks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(tmp_path / "site", "broken", "def opened(url, config):\n    raise KeyError('wings')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert "stream 'broken' from broken_stream:opened: KeyError: 'wings'" in refused(tmp_path / "w", "broken://coop/7")


def offer(site: Path, scheme: str, source: str) -> None:
    """Install a distribution that offers `<scheme>://`."""
    about = site / f"{scheme}_stream-1.0.dist-info"
    about.mkdir(parents=True)
    (site / f"{scheme}_stream.py").write_text(source)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {scheme}-stream\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[campaigns.streams]\n{scheme} = {scheme}_stream:opened\n")


def test_validate_tells_what_is_wrong_with_the_stream_and_the_ledger_without_their_secrets(tmp_path: Path) -> None:
    from campaigns.app import Campaigns

    wrong = {
        "stream": kafka({"acks": 1, "sasl.password": {"env": "NOT_THERE"}}),
        "ledger": "postgresql+psycopg://engine:hunter2@localhost/ledger",
    }
    make_workspace(tmp_path, workspace={**WORKSPACE, **wrong})
    with pytest.raises(InvalidDefinition) as refusal:
        Campaigns(tmp_path).validate()
    message = str(refusal.value)
    assert "'acks': must be all" in message
    assert "the URL holds a password" in message
    assert "hunter2" not in message + "".join(problem.excerpt for problem in refusal.value.problems)
    assert all(problem.file == "workspace.yaml" and problem.line > 0 for problem in refusal.value.problems)


def test_a_launch_that_emitted_nothing_yet_may_go_to_another_stream(tmp_path: Path) -> None:
    from campaigns.app import Campaigns
    from campaigns.errors import Unavailable

    everyone = {"campaign": "winback", "tenants": "all", "channel": "email", "audience": {"where": "email_opt_in"}}
    for url in ("sqlite:///nowhere/stream.db", "sqlite:///.campaigns/stream.db"):
        workspace = {**WORKSPACE, "stream": url}
        make_workspace(tmp_path, customers=[customer("1")], workspace=workspace, campaign=everyone)
        if "nowhere" in url:
            with pytest.raises(Unavailable):
                Campaigns(tmp_path).launch("winback", AS_OF, "spring")
    assert Campaigns(tmp_path).launch("winback", AS_OF, "spring")["acknowledged"] == 1
    assert Campaigns(tmp_path).verify("spring")["ok"]
