"""The sources change while a launch is under way. What is frozen stays; what is not yet is decided once, or refused."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from campaigns.app import Campaigns
from support.launchers import started
from support.places import Place, chance_of, seeds
from support.shop import expected_ids
from support.tally import TALLY
from support.workspaces import AS_OF, WORKSPACE

RUNS = max(2, int(os.environ.get("CAMPAIGNS_KILLS", "0")) // 20)

UPDATE = "UPDATE customers SET first_name = 'changed', email_opt_in = 0"
DELETE = "DELETE FROM customers WHERE rowid % 2 = 0"
INSERT = "INSERT INTO customers SELECT 'new-' || customer_id, tenant_id, first_name, country, 1, tags FROM customers"
DROP = "ALTER TABLE customers DROP COLUMN first_name"
STATEMENTS = {"update": UPDATE, "delete": DELETE, "insert": INSERT, "a column dropped": DROP}


@pytest.fixture
def tabled(place: Place) -> Place:
    return on_a_table(place)


def on_a_table(place: Place) -> Place:
    """The same place, whose customers lie in a table of a SQLite database."""
    rows = pq.read_table(place.root / "data" / "customers.parquet").to_pylist()
    with closing(sqlite3.connect(database(place))) as connection, connection:
        connection.execute(
            "CREATE TABLE customers (customer_id TEXT, tenant_id TEXT, first_name TEXT, country TEXT, "
            "email_opt_in BOOLEAN, tags TEXT)"
        )
        connection.executemany(
            "INSERT INTO customers VALUES (:customer_id, :tenant_id, :first_name, :country, :email_opt_in, :tags)",
            [{**row, "tags": "staff" if row["tags"] else ""} for row in rows],
        )
    place.change(
        {
            "customers": {**WORKSPACE["customers"], "from": "data/shop.db", "table": "customers"},
            "segments": {**WORKSPACE["segments"], "staff": "tags = 'staff'"},
        }
    )
    elsewhere = Path(shutil.copytree(place.root, place.root.with_name("undisturbed")))
    Place(elsewhere, "", {}).change({"stream": "sqlite:///.campaigns/stream.db", "ledger": "sqlite:///ledger.db"})
    Campaigns(elsewhere).launch("winback", AS_OF, "spring")
    place.undisturbed = first_of_each(Place(elsewhere, "", {}))
    assert place.undisturbed.keys() == expected_ids()
    return place


def database(place: Place) -> Path:
    return place.root / "data" / "shop.db"


def first_of_each(place: Place) -> Mapping[str, bytes]:
    """The events on the stream by id, without their copies."""
    return {name: events[0] for name, events in place.events().items()}


def changed(place: Place, what: str) -> None:
    """The change that is named so, by somebody else."""
    TALLY.faults[f"source: {what}"] += 1
    if what == "file deleted":
        shutil.rmtree(place.root / "data")
        return
    with closing(sqlite3.connect(database(place))) as connection, connection:
        connection.execute(STATEMENTS[what])


@pytest.mark.thinned
@pytest.mark.parametrize("what", [*STATEMENTS, "file deleted"])
@pytest.mark.parametrize("failpoint", ["before-validate", "before-publish"])
def test_what_changes_once_everyone_is_decided_changes_nothing(tabled: Place, what: str, failpoint: str) -> None:
    with started(tabled.order(sleeps_at=failpoint)) as launcher:
        launcher.asleep()
        changed(tabled, what)
        launcher.awake()
        assert launcher.ending().error == ""
    tabled.check_whole()


@pytest.mark.parametrize("what", [*STATEMENTS, "file deleted"])
def test_a_launcher_that_was_killed_is_finished_without_its_sources(local: Place, what: str) -> None:
    tabled = on_a_table(local)
    tabled.killed_at("after-publish:3")
    changed(tabled, what)
    tabled.finish()
    tabled.check_whole()


@pytest.mark.parametrize("what", [*STATEMENTS, "file deleted"])
def test_what_changes_before_anyone_is_decided_counts_as_a_whole_or_is_refused(local: Place, what: str) -> None:
    tabled = on_a_table(local)
    after = Place(Path(shutil.copytree(tabled.root, tabled.root.with_name("after"))), "", {})
    changed(after, what)
    with started(tabled.order(sleeps_at="before-freeze")) as launcher:
        launcher.asleep()
        changed(tabled, what)
        launcher.awake()
        ending = launcher.ending()
    if what in {"a column dropped", "file deleted"}:
        assert ending.error == {"a column dropped": "InvalidDefinition", "file deleted": "InvalidData"}[what]
        assert tabled.events() == {}
        return
    assert ending.error == ""
    Campaigns(after.root).launch("winback", AS_OF, "spring")
    assert first_of_each(tabled) in (tabled.undisturbed, first_of_each(after))
    assert Campaigns(tabled.root).verify("spring")["ok"]


@pytest.mark.parametrize("seed", seeds(RUNS))
def test_sources_that_change_all_the_time_are_decided_at_one_instant_or_not_at_all(local: Place, seed: int) -> None:
    """Two files take turns at one place; whatever is sent was decided from one of them alone."""
    chance = chance_of("changing sources", seed)
    source = local.root / "data" / "customers.parquet"
    before, after = source.read_bytes(), renamed(source)
    possible = [local.undisturbed, launched_with(local, after)]
    done = Event()

    def turn() -> None:
        while not done.wait(chance.uniform(0, 0.3)):
            replaced(source, chance.choice([before, after]))

    churning = Thread(target=turn, daemon=True)
    churning.start()
    try:
        with started(local.order()) as launcher:
            ending = launcher.ending()
    finally:
        done.set()
        churning.join()
    TALLY.faults["source: replaced"] += 1
    assert ending.error in {"", "Unavailable"}, ending.message
    if ending.error:
        assert "changed while the audience was being decided" in ending.message
        assert local.events() == {}
        local.finish()
    (local.undisturbed,) = (events for events in possible if events == first_of_each(local))
    local.check_whole()


def renamed(source: Path) -> bytes:
    """The same customers under another name, as the bytes of a file."""
    table = pq.read_table(source)
    column = table.schema.get_field_index("first_name")
    other = source.with_name("other.pq")
    names = pa.array(["Grace"] * table.num_rows)
    pq.write_table(table.set_column(column, table.schema.field(column), names), other)
    try:
        return other.read_bytes()
    finally:
        other.unlink()


def launched_with(place: Place, customers: bytes) -> Mapping[str, bytes]:
    """The events of an undisturbed launch with such customers."""
    root = Path(shutil.copytree(place.root, place.root.with_name("other")))
    replaced(root / "data" / "customers.parquet", customers)
    Campaigns(root).launch("winback", AS_OF, "spring")
    return first_of_each(Place(root, "", {}))


def replaced(path: Path, content: bytes) -> None:
    """At once, as whoever exports tables should."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)
