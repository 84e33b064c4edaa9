"""Which stream a workspace's URL names. Streams are chosen here and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from campaigns.definitions import Duration, WorkspaceFile, resolve, resolve_url
from campaigns.definitions.workspaces import Secret
from campaigns.errors import CampaignsError, InvalidDefinition, Unavailable
from campaigns.streams import Stream

ENTRY_POINTS = "campaigns.streams"
"""The group in which a package offers streams of its own: URL scheme -> a callable (url, config) -> Stream."""

PATIENCE_SECONDS = 60.0
"""How long a publisher waits for any acknowledgement, unless the setting `patience` says otherwise."""

LEASE_SECONDS = 30.0
"""How long a subscriber on NATS may stay silent, unless the setting `lease` says otherwise."""

MOST_PARTITIONS = 10_000
"""More are a slip of the hand: brokers and clients keep something in memory for each."""

EXTRAS = {"kafka", "nats"}
"""Schemes whose adapters need a package of their own."""

Config = dict[str, Any]
T = TypeVar("T", bool, int, float)


def open_stream(file: WorkspaceFile) -> Stream:
    """The stream of a workspace; nothing is connected yet.

    Raises InvalidDefinition, with its place in the file, for a URL that no adapter understands, a setting that it
    refuses, and a package that is not installed.
    """
    try:
        return _made(file, secrets=True)
    except ModuleNotFoundError as error:
        scheme = urlsplit(file.record.stream.url).scheme
        if scheme not in EXTRAS:
            raise
        message = f"stream {scheme!r}: needs the package {error.name!r}; pip install 'campaigns-engine[{scheme}]'"
        raise InvalidDefinition([file.problem(("stream",), message)]) from None


def check_stream(file: WorkspaceFile) -> None:
    """Raise InvalidDefinition as `open_stream` does, without looking up secrets.

    A package that is missing here may be there where launches run: then less is checked.
    """
    with suppress(ModuleNotFoundError):
        _made(file, secrets=False)


def _made(file: WorkspaceFile, *, secrets: bool) -> Stream:
    url = file.record.stream.url
    try:
        return _adapter(urlsplit(url).scheme)(file, url, _config(file, secrets=secrets))
    except InvalidDefinition as error:
        if all(problem.file for problem in error.problems):
            raise
        raise InvalidDefinition([file.problem(("stream",), problem.message) for problem in error.problems]) from None


def _adapter(scheme: str) -> Callable[[WorkspaceFile, str, Config], Stream]:
    match scheme:
        case "sqlite":
            return _sqlite
        case "kafka":
            return _kafka
        case "nats":
            return _nats
        case other:
            return _foreign(other)


def _kafka(_file: WorkspaceFile, url: str, config: Config) -> Stream:
    from campaigns.streams.kafka import KafkaStream
    from campaigns.streams.kafka.stream import CLOUDEVENTS

    header = _taken(config, "content_type_header", bool, True)
    patience = _taken(config, "patience", float, PATIENCE_SECONDS)
    servers, topic = _addressed(url, "kafka://HOST:PORT[,HOST:PORT]/TOPIC")
    return KafkaStream(servers, topic, config, content_type=CLOUDEVENTS if header else None, patience=patience)


def _nats(_file: WorkspaceFile, url: str, config: Config) -> Stream:
    from campaigns.streams.nats import NatsStream

    patience = _taken(config, "patience", float, PATIENCE_SECONDS)
    lease = _taken(config, "lease", float, LEASE_SECONDS)
    servers, name = _addressed(url, "nats://HOST:PORT[,HOST:PORT]/STREAM")
    return NatsStream(servers, name, config, patience=patience, lease=lease)


def check_partitions(partitions: int) -> None:
    """Raise InvalidDefinition for a number of partitions that nobody means."""
    if not 1 <= partitions <= MOST_PARTITIONS:
        raise InvalidDefinition(f"stream: {partitions:,} partitions; need 1 to {MOST_PARTITIONS:,}")


def _sqlite(file: WorkspaceFile, url: str, config: Config) -> Stream:
    from campaigns.streams.sqlite import SqliteStream

    path = sqlite_file(resolve_url(file.root, url))
    if path is None:
        raise InvalidDefinition(f"stream {url!r}: need sqlite:///PATH")
    topic = str(config.pop("topic", "events"))
    partitions = _taken(config, "partitions", int, 1)
    check_partitions(partitions)
    retention = _retention(config.pop("retention", None))
    if unknown := sorted(config):
        message = f"stream setting {unknown[0]!r} is not known; use topic, partitions, retention"
        raise InvalidDefinition([file.problem(("stream", "config", unknown[0]), message, on_key=True)])
    return SqliteStream(path, topic, partitions, retention)


def _foreign(scheme: str) -> Callable[[WorkspaceFile, str, Config], Stream]:
    offered = entry_points(group=ENTRY_POINTS)
    if scheme not in offered.names:
        known = ", ".join([*(f"{each}://" for each in ("sqlite", "kafka", "nats")), *sorted(offered.names)])
        raise InvalidDefinition(f"stream {scheme!r} is not supported; use {known}")
    (found, *_) = offered.select(name=scheme)

    def opened(file: WorkspaceFile, url: str, config: Config) -> Stream:
        try:
            made: Stream = found.load()(url, config)
        except CampaignsError:
            raise
        except Exception as error:
            told = _without_secrets(file, config, str(error))
            raise InvalidDefinition(f"stream {scheme!r} from {found.value}: {type(error).__name__}: {told}") from error
        return made

    return opened


def _without_secrets(file: WorkspaceFile, config: Config, words: str) -> str:
    for key, value in file.record.stream.config.items():
        if isinstance(value, Secret):
            words = words.replace(str(config.get(key, "")) or "\0", "(not shown)")
    return words


def _addressed(url: str, need: str) -> tuple[str, str]:
    parts = urlsplit(url)
    name = parts.path.strip("/")
    if not parts.netloc or not name or "/" in name or parts.query or parts.fragment:
        raise InvalidDefinition(f"stream {url!r}: need {need}")
    for server in parts.netloc.split(","):
        host, _, port = server.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise InvalidDefinition(f"stream {url!r}: server {server!r} has no port from 1 to 65535; need {need}")
    return parts.netloc, name


def _config(file: WorkspaceFile, *, secrets: bool) -> Config:
    return {
        key: value if not isinstance(value, Secret) else _secret(file, key, value) if secrets else "not looked up"
        for key, value in file.record.stream.config.items()
    }


def _secret(file: WorkspaceFile, key: str, place: Secret) -> str:
    """Raises InvalidDefinition when the place is empty, Unavailable when its file cannot be read."""
    found = ""
    if place.env:
        found = os.environ.get(place.env, "")
    else:
        try:
            found = Path(resolve(file.root, place.file or "")).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"stream setting {key!r}: file {place.file} cannot be read: {error}") from error
    if not found:
        name = f"environment variable {place.env}" if place.env else f"file {place.file}"
        problem = file.problem(("stream", "config", key), f"stream setting {key!r}: {name} is missing or empty")
        raise InvalidDefinition([problem])
    return found


_NEED: Mapping[type, str] = {bool: "true or false", int: "a whole number", float: "a number of seconds above 0"}


def _taken(config: Config, key: str, kind: type[T], usual: T) -> T:
    """Take one of our own settings out of those for the client."""
    value = config.pop(key, usual)
    fits = isinstance(value, int | float if kind is float else kind) and (kind is bool) == isinstance(value, bool)
    if not fits or (kind is float and value <= 0):
        raise InvalidDefinition(f"stream setting {key!r}: need {_NEED[kind]}, found {value!r}")
    return kind(value)


def _retention(value: object) -> timedelta | None:
    if value is None:
        return None
    try:
        epoch = datetime(2000, 1, 1)  # noqa: DTZ001 - only the difference counts
        return Duration.parse(str(value)).after(epoch) - epoch
    except ValueError as error:
        raise InvalidDefinition(f"stream setting 'retention': {error}") from None


def sqlite_file(url: str) -> Path | None:
    """The file of a resolved `sqlite:////absolute` URL; None for any other."""
    scheme, _, rest = url.partition(":///")
    return Path(rest.partition("?")[0]) if scheme.startswith("sqlite") and rest and rest != ":memory:" else None
