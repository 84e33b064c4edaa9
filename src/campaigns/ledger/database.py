"""How the ledger's database is opened: transactions that wait in line, migrations, and errors that say who must act."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    InternalError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from campaigns.errors import CampaignsError, Damaged, InvalidDefinition, Unavailable

HEAD = "0002"
"""The newest migration; a test holds it against the migrations folder."""

READING = "campaigns_reading"
"""Execution option of a connection that only reads: it waits for no writer."""

HASTY = "campaigns_hasty"
"""Execution option of a connection whose commits need not reach the disk at once: the loss of power may undo them.
On SQLite only: PostgreSQL would forget them when its own process dies."""

_BUSY_SECONDS = 30.0
_CONNECT_SECONDS = 10
_RETRY_SECONDS = 0.02
_MIGRATING = 0x63616D70
"""The PostgreSQL advisory lock of whoever migrates; any number that nobody else uses in the same database."""

_PERMISSION_DENIED = "42501"
_SQLITE = "sqlite"
_POSTGRES = "postgresql+psycopg"
_DRIVERS = {_SQLITE: _SQLITE, "sqlite+pysqlite": _SQLITE, _POSTGRES: _POSTGRES, "postgresql": _POSTGRES}
_MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(url: str) -> Engine:
    """A database at the newest migration. `url` is SQLAlchemy's, relative paths already resolved.

    Raises InvalidDefinition for a URL nobody understands and for a ledger of a newer engine, Unavailable when the
    database cannot be opened, Damaged when the file is not a database.
    """
    engine = _engine(url)
    try:
        with translated():
            _migrate(engine)
    except CampaignsError:
        engine.dispose()
        raise
    return engine


def check_url(url: str) -> None:
    """Raise InvalidDefinition for a URL that no ledger can have; nothing is connected."""
    _parsed(url)


def is_created(url: str) -> bool:
    """Whether the database holds a ledger, of whatever version; none is created. Raises as `open_database`."""
    engine = _engine(url)
    try:
        with translated(), engine.execution_options(**reading_options(engine)).begin() as connection:
            return _revision(connection) is not None
    finally:
        engine.dispose()


def reading_options(engine: Engine) -> dict[str, Any]:
    """Execution options with which all statements of a transaction see the same instant, and wait for no writer."""
    if engine.dialect.name == _SQLITE:
        return {READING: True}
    return {"isolation_level": "REPEATABLE READ"}


@contextmanager
def translated() -> Iterator[None]:
    """SQLAlchemy's errors as ours."""
    try:
        yield
    except DatabaseError as error:
        raise _ours(error) from error
    except SQLAlchemyError as error:
        raise Unavailable(f"ledger: {_first_line(error)}") from error
    except UnicodeDecodeError as error:  # what SQLite says of a broken schema quotes it
        raise Damaged("ledger: holds text that is not UTF-8; restore it from a backup") from error


def _ours(error: DatabaseError) -> CampaignsError:
    said = f"ledger: {_first_line(error.orig)}"  # PostgreSQL's other lines may quote a row
    code = getattr(error.orig, "sqlstate", "")  # of PostgreSQL only; None before there was a connection
    match error:
        case OperationalError() if _is_damage(error.orig):
            return Damaged(said.partition(" with text ")[0])
        case OperationalError() | InternalError():  # InternalError: a transaction on a read-only server
            return Unavailable(said)
        case ProgrammingError() if code == _PERMISSION_DENIED:
            return Unavailable(said)
        case ProgrammingError() if code is None:  # an option of the URL that nobody knows
            return InvalidDefinition(said)
        case DataError():
            return InvalidDefinition(said)
    return Damaged(said)


def _is_damage(error: object) -> bool:
    """Whether SQLite found a table, column or text broken, and not the system or another process in its way."""
    if not isinstance(error, sqlite3.OperationalError):
        return False
    code = getattr(error, "sqlite_errorcode", None)  # None: Python's own, of text that is not UTF-8
    return code is None or code & 0xFF == sqlite3.SQLITE_ERROR


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0]


def _engine(url: str) -> Engine:
    """Nothing is connected yet."""
    parsed = _parsed(url)
    sqlite = parsed.drivername == _SQLITE
    try:
        engine = create_engine(parsed, **(_sqlite_options() if sqlite else _postgres_options(parsed)))
    except ModuleNotFoundError as error:
        raise InvalidDefinition(
            f"ledger: {parsed.drivername!r} needs the package {error.name!r}; pip install 'campaigns-engine[postgres]'"
        ) from None
    if sqlite:
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin)
    return engine


def _parsed(url: str) -> URL:
    kind = url.partition("://")[0]  # all of the URL that errors may show: the rest may hold a password
    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=_DRIVERS[parsed.drivername])
    except (ArgumentError, KeyError, ValueError):
        allowed = "sqlite:///PATH or postgresql+psycopg://HOST/DATABASE"
        raise InvalidDefinition(f"ledger: {kind!r} is not supported; use {allowed}") from None
    if parsed.password or {"password", "sslpassword"} & parsed.query.keys():
        raise InvalidDefinition(
            "ledger: the URL holds a password, and workspaces are shared; set PGPASSWORD or PGPASSFILE in the "
            "environment, or end the URL with ?passfile=PATH"
        )
    return parsed


def _sqlite_options() -> dict[str, Any]:
    # The driver begins no transaction by itself: `_begin` does, so that no reader ever becomes a writer halfway.
    return {"connect_args": {"isolation_level": None, "timeout": _BUSY_SECONDS}}


def _postgres_options(url: URL) -> dict[str, Any]:
    """Nothing waits for ever: not a connection, not a lock, not a statement, not the answer of a host that is gone.

    What the URL says itself counts. READ COMMITTED is enough because every transaction that writes locks the launch's
    row first; the server's default may be another level.
    """
    usual = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "campaigns",
        "options": f"-c lock_timeout={_BUSY_SECONDS}s -c statement_timeout={2 * _BUSY_SECONDS}s",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(_BUSY_SECONDS * 1000),
    }
    return {
        "pool_pre_ping": True,  # a server that was restarted costs one new connection, not an error
        "isolation_level": "READ COMMITTED",
        "connect_args": {name: value for name, value in usual.items() if name not in url.query},
    }


def _configure_sqlite(connection: Any, _record: object) -> None:
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # an error may have named a customer: a purge leaves no byte of it


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite does not wait for others here, as it does everywhere else: we do."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(READING):
        connection.exec_driver_sql("BEGIN")
        return
    # Without the sync a commit is still in the write-ahead log: only the machine's death can undo it.
    connection.exec_driver_sql(f"PRAGMA synchronous = {'NORMAL' if options.get(HASTY) else 'FULL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine) -> None:
    with engine.execution_options(**reading_options(engine)).begin() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        if engine.dialect.name != _SQLITE:  # there the transaction itself keeps the others out
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
        found = _revision(connection)
        if found == HEAD:  # another process was faster
            return
        if found is not None and found > HEAD:
            raise InvalidDefinition(f"ledger: has version {found}, this engine knows versions up to {HEAD}; upgrade it")
        from alembic import command
        from alembic.config import Config

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(_MIGRATIONS))
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
