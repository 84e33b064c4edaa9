"""Every kind of source gives the same launch, and ids keep every character of their text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from campaigns.app import Campaigns
from campaigns.engines.duckdb import DuckDB
from campaigns.engines.port import Query, ResolvedSource
from campaigns.errors import InvalidData
from support.workspaces import AS_OF, CAMPAIGN, WORKSPACE, customer, make_workspace, order

Resolve = Callable[..., ResolvedSource]
Source = dict[str, str]

NAMES = ["Ada", 'O\'Hara, "the" one', "🎉", "line\nbreak", None]
PEOPLE = [
    customer(f"{number:03}", tenant, first_name=NAMES[number % 5], country="US" if number % 3 else "FR")
    for number in range(30)
    for tenant in ("marketplace", "corner-grocer")
]
ORDERS = [
    order(f"{number:03}", tenant, days=30 + number, total_cents=number * 100)
    for number in range(0, 30, 2)
    for tenant in ("marketplace", "corner-grocer")
]
PLAIN = {
    **CAMPAIGN,
    "audience": {"where": "in_segment(lapsed) and email_opt_in"},
    "variables": {**CAMPAIGN["variables"], "last": "last_order_at"},
}


def copied(root: Path, name: str, target: str, options: str = "") -> None:
    """A table of the workspace's Parquet files written in another format."""
    columns = "* REPLACE (ordered_at AT TIME ZONE 'UTC' AS ordered_at)" if name == "orders" else "* EXCLUDE (tags)"
    duckdb.execute(f"COPY (SELECT {columns} FROM '{root}/data/{name}.parquet') TO '{root}/data/{target}' {options}")


def parquet(root: Path, name: str) -> Source:
    return {"from": f"data/{name}.parquet"}


def csv(root: Path, name: str) -> Source:
    copied(root, name, f"{name}.csv", "(HEADER)")
    return {"from": f"data/{name}.csv"}


def compressed_tsv(root: Path, name: str) -> Source:
    copied(root, name, f"{name}.tsv.gz", "(FORMAT csv, HEADER, DELIMITER '\t', COMPRESSION gzip)")
    return {"from": f"data/{name}.tsv.gz"}


def json_lines(root: Path, name: str) -> Source:
    copied(root, name, f"{name}.jsonl", "(FORMAT json)")
    return {"from": f"data/{name}.jsonl"}


def split(root: Path, name: str) -> None:
    (root / "data" / name).mkdir()
    source = f"read_parquet('{root}/data/{name}.parquet')"
    for part, test in (("a", "<"), ("b", ">=")):
        target = root / "data" / name / f"{part}.parquet"
        duckdb.execute(f"COPY (SELECT * FROM {source} WHERE customer_id {test} '014') TO '{target}'")
    (root / "data" / name / "_SUCCESS").touch()


def folder(root: Path, name: str) -> Source:
    split(root, name)
    return {"from": f"data/{name}"}


def pattern(root: Path, name: str) -> Source:
    split(root, name)
    return {"from": f"data/**/{name}/[ab].parquet"}


def duckdb_table(root: Path, name: str) -> Source:
    with duckdb.connect(str(root / "data" / "base.duckdb")) as connection:
        connection.execute(f"CREATE TABLE {name} AS FROM '{root}/data/{name}.parquet'")
    return {"from": "data/base.duckdb", "table": name}


def sqlite_table(root: Path, name: str) -> Source:
    rows = ORDERS if name == "orders" else [{k: v for k, v in row.items() if k != "tags"} for row in PEOPLE]
    types = {"ordered_at": "TIMESTAMP", "total_cents": "INTEGER", "email_opt_in": "BOOLEAN"}
    names = list(rows[0])
    with sqlite3.connect(root / "data" / "base.sqlite") as connection:
        columns = [f"{column} {types.get(column, 'TEXT')}" for column in names]
        connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        values = [[v.isoformat() if n == "ordered_at" else v for n, v in row.items()] for row in rows]
        connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(names))})", values)
    connection.close()
    return {"from": "data/base.sqlite", "table": name}


