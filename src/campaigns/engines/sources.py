"""A declared source as a DuckDB relation: which reader, which files, which table of which database."""

from __future__ import annotations

import glob
from pathlib import Path

import duckdb
from sqlglot import exp

from campaigns.engines.port import ResolvedSource
from campaigns.engines.sqlite_table import read_sqlite_table
from campaigns.errors import InvalidData

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_COMPRESSED = (".gz", ".zst")
_REMOTE = ("s3://", "https://", "http://")
_SQLITE_MAGIC = b"SQLite format 3\0"


def attach(connection: duckdb.DuckDBPyConnection, table: str, source: ResolvedSource) -> None:
    """Create `source.<table>` for a source. Raises InvalidData naming the source and what is wrong."""
    target = exp.table_(table, db="source", quoted=True).sql("duckdb")
    if source.table is not None:
        _attach_database(connection, target, source, source.table)
        return
    if source.location.startswith(_REMOTE):
        _load_httpfs(connection, source)
        files = [source.location]
    else:
        files = _files(source)
    relation = _reader(source, files).sql("duckdb")
    connection.execute(f"CREATE OR REPLACE VIEW {target} AS SELECT * FROM {relation}")  # noqa: S608 - built by SQLGlot


def _files(source: ResolvedSource) -> list[str]:
    path = Path(source.location)
    if path.is_dir():
        found = sorted(str(file) for file in path.rglob("*") if file.is_file() and _format(file.name))
    else:
        found = sorted(glob.glob(source.location, recursive=True))  # noqa: PTH207 - keeps `**` and absolute patterns
    if not found:
        raise InvalidData(f"{source.name}: no file at {source.shown}")
    kinds = {_format(file) for file in found}
    if len(kinds) > 1:
        raise InvalidData(f"{source.name}: {source.shown} mixes formats ({', '.join(sorted(map(str, kinds)))})")
    return found


def _format(name: str) -> str | None:
    suffixes = Path(name).suffixes
    if suffixes and suffixes[-1].lower() in _COMPRESSED:
        suffixes.pop()
    return _FORMATS.get(suffixes[-1].lower()) if suffixes else None


def _reader(source: ResolvedSource, files: list[str]) -> exp.Expression:
    paths = exp.array(*(exp.Literal.string(file) for file in files))
    match _format(files[0]):
        case "parquet":
            return _function("read_parquet", paths, union_by_name=exp.true())
        case "json":
            return _function(
                "read_json",
                paths,
                format=exp.Literal.string("newline_delimited"),
                sample_size=exp.Literal.number(-1),
                union_by_name=exp.true(),
            )
        case "csv" | "tsv" as kind:
            return _function("read_csv", paths, **_csv_options(source, files, "\t" if kind == "tsv" else ","))
        case _:
            raise InvalidData(
                f"{source.name}: {source.shown} has no known ending; use {', '.join(_FORMATS)}, "
                "or `table:` for a table of a DuckDB or SQLite database"
            )


def _csv_options(source: ResolvedSource, files: list[str], delimiter: str) -> dict[str, exp.Expression]:
    """RFC 4180, types found by reading everything: a guess from a sample can be wrong at row one million."""
    text = [column for column in source.text_columns if column in _csv_header(files[0], delimiter)]
    options: dict[str, exp.Expression] = {
        "header": exp.true(),
        "skip": exp.Literal.number(0),
        "delim": exp.Literal.string(delimiter),
        "quote": exp.Literal.string('"'),
        "escape": exp.Literal.string('"'),
        "sample_size": exp.Literal.number(-1),
        "union_by_name": exp.true(),
    }
    if text:
        options["types"] = exp.Struct(
            expressions=[
                exp.PropertyEQ(this=exp.to_identifier(column, quoted=True), expression=exp.Literal.string("VARCHAR"))
                for column in dict.fromkeys(text)
            ]
        )
    return options


def _csv_header(file: str, delimiter: str) -> list[str]:
    import csv
    import gzip

    if file.lower().endswith(".zst"):
        return []
    opener = gzip.open if file.lower().endswith(".gz") else open
    with opener(file, "rt", encoding="utf-8-sig", errors="replace", newline="") as lines:
        return next(csv.reader(lines, delimiter=delimiter), [])


def _function(name: str, *arguments: exp.Expression, **options: exp.Expression) -> exp.Expression:
    named = [exp.EQ(this=exp.to_identifier(key), expression=value) for key, value in options.items()]
    return exp.Anonymous(this=name, expressions=[*arguments, *named])


def _attach_database(connection: duckdb.DuckDBPyConnection, target: str, source: ResolvedSource, table: str) -> None:
    path = Path(source.location)
    if not path.is_file():
        raise InvalidData(f"{source.name}: no file at {source.shown}")
    with path.open("rb") as file:
        head = file.read(len(_SQLITE_MAGIC))
    if head == _SQLITE_MAGIC:
        reader = read_sqlite_table(path, table, source)
        connection.register("sqlite_table", reader)
        connection.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM sqlite_table")  # noqa: S608 - quoted
        connection.unregister("sqlite_table")
        return
    alias = exp.to_identifier(f"database_{target}", quoted=True).sql("duckdb")
    connection.execute(f"ATTACH IF NOT EXISTS {exp.Literal.string(str(path)).sql('duckdb')} AS {alias} (READ_ONLY)")
    inner = ".".join(exp.to_identifier(part, quoted=True).sql("duckdb") for part in table.split("."))
    connection.execute(f"CREATE OR REPLACE VIEW {target} AS SELECT * FROM {alias}.{inner}")  # noqa: S608 - quoted


def _load_httpfs(connection: duckdb.DuckDBPyConnection, source: ResolvedSource) -> None:
    try:
        connection.execute("LOAD httpfs")
    except duckdb.Error:
        raise InvalidData(
            f"{source.name}: reading {source.shown} needs DuckDB's extension `httpfs`, which is not installed; "
            "install it with DuckDB's `INSTALL httpfs`, or copy the file beside the workspace"
        ) from None
