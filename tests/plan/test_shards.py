"""Queries over a snapshot's files: events come in the order of the rows, from wherever emission stopped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from campaigns.engines.duckdb import DuckDB
from campaigns.errors import Damaged
from campaigns.events.encode import Envelope
from campaigns.plan import counts_query, decisions_query, events_query

MANY = [f"tenant-{number}" for number in range(351)]


def envelope(tenants: Sequence[str]) -> Envelope:
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    return Envelope("acme", "c", "v", "L", "email", None, moment, {}, {tenant: {} for tenant in tenants})


def shard(path: Path, tenants: Sequence[str], outcomes: Sequence[str] = ("send",)) -> Path:
    """One decision per tenant given, outcomes in turn."""
    count = len(tenants)
    columns = {
        "tenant": list(tenants),
        "customer": [str(number) for number in range(count)],
        "outcome": [outcomes[number % len(outcomes)] for number in range(count)],
        "reason": [None] * count,
        "variant": [None] * count,
        "offer": [None] * count,
        "event_id": [
            f"{number:032x}" if outcomes[number % len(outcomes)] == "send" else None for number in range(count)
        ],
    }
    pq.write_table(pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), path)
    return path


@pytest.fixture
def reader(tmp_path: Path) -> DuckDB:
    return DuckDB(tmp_path / "spill", "256MB", threads=1)


@pytest.mark.parametrize(
    ("rows", "tenants"), [(1, MANY), (8, ["a", "b", "c"]), (300, MANY), (5000, MANY), (5000, ["a"])]
)
def test_events_come_in_the_order_of_the_rows(rows: int, tenants: list[str], reader: DuckDB, tmp_path: Path) -> None:
    """However few rows there are for the tenants: the smaller side of a join must not decide the order."""
    held = [tenants[(number * 7) % len(tenants)] for number in range(rows)]
    file = shard(tmp_path / "s.parquet", held, ("send", "holdout", "send"))
    batches = list(reader.events(events_query(envelope(tenants), file, 0, variables=False), 0, 1000))
    keys = [key for batch in batches for key in batch["key"].to_pylist()]
    assert keys == [f"{held[number]}/{number}" for number in range(rows) if number % 3 != 1]
    assert all(batch.num_rows <= 1000 for batch in batches)


@pytest.mark.parametrize("start", [0, 1, 2, 499, 500])
def test_emission_goes_on_behind_the_checkpoint(start: int, reader: DuckDB, tmp_path: Path) -> None:
    file = shard(tmp_path / "s.parquet", ["a", "b"] * 250)
    batches = list(reader.events(events_query(envelope(["a", "b"]), file, start, variables=False), start, 100))
    ids = [[int(id_, 16) for id_ in batch["id"].to_pylist()] for batch in batches]
    assert [id_ for batch in ids for id_ in batch] == list(range(start, 500))
    assert [row for batch in batches for row in batch["row"].to_pylist()] == list(range(start, 500))


def test_the_events_of_some_tenants_or_of_all_others(reader: DuckDB, tmp_path: Path) -> None:
    file = shard(tmp_path / "s.parquet", ["a", "b", "c"] * 10, ("send", "holdout"))
    found = {}
    for name, lane in {"a": {"only": ("a",)}, "others": {"but": ("a",)}, "all": {}}.items():
        query = events_query(envelope(["a", "b", "c"]), file, 0, variables=False, **lane)
        found[name] = [row for batch in reader.events(query, 0, 100) for row in batch["row"].to_pylist()]
    assert found["a"] == [row for row in range(0, 30, 2) if row % 3 == 0]
    assert sorted(found["a"] + found["others"]) == found["all"] == list(range(0, 30, 2))


def test_several_streams_are_read_in_turns(reader: DuckDB, tmp_path: Path) -> None:
    file = shard(tmp_path / "s.parquet", ["a", "b"] * 5000)
    streams = [
        reader.events(events_query(envelope(["a", "b"]), file, 0, variables=False, only=(tenant,)), 0, 2048)
        for tenant in "ab"
    ]
    rows = [[row for portion in both for row in portion["row"].to_pylist()] for both in zip(*streams, strict=True)]
    assert sorted(row for some in rows for row in some) == list(range(10_000))


def test_a_shard_that_cannot_be_read_is_damaged(reader: DuckDB, tmp_path: Path) -> None:
    file = shard(tmp_path / "s.parquet", ["a"] * 100)
    content = bytearray(file.read_bytes())
    content[4:200] = b"\xff" * 196
    file.write_bytes(bytes(content))
    with pytest.raises(Damaged, match="a shard cannot be read"):
        list(reader.events(events_query(envelope(["a"]), file, 0, variables=False), 0, 100))


def test_rows_out_of_order_are_damage(reader: DuckDB, tmp_path: Path) -> None:
    query = events_query(envelope(["a"]), shard(tmp_path / "s.parquet", ["a"] * 10), 3, variables=False)
    with pytest.raises(Damaged, match="out of order"):
        list(reader.events(query, 4, 100))


def test_one_pass_counts_by_file_outcome_and_tenant(reader: DuckDB, tmp_path: Path) -> None:
    files = [shard(tmp_path / f"{n}.parquet", ["a", "b", "b"], ("send", "holdout")) for n in range(2)]
    rows = reader.rows(counts_query(files))
    by_tenant = {
        row["tenant"]: (row["decisions"], row["sends"]) for row in rows if row["tenant"] and not row["filename"]
    }
    assert by_tenant == {"a": (2, 2), "b": (4, 2)}
    assert sorted((str(row["filename"]), row["tenant"]) for row in rows if row["filename"]) == [
        (str(file), tenant) for file in files for tenant in "ab"
    ]
    assert {row["outcome"]: row["decisions"] for row in rows if row["outcome"]} == {"send": 4, "holdout": 2}


def test_a_customers_decisions_are_found_in_every_shard(reader: DuckDB, tmp_path: Path) -> None:
    files = [shard(tmp_path / "0.parquet", ["a"]), shard(tmp_path / "1.parquet", ["b"])]
    assert sorted(str(row["tenant"]) for row in reader.rows(decisions_query(files, "0"))) == ["a", "b"]
    assert reader.rows(decisions_query(files, "' OR 1=1 --")) == []
