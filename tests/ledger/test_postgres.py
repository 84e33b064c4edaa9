"""What only a server can do to the ledger: die, come back, keep a lock, refuse, and have a clock of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.errors import Conflict, InvalidDefinition, Unavailable
from campaigns.ledger import Ledger, State, database
from campaigns.ledger.claims import LEASE_SECONDS
from campaigns.ledger.database import open_database
from support.ledgers import ELSEWHERE, ME, again, dead, emitted, frozen, new
from support.servers.nats import free_port
from support.servers.postgres import PostgresServer


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server of the test's own."""
    with closing(PostgresServer.started(tmp_path)) as server:
        yield server


@pytest.mark.server
def test_a_launch_goes_on_once_a_killed_server_is_back(mortal: PostgresServer) -> None:
    with closing(Ledger(mortal.url("ledger"))) as ledger:
        claim = frozen(ledger, ledger.claim(new(), ME))
        ledger.checkpoint(claim, 0, 0, 3, 2)
        mortal.kill()
        for write in (lambda: ledger.checkpoint(claim, 1, 0, 2, 1), lambda: ledger.renew(claim), ledger.all):
            with pytest.raises(Unavailable, match="ledger: "):
                write()
        mortal.restart()
        assert [shard.acknowledged for shard in again(ledger).shards] == [2, 0]
        ledger.checkpoint(claim, 1, 0, 2, 1)
        ledger.complete(claim, {})
        assert again(ledger).state == State.COMPLETED


@pytest.mark.server
def test_a_server_that_was_restarted_between_two_calls_is_not_noticed(mortal: PostgresServer) -> None:
    with closing(Ledger(mortal.url("ledger"))) as ledger:
        claim = frozen(ledger, ledger.claim(new(), ME))
        mortal.restart()
        emitted(ledger, claim)
        ledger.complete(claim, {})


def test_the_usual_name_of_the_scheme_works_too(postgres_url: str) -> None:
    with closing(Ledger(postgres_url.replace("postgresql+psycopg:", "postgresql:"))) as ledger:
        assert ledger.claim(new(), ME).epoch == 1


def test_a_row_that_somebody_keeps_locked_is_unavailable(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.2)
    other = open_database(postgres_url)
    with closing(Ledger(postgres_url)) as ledger:
        claim = ledger.claim(new(), ME)
        with other.begin() as connection:
            connection.execute(text("SELECT * FROM launches FOR UPDATE"))
            with pytest.raises(Unavailable, match="ledger: canceling statement due to lock timeout"):
                ledger.renew(claim)
            assert ledger.all() == [claim]  # whoever only reads waits for nobody
        ledger.renew(claim)
    other.dispose()


def test_a_lease_goes_by_the_clock_of_the_server(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Ledger(postgres_url)) as ledger:
        ledger.claim(new(), ELSEWHERE)
        wrong = time.time() + 10 * LEASE_SECONDS
        monkeypatch.setattr(time, "time", lambda: wrong)
        with pytest.raises(Conflict, match="is being worked on by process 4711 on another-host"):
            ledger.resume("spring", ME)


def test_a_look_is_of_one_instant(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Ledger(postgres_url)) as ledger, closing(Ledger(postgres_url)) as other:
        claim = ledger.claim(new(), ME)
        with ledger._reading() as connection:
            connection.execute(text("SELECT 1"))
            frozen(other, claim)
            assert connection.execute(text("SELECT count(*) FROM shards")).scalar_one() == 0


def test_the_default_isolation_of_a_server_does_not_matter(postgres_url: str) -> None:
    with closing(Ledger(postgres_url + "?options=-c default_transaction_isolation=serializable")) as ledger:
        with ledger._writing() as connection:
            assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
        ledger.claim(new(), dead())


def test_a_server_that_only_reads_is_unavailable(postgres_url: str) -> None:
    Ledger(postgres_url).close()
    with closing(Ledger(postgres_url + "?options=-c default_transaction_read_only=on")) as ledger:
        assert ledger.all() == []
        with pytest.raises(Unavailable, match="ledger: cannot execute SELECT FOR UPDATE in a read-only transaction"):
            ledger.claim(new(), ME)


def test_a_user_who_may_not_is_told_so(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS guest"))
        connection.execute(text("CREATE ROLE guest LOGIN"))
    engine.dispose()
    with pytest.raises(Unavailable, match="ledger: permission denied for table alembic_version"):
        Ledger(postgres_url.replace("postgres@", "guest@"))


def test_a_database_that_does_not_exist_is_unavailable(postgres_url: str) -> None:
    with pytest.raises(Unavailable, match='database "missing" does not exist'):
        Ledger(postgres_url.replace("/ledger", "/missing"))


def test_an_option_that_nobody_knows_is_the_authors_to_fix(postgres_url: str) -> None:
    with pytest.raises(InvalidDefinition, match='ledger: invalid connection option "colour"'):
        Ledger(postgres_url + "?colour=red")


def test_a_value_that_does_not_fit_is_the_authors_to_fix(postgres_url: str) -> None:
    with (
        closing(Ledger(postgres_url)) as ledger,
        pytest.raises(InvalidDefinition, match=r"ledger: value too long for type character varying\(500\)"),
    ):
        ledger.claim(new(stream="kafka://" + 500 * "x"), ME)


def test_nobody_there_is_unavailable_and_no_password_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with pytest.raises(Unavailable, match="Connection refused") as caught:
        Ledger(f"postgresql://u@127.0.0.1:{free_port()}/x")
    assert "hunter2" not in str(caught.value)
