"""How the ledger's database is created, reopened and refused."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from campaigns.errors import Damaged, InvalidDefinition, Unavailable
from campaigns.ledger import Ledger, Shard, database
from campaigns.ledger.database import HEAD, open_database
from campaigns.ledger.tables import metadata
from support.ledgers import BOOKS, ME, new


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_migrations_create_the_tables_that_the_code_uses(url: str) -> None:
    from alembic.autogenerate import compare_metadata

    engine = open_database(url)
    with engine.begin() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_a_reopened_ledger_knows_its_launches(url: str) -> None:
    with closing(Ledger(url)) as first:
        claim = first.claim(new(), ME)
    with closing(Ledger(url)) as second:
        assert second.find("spring") == claim


def test_a_file_that_is_no_database_is_damaged(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(Damaged, match="ledger: file is not a database"):
        Ledger(sqlite_url)
    assert (tmp_path / "ledger.db").read_bytes() == b"not a database" * 1000


def test_a_file_that_was_cut_is_damaged(sqlite_url: str, tmp_path: Path) -> None:
    with closing(Ledger(sqlite_url)) as ledger:
        ledger.claim(new(), ME)
    with (tmp_path / "ledger.db").open("r+b") as file:
        file.truncate(3 * 4096 + 100)
    with (
        pytest.raises(Damaged, match="ledger: database disk image is malformed"),
        closing(Ledger(sqlite_url)) as ledger,
    ):
        ledger.all()


def test_a_ledger_of_a_newer_engine_is_left_alone(url: str) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(InvalidDefinition, match=f"has version 9999, this engine knows versions up to {HEAD}"):
        Ledger(url)


def test_a_launch_of_version_0001_can_be_finished(url: str) -> None:
    with older(url, "0001") as connection:
        connection.execute(text(V0001_LAUNCH), {"books": json.dumps(BOOKS), "version": new().campaign_version})
        connection.execute(text("INSERT INTO shards VALUES ('spring', 0, 3, 2, 3, 2), ('spring', 1, 2, 1, 0, 0)"))
        connection.execute(text(V0001_AUDIT))
    with closing(Ledger(url)) as ledger:
        claim = ledger.resume("spring", ME)
        assert claim.shards == (Shard(0, 0, 3, 2, 3, 2), Shard(1, 0, 2, 1, 0, 0))
        assert (claim.epoch, claim.expires_at, claim.confirmed_at, claim.rate) == (2, None, None, None)
        ledger.checkpoint(claim, 1, 0, 2, 1)
        ledger.complete(claim, {})


V0001_AUDIT = """
INSERT INTO audit (launch_id, at, epoch, who, what) VALUES ('spring', '2026-06-01', 1, 'somebody', 'claimed')
"""
V0001_LAUNCH = """
INSERT INTO launches (launch_id, campaign, campaign_version, as_of, stream, definition, state, epoch, books, created_at)
VALUES ('spring', 'winback', :version, '2026-06-01', 's', '{}', 'emitting', 1, :books, '2026-06-01')
"""


@contextmanager
def older(url: str, version: str) -> Iterator[Connection]:
    """A database as an earlier engine made it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
        command.upgrade(config, version)
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("ledger.db", "'ledger.db' is not supported; use sqlite"),
        ("oracle-of-delphi://x", "'oracle-of-delphi' is not supported"),
        ("postgresql+pg8000://x/y", r"'postgresql\+pg8000' is not supported; use .* postgresql\+psycopg://HOST"),
        ("postgresql://x:nonsense/y", "'postgresql' is not supported"),
        ("sqlite+aiosqlite:///x", r"'sqlite\+aiosqlite' is not supported"),
    ],
)
def test_a_url_that_nobody_understands_is_refused(bad: str, said: str) -> None:
    with pytest.raises(InvalidDefinition, match=said):
        Ledger(bad)


def test_a_folder_that_does_not_exist_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="ledger: unable to open database file"):
        Ledger(f"sqlite:///{tmp_path}/missing/ledger.db")


def test_a_ledger_that_somebody_keeps_locked_is_unavailable(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.1)
    with closing(Ledger(sqlite_url)) as ledger, closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="ledger: database is locked"):
            ledger.claim(new(), ME)
        other.rollback()
        assert ledger.claim(new(), ME).epoch == 1


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder with a ledger that nothing can be written to."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    Ledger(f"sqlite:///{folder}/ledger.db").close()
    bind = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
    if os.geteuid() != 0 or subprocess.run(bind, capture_output=True, check=False).returncode != 0:
        pytest.skip("a read-only mount needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_read_only_ledger_is_unavailable(read_only: Path) -> None:
    with pytest.raises(Unavailable, match="ledger: "), closing(Ledger(f"sqlite:///{read_only}/ledger.db")) as ledger:
        ledger.claim(new(), ME)


PASSWORDS = [
    "mysql://u:hunter2@host/x",
    "postgresql+asyncpg://u:hunter2@host/x",
    "postgresql://u:hunter2@host/x",
    "postgresql+psycopg://host/x?user=u&password=hunter2",
    "hunter2",
]


@pytest.mark.parametrize("secret_url", PASSWORDS)
def test_an_error_never_shows_the_password_of_a_url(secret_url: str) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        open_database(secret_url)
    assert "u:hunter2" not in str(caught.value)


def test_a_password_belongs_into_the_environment_or_a_file() -> None:
    with pytest.raises(InvalidDefinition, match=r"set PGPASSWORD or PGPASSFILE .* or end the URL with \?passfile=PATH"):
        open_database("postgresql://u:hunter2@host/x")


@pytest.mark.parametrize("kind", ["postgresql", "postgresql+psycopg"])
def test_a_missing_driver_is_named_with_what_to_install(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidDefinition, match=r"'psycopg'; pip install 'campaigns-engine\[postgres\]'"):
        open_database(f"{kind}://host/x")