def launched(root: Path, kind: Callable[[Path, str], Source]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Books and events, without what names the definition itself."""
    make_workspace(root, customers=PEOPLE, orders=ORDERS, campaign=PLAIN)
    workspace = {**WORKSPACE, "segments": {"lapsed": WORKSPACE["segments"]["lapsed"]}, "secret": {"file": "secret"}}
    workspace["customers"] = {**kind(root, "customers"), "id": "customer_id", "tenant": "tenant_id"}
    orders = {"customer": "customer_id", "tenant": "tenant_id", "at": "ordered_at"}
    workspace["events"] = {"orders": {**kind(root, "orders"), **orders}}
    make_workspace(root, customers=PEOPLE, orders=ORDERS, campaign=PLAIN, workspace=workspace)
    (root / "secret").write_text("a secret for tests")
    campaigns = Campaigns(root)
    report = campaigns.launch("winback", as_of=AS_OF, launch_id="L")
    events = {event["id"]: event for event in map(json.loads, campaigns.events())}
    for event in events.values():
        del event["data"]["campaign_version"]
    return {name: report[name] for name in ("matched", "sent", "variants", "offers", "tenants")}, events


@pytest.fixture(scope="module")
def from_parquet(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    return launched(tmp_path_factory.mktemp("parquet"), parquet)


@pytest.mark.parametrize("kind", [csv, compressed_tsv, json_lines, folder, pattern, duckdb_table, sqlite_table])
def test_every_kind_of_source_gives_the_same_launch(
    kind: Callable[[Path, str], Source], tmp_path: Path, from_parquet: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    assert launched(tmp_path, kind) == from_parquet
    assert from_parquet[0]["sent"] > 10


def ids(engine: DuckDB, source: ResolvedSource) -> list[object]:
    engine.attach("customers", source)
    rows = engine.rows(Query("SELECT customer_id::VARCHAR AS id FROM source.customers ORDER BY id"))
    return [row["id"] for row in rows]


TRICKY = ["#1", "007", "1.50", "1e3", "2024-01-01", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "NaN", "null", "true"]


def test_ids_in_csv_are_the_text_that_stands_there(engine: DuckDB, resolve: Resolve, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        "\ufeffcustomer_id,tenant_id\r\n" + "".join(f"{id_},t\r\n" for id_ in TRICKY), "utf-8"
    )
    assert ids(engine, resolve("c.csv")) == TRICKY


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_ids_in_compressed_csv_too(compression: str, engine: DuckDB, resolve: Resolve, tmp_path: Path) -> None:
    rows = "SELECT '1.50' AS customer_id, 't' AS tenant_id UNION ALL SELECT '2.00', 't'"
    name = {"gz": "gzip", "zst": "zstd"}[compression]
    duckdb.execute(f"COPY ({rows}) TO '{tmp_path}/c.csv.{compression}' (FORMAT csv, HEADER, COMPRESSION {name})")
    assert ids(engine, resolve(f"c.csv.{compression}")) == ["1.50", "2.00"]


@pytest.mark.parametrize("tricky", [TRICKY, ["2024-01-01"], [TRICKY[5]], ["12:30:00"], ["2024-01-01 00:00:00"]])
def test_ids_in_json_are_the_text_that_stands_there(
    tricky: list[str], engine: DuckDB, resolve: Resolve, tmp_path: Path
) -> None:
    lines = [json.dumps({"customer_id": id_, "tenant_id": "t", "points": 5}) + "\n" for id_ in tricky]
    (tmp_path / "c.jsonl").write_text("".join(lines))
    assert ids(engine, resolve("c.jsonl")) == sorted(tricky)
    assert engine.attach("customers", resolve("c.jsonl"))["points"] == "BIGINT"


@pytest.mark.parametrize("folder", ["a[1]", "it's", "what?", "st*r", "env=prod", "sp ace", "🎉"])
def test_a_workspace_may_have_any_name(folder: str, engine: DuckDB, tmp_path: Path) -> None:
    root = tmp_path / folder
    (root / "data").mkdir(parents=True)
    (tmp_path / "a1" / "data").mkdir(parents=True)  # what `a[1]` means as a pattern
    duckdb.execute(f"COPY (SELECT 'one' AS customer_id) TO '{tmp_path}/x.parquet'")
    for place in (root / "data" / "x.parquet", root / "data" / "y [2].parquet", tmp_path / "a1" / "data" / "x.parquet"):
        place.write_bytes((tmp_path / "x.parquet").read_bytes())
    for shown, count in (("data/x.parquet", 1), ("data/y [2].parquet", 1), ("data/*.parquet", 2), ("data", 2)):
        source = ResolvedSource("customers", shown, str(root / shown), None, ("customer_id",))
        assert ids(engine, source) == ["one"] * count


def test_files_of_a_folder_may_differ_in_columns(engine: DuckDB, resolve: Resolve, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a.csv").write_text("tenant_id,customer_id\nt,01\n")
    (tmp_path / "c" / "b.csv").write_text("customer_id,tenant_id,points\n02,t,5\n")
    assert ids(engine, resolve("c")) == ["01", "02"]
    assert engine.attach("customers", resolve("c"))["points"] == "BIGINT"


def test_a_type_is_found_by_reading_everything(engine: DuckDB, resolve: Resolve, tmp_path: Path) -> None:
    rows = [f"{number},t,{number}\n" for number in range(30_000)]
    (tmp_path / "c.csv").write_text("customer_id,tenant_id,level\n" + "".join(rows) + "x,t,gold\n")
    assert engine.attach("customers", resolve("c.csv"))["level"] == "VARCHAR"


@pytest.mark.parametrize("url", ["s3://bucket/c.parquet", "https://127.0.0.1/c.parquet"])
def test_a_url_needs_an_extension_and_says_which(url: str, engine: DuckDB, resolve: Resolve) -> None:
    with pytest.raises(InvalidData, match=f"customers: reading {url} needs DuckDB's extension `httpfs`"):
        engine.attach("customers", resolve(url))


def test_another_scheme_is_refused(engine: DuckDB, resolve: Resolve) -> None:
    with pytest.raises(InvalidData, match=r"customers: gs://b/c.parquet: .* s3:// or https://"):
        engine.attach("customers", resolve("gs://b/c.parquet"))
