"""Any option of nats-py passes through, except what would lose events or break what a stream promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.errors import InvalidDefinition
from campaigns.streams.nats import NatsStream
from campaigns.streams.nats.settings import Value, options


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("servers", "part of the stream's url"),
        ("allow_reconnect", "survive the server's restart"),
        ("verbose", "answer every message twice"),
        ("error_cb", "takes a function"),
        ("signature_cb", "takes a function"),
        ("reconnect_to_server_handler", "takes a function"),
        ("skip_subject_validation", "into the protocol"),
        ("pending_size", "bounded already"),
        ("tls", "name the files: tls_ca, tls_cert, tls_key"),
    ],
)
def test_what_contradicts_the_promises_is_refused_by_name(key: str, told: str) -> None:
    with pytest.raises(InvalidDefinition, match=f"^nats config '{key}': leave it out; .*{told}"):
        NatsStream("server:4222", "events", {key: "hunter2"})


def test_an_option_that_does_not_exist_says_what_was_probably_meant() -> None:
    with pytest.raises(InvalidDefinition, match=r"^nats config 'pasword': not known; did you mean 'password'\?$"):
        NatsStream("server:4222", "events", {"pasword": "hunter2"})
    with pytest.raises(InvalidDefinition, match=r"^nats config 'self': not known"):
        NatsStream("server:4222", "events", {"self": 1})


def test_other_options_of_the_user_win() -> None:
    found = options({"ping_interval": 60, "user": "engine", "name": "me"})
    assert (found["ping_interval"], found["user"], found["name"]) == (60, "engine", "me")
    assert found["max_reconnect_attempts"] == -1


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("connect_timeout", "hunter2", "need a number above 0, found str"),
        ("ping_interval", 0, "need a number above 0"),
        ("no_echo", "hunter2", "need true or false, found str"),
        ("password", 4711, "need text, found int"),
        ("tls_ca", True, "need text, found bool"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_without_it(key: str, value: Value, told: str) -> None:
    with pytest.raises(InvalidDefinition, match=f"^nats config '{key}': {told}") as refusal:
        NatsStream("server:4222", "events", {key: value})
    assert "hunter2" not in str(refusal.value)
    assert "4711" not in str(refusal.value)


@pytest.mark.parametrize("key", ["user_credentials", "nkeys_seed"])
def test_credentials_need_their_package_and_their_file(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = NatsStream("127.0.0.1:1", "events", {key: "/hunter2"})
    for found, told in ((None, "pip install 'nats-py\\[nkeys\\]'"), (object(), "there is no such file")):
        monkeypatch.setattr("campaigns.streams.nats.settings.find_spec", lambda _, found=found: found)
        with pytest.raises(InvalidDefinition, match=f"^nats config '{key}': .*{told}") as refusal:
            stream.publisher()
        assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("key", ["tls_ca", "tls_cert"])
@pytest.mark.parametrize("content", [None, "not PEM"])
def test_a_file_that_cannot_be_used_is_told_by_its_option(tmp_path: Path, key: str, content: str | None) -> None:
    file = tmp_path / "hunter2.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InvalidDefinition, match=f"^nats config '{key}': cannot be used: ") as refusal:
        NatsStream("127.0.0.1:1", "events", {key: str(file)}).publisher()
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a/b", "*", "a>", "x" * 101])
def test_names_that_are_no_part_of_a_subject_are_refused(name: str) -> None:
    with pytest.raises(InvalidDefinition, match="use at most 100"):
        NatsStream("server:4222", name)


@pytest.mark.parametrize(("patience", "lease"), [(0, 1), (1, -1)])
def test_times_must_be_positive(patience: float, lease: float) -> None:
    with pytest.raises(InvalidDefinition, match="need more than 0"):
        NatsStream("server:4222", "events", patience=patience, lease=lease)


def test_a_stream_does_not_show_its_settings() -> None:
    assert "hunter2" not in repr(NatsStream("server:4222", "events", {"password": "hunter2"}))
