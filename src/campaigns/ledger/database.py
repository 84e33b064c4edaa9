"""How the ledger's database is opened: immediate transactions, migrations, and errors that say who must act."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, SQLAlchemyError

from campaigns.errors import Damaged, InvalidDefinition, Unavailable

HEAD = "0001"
"""The newest migration; a test holds it against the migrations folder."""

READING = "campaigns_reading"
"""Execution option of a connection that only reads: it waits for no writer."""

_BUSY_SECONDS = 30
_RETRY_SECONDS = 0.02
_MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(url: str) -> Engine:
    """A database at the newest migration. `url` is SQLAlchemy's, relative paths already resolved.

    Raises InvalidDefinition for a URL nobody understands and for a ledger of a newer engine, Unavailable when the
    database cannot be opened, Damaged when the file is not a database.
    """
    kind = url.partition("://")[0]  # all of the URL that errors may show: the rest may hold a password
    try:
        parsed = make_url(url)
        sqlite = parsed.get_backend_name() == "sqlite"
        if not sqlite and parsed.get_backend_name() != "postgresql":
            raise ArgumentError
        engine = create_engine(parsed, **(_sqlite_options() if sqlite else {"pool_pre_ping": True}))
    except (ArgumentError, NoSuchModuleError):
        allowed = "sqlite:///PATH or postgresql+psycopg://HOST/DATABASE"
        raise InvalidDefinition(f"ledger: {kind!r} is not supported; use {allowed}") from None
    except ModuleNotFoundError as error:
        raise InvalidDefinition(
            f"ledger: {kind!r} needs the package {error.name!r}; pip install 'campaigns-engine[postgres]'"
        ) from None
    if sqlite:
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin)
    with translated():
        _migrate(engine)
    return engine


@contextmanager
def translated() -> Iterator[None]:
    """SQLAlchemy's errors as ours."""
    try:
        yield
    except OperationalError as error:
        raise Unavailable(f"ledger: {error.orig}") from error
    except DatabaseError as error:
        raise Damaged(f"ledger: {error.orig}") from error
    except SQLAlchemyError as error:
        raise Unavailable(f"ledger: {error}") from error


def _sqlite_options() -> dict[str, Any]:
    # The driver begins no transaction by itself: `_begin` does, so that no reader ever becomes a writer halfway.
    return {"connect_args": {"isolation_level": None, "timeout": _BUSY_SECONDS}}


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
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(READING) else "BEGIN IMMEDIATE")


def _migrate(engine: Engine) -> None:
    with engine.execution_options(**{READING: True}).begin() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
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
