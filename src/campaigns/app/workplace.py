"""What a workspace names, made real: its engine, ledger, stream, secret and folders. Adapters are chosen here."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import psutil

from campaigns.app.streams import check_stream, open_stream, sqlite_file
from campaigns.definitions import Customers, EventTable, WorkspaceFile, resolve, resolve_url
from campaigns.engines.port import Engine, ResolvedSource
from campaigns.errors import Damaged, InvalidDefinition, Problem, Unavailable
from campaigns.ledger import Ledger, check_url, is_created
from campaigns.plan import Scope, events_table
from campaigns.streams import Stream

PRIVATE = ".campaigns"
"""The folder of everything that holds personal data or secrets: mode 0700, ignored by git."""

READER_MEMORY = "512MB"
"""What an engine that reads snapshots may use of the memory."""

_SECRET_BYTES = 32
_SPILLS = count()


def check_places(file: WorkspaceFile) -> None:
    """Look at what the URLs of the stream and the ledger say; nothing is connected and no secret is looked up.

    Raises InvalidDefinition with every problem.
    """
    problems: list[Problem] = []
    try:
        check_stream(file)
    except InvalidDefinition as error:
        problems += error.problems
    try:
        check_url(resolve_url(file.root, file.record.ledger))
    except InvalidDefinition as error:  # the line may hold a password
        problems += [replace(file.problem(("ledger",), each.message), excerpt="") for each in error.problems]
    if problems:
        raise InvalidDefinition(problems)


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

    @property
    def private(self) -> Path:
        """The folder of everything that holds personal data or secrets; it need not exist."""
        return self._root / PRIVATE

    def engine(self) -> Engine:
        """A fresh engine, without sources."""
        from campaigns.engines.duckdb import DuckDB

        settings = self._record.engine
        return DuckDB(self._spill(), settings.memory_limit, settings.threads)

    def clear_spill(self) -> None:
        """Remove the spill files of processes that were killed: rows of customers."""
        for left in self.left_spill():
            shutil.rmtree(left, ignore_errors=True)

    def left_spill(self) -> list[Path]:
        """The spill folders of processes that were killed."""
        found = self.private.glob("spill-*")
        return [left for left in found if not psutil.pid_exists(int(left.name.rpartition("-")[2]))]

    def reader(self) -> Engine:
        """An engine that reads snapshots only: one thread, so that the publisher has the other core."""
        from campaigns.engines.duckdb import DuckDB

        return DuckDB(self._spill(), READER_MEMORY, threads=1)

    def attach(self, engine: Engine, scope: Scope, *, all_events: bool = False) -> Mapping[str, Mapping[str, str]]:
        """Make the customers and the event tables that attributes use readable; their columns by table.

        Raises InvalidData naming the source that is missing or unreadable.
        """
        return {
            table: engine.attach(table, source) for table, source in self.sources(scope, all_events=all_events).items()
        }

    def sources(self, scope: Scope, *, all_events: bool = False) -> dict[str, ResolvedSource]:
        """The customers and the event tables that attributes use, or all of them, by the table they become."""
        used = {attribute.events for attribute in scope.attributes.values()}
        found = {"customers": self._resolved("customers", scope.customers)}
        for key, source in scope.events.items():
            if all_events or key in used:
                found[events_table(key)] = self._resolved(f"events.{key}", source)
        return found

    def ledger(self) -> Ledger:
        """The ledger, created when missing. Raises Unavailable, Damaged."""
        self._private_folder()
        url = resolve_url(self._root, self._record.ledger)
        if (file := sqlite_file(url)) is not None:
            _make_folder(file.parent)
            with suppress(OSError):  # if it cannot be made, opening it says why
                file.touch(mode=0o600)
        return Ledger(url)

    def existing_ledger(self) -> Ledger | None:
        """The ledger, None when it was never created: looking leaves no trace."""
        url = resolve_url(self._root, self._record.ledger)
        file = sqlite_file(url)
        created = is_created(url) if file is None else file.exists()
        return Ledger(url) if created else None

    def stream(self) -> Stream:
        """The stream events go to; see `open_stream` for the errors."""
        return open_stream(self._file)

    def new_stream(self) -> Stream:
        """The stream, about to be created: an embedded one's folder is there then."""
        self._private_folder()
        if (file := sqlite_file(resolve_url(self._root, self._record.stream.url))) is not None:
            _make_folder(file.parent)
        return self.stream()

    def existing_stream(self) -> Stream | None:
        """The stream, None for an embedded one that was never created: looking leaves no trace."""
        file = sqlite_file(resolve_url(self._root, self._record.stream.url))
        return None if file is not None and not file.exists() else self.stream()

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

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A private folder that is gone after the block; `clear_spill` removes what a killed process left."""
        self._private_folder()
        folder = self._spill()
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _spill(self) -> Path:
        """A folder of this process for what does not fit into memory, beside the snapshots or, where a workspace
        was only ever looked at, among the system's temporary files. It is private: it holds personal data.
        """
        private = self._root / PRIVATE
        if not os.access(private, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="campaigns-"))
        self.clear_spill()
        return private / f"spill-{next(_SPILLS)}-{os.getpid()}"

    def _resolved(self, name: str, source: Customers | EventTable) -> ResolvedSource:
        ids = tuple(
            column
            for column in (source.tenant, source.id, None if isinstance(source, Customers) else source.customer)
            if column is not None
        )
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
