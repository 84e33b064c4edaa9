"""What a workspace names, made real: its engine, ledger, stream, secret and folders. Adapters are chosen here."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from campaigns.definitions import Customers, Duration, EventTable, WorkspaceFile, resolve, resolve_url
from campaigns.engines.port import Engine, ResolvedSource
from campaigns.errors import Damaged, InvalidDefinition, Unavailable
from campaigns.ledger import Ledger
from campaigns.plan import Scope, events_table
from campaigns.streams import Stream

PRIVATE = ".campaigns"
"""The folder of everything that holds personal data or secrets: mode 0700, ignored by git."""

_READER_MEMORY = "512MB"
_SECRET_BYTES = 32
_SPILLS = count()


class Workplace:
    """The adapters and folders of one workspace. Nothing is created before it is needed."""

    def __init__(self, file: WorkspaceFile) -> None:
        self._file = file
        self._root = file.root
        self._record = file.record

    @property
    def snapshots(self) -> Path:
        """Where snapshots lie."""
        return Path(resolve(self._root, self._record.snapshots))

    def engine(self) -> Engine:
        """A fresh engine, without sources."""
        from campaigns.engines.duckdb import DuckDB

        settings = self._record.engine
        return DuckDB(self._spill(), settings.memory_limit, settings.threads)

    def clear_spill(self) -> None:
        """Remove the spill files of processes that were killed: rows of customers."""
        for left in (self._root / PRIVATE).glob("spill-*"):
            if not psutil.pid_exists(int(left.name.rpartition("-")[2])):
                shutil.rmtree(left, ignore_errors=True)

    def reader(self) -> Engine:
        """An engine that reads snapshots only: one thread, so that the publisher has the other core."""
        from campaigns.engines.duckdb import DuckDB

        return DuckDB(self._spill(), _READER_MEMORY, threads=1)

    def attach(self, engine: Engine, scope: Scope, *, all_events: bool = False) -> Mapping[str, Mapping[str, str]]:
        """Make the customers and the event tables that attributes use readable; their columns by table.

        Raises InvalidData naming the source that is missing or unreadable.
        """
        used = {attribute.events for attribute in scope.attributes.values()}
        tables = {"customers": engine.attach("customers", self._resolved("customers", scope.customers))}
        for key, source in scope.events.items():
            if all_events or key in used:
                table = events_table(key)
                tables[table] = engine.attach(table, self._resolved(f"events.{key}", source))
        return tables

    def ledger(self) -> Ledger:
        """The ledger, created when missing. Raises Unavailable, Damaged."""
        self._private_folder()
        url = resolve_url(self._root, self._record.ledger)
        if (file := _sqlite_file(url)) is not None:
            _make_folder(file.parent)
            with suppress(OSError):  # if it cannot be made, opening it says why
                file.touch(mode=0o600)
        return Ledger(url)

    def existing_ledger(self) -> Ledger | None:
        """The ledger, None when it was never created: looking leaves no trace."""
        url = resolve_url(self._root, self._record.ledger)
        file = _sqlite_file(url)
        return None if file is not None and not file.exists() else Ledger(url)

    def stream(self) -> Stream:
        """The stream events go to. Raises InvalidDefinition for a URL that no adapter understands."""
        url = self._record.stream.url
        match urlsplit(url).scheme:
            case "sqlite":
                return self._embedded_stream(url)
            case other:
                raise InvalidDefinition(
                    [self._file.problem(("stream",), f"stream {other!r} is not supported; use sqlite:///PATH")]
                )

    def secret(self, *, create: bool = True) -> bytes:
        """The key of the offer codes.

        Without one and with `create` false, a throw-away key: codes shown by a preview are then only examples.
        Raises InvalidDefinition when the place that is configured holds none.
        """
        place = self._record.secret
        if place is None:
            return self._generated_secret(create)
        name = f"environment variable {place.env}" if place.env else f"file {place.file}"
        found = (
            os.environ.get(place.env, "").encode()
            if place.env
            else _content(Path(resolve(self._root, place.file or "")))
        )
        if not found.strip():
            raise InvalidDefinition([self._file.problem(("secret",), f"the secret's {name} is missing or empty")])
        return found.strip()

    def _spill(self) -> Path:
        """A folder of this process for what does not fit into memory, beside the snapshots or, where a workspace
        was only ever looked at, among the system's temporary files. It is private: it holds personal data.
        """
        private = self._root / PRIVATE
        if not os.access(private, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="campaigns-"))
        self.clear_spill()
        return private / f"spill-{next(_SPILLS)}-{os.getpid()}"

    def _embedded_stream(self, url: str) -> Stream:
        from campaigns.streams.sqlite import SqliteStream

        file = _sqlite_file(resolve_url(self._root, url))
        if file is None:
            raise InvalidDefinition([self._file.problem(("stream",), f"stream {url!r}: need sqlite:///PATH")])
        config = dict(self._record.stream.config)
        unknown = sorted(config.keys() - {"topic", "partitions", "retention"})
        if unknown:
            allowed = "topic, partitions, retention"
            message = f"stream setting {unknown[0]!r} is not known; use {allowed}"
            raise InvalidDefinition([self._file.problem(("stream", "config", unknown[0]), message, on_key=True)])
        partitions = config.get("partitions", 1)
        if not isinstance(partitions, int) or isinstance(partitions, bool):
            message = f"partitions: need a whole number, found {partitions!r}"
            raise InvalidDefinition([self._file.problem(("stream", "config", "partitions"), message)])
        return SqliteStream(
            file, str(config.get("topic", "events")), partitions, self._retention(config.get("retention"))
        )

    def _retention(self, value: object) -> timedelta | None:
        if value is None:
            return None
        try:
            epoch = datetime(2000, 1, 1)  # noqa: DTZ001 - only the difference counts
            return Duration.parse(str(value)).after(epoch) - epoch
        except ValueError as error:
            problem = self._file.problem(("stream", "config", "retention"), str(error))
            raise InvalidDefinition([problem]) from None

    def _resolved(self, name: str, source: Customers | EventTable) -> ResolvedSource:
        ids = (source.tenant, source.id if isinstance(source, Customers) else source.customer)
        return ResolvedSource(name, source.location, resolve(self._root, source.location), source.table, ids)

    def _generated_secret(self, create: bool) -> bytes:
        path = self._root / PRIVATE / "secret"
        if path.exists():
            return _kept_secret(path)
        if not create:
            return secrets.token_bytes(_SECRET_BYTES)
        self._private_folder()
        temporary = path.with_name(f"secret-{os.getpid()}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(_SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was faster: then its secret counts
                os.link(temporary, path)
            temporary.unlink()
        except OSError as error:
            raise Unavailable(f"secret: {error.strerror}: {path.name}") from error
        return _kept_secret(path)

    def _private_folder(self) -> None:
        folder = self._root / PRIVATE
        _make_folder(folder)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            _written(ignore, "*\n")


def _kept_secret(path: Path) -> bytes:
    found = _content(path).strip()
    if not found:
        raise Damaged(f"secret: {PRIVATE}/{path.name} is empty, codes would change: restore it from a backup")
    return found


def _make_folder(folder: Path) -> None:
    try:
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"workspace: cannot create {folder.name}: {error.strerror}") from error


def _written(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise Unavailable(f"workspace: cannot write {path.name}: {error.strerror}") from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise Unavailable(f"secret: {error.strerror}: {path.name}") from error


def _sqlite_file(url: str) -> Path | None:
    """The file of a resolved `sqlite:////absolute` URL; None for any other."""
    scheme, _, rest = url.partition(":///")
    return Path(rest.partition("?")[0]) if scheme.startswith("sqlite") and rest and rest != ":memory:" else None
