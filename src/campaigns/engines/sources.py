"""A declared source as a DuckDB relation: which reader, which files, which table of which database."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp

from campaigns.engines.port import ResolvedSource
from campaigns.engines.sqlite_table import SqliteTable, read_sqlite_table
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
_GUESSED_FROM_TEXT = ("DATE", "TIME", "UUID")
_SQLITE_MAGIC = b"SQLite format 3\0"


def attach(connection: duckdb.DuckDBPyConnection, table: str, source: ResolvedSource) -> None:
    """Create `source.<table>` for a source. Raises InvalidData naming the source and what is wrong."""
    target = exp.table_(table, db="source", quoted=True).sql("duckdb")
    if source.table is not None:
        _attach_database(connection, target, source, source.table)
        return
    if source.location.startswith(_REMOTE):
        _load_httpfs(connection, source)
        paths = [source.location]
    elif "://" in source.location:
        raise InvalidData(f"{source.name}: {source.shown}: use a file, or a URL that starts with s3:// or https://")
    else:
        paths = [glob.escape(file) for file in _files(source)]
    try:
        relation = _reader(connection, source, paths).sql("duckdb")
        connection.execute(f"CREATE OR REPLACE VIEW {target} AS SELECT * FROM {relation}")  # noqa: S608 - SQLGlot's
    except duckdb.InvalidInputException as error:
        if "sniffing" not in str(error):
            raise
        raise InvalidData(
            f"{source.name}: {source.shown} is not regular CSV: every row needs as many fields as the header; fields "
            'with quotes or line ends stand between ", quotes inside are doubled (RFC 4180)'
        ) from None


def fingerprint(source: ResolvedSource) -> list[tuple[str, int, int, int]]:
    """Name, inode, size and time of change of every file of a source; none for a source that is not local."""
    files = [] if "://" in source.location else [source.location] if source.table else _files(source)
    states = [(file, Path(file).stat()) for file in files]
    return [(file, state.st_ino, state.st_size, state.st_mtime_ns) for file, state in states]


def _files(source: ResolvedSource) -> list[str]:
    path = Path(source.location)
    if path.is_dir():
        found = sorted(str(file) for file in path.rglob("*") if file.is_file() and _format(file.name))
    elif path.is_file():
        found = [source.location]
    else:
        pattern = glob.escape(source.base) + source.location.removeprefix(source.base)
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - keeps `**` and absolute patterns
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


def _reader(connection: duckdb.DuckDBPyConnection, source: ResolvedSource, files: list[str]) -> exp.Expression:
    paths = exp.array(*(exp.Literal.string(file) for file in files))
    match _format(files[0]):
        case "parquet":
            return _function("read_parquet", paths, union_by_name=exp.true())
        case "json":
            return _json(connection, source, paths)
        case "csv" | "tsv" as kind:
            return _csv(connection, source, paths, "\t" if kind == "tsv" else ",")
        case _:
            raise InvalidData(
                f"{source.name}: {source.shown} has no known ending; use {', '.join(_FORMATS)}, "
                "or `table:` for a table of a DuckDB or SQLite database"
            )


def _csv(
    connection: duckdb.DuckDBPyConnection, source: ResolvedSource, paths: exp.Expression, delimiter: str
) -> exp.Expression:
    """RFC 4180, types found by reading everything: a guess from a sample can be wrong at row one million."""
    options: dict[str, exp.Expression] = {
        "header": exp.true(),
        "skip": exp.Literal.number(0),
        "delim": exp.Literal.string(delimiter),
        "quote": exp.Literal.string('"'),
        "escape": exp.Literal.string('"'),
        "comment": exp.Literal.string(""),
        "union_by_name": exp.true(),
    }
    every_row = {"sample_size": exp.Literal.number(-1)}
    found = _described(connection, _function("read_csv", paths, **options, **every_row))
    # Ids keep their leading zeros; only what reads as fractions stays a number, to be refused as an id.
    text = {name: "VARCHAR" for name in source.text_columns if found.get(name, "DOUBLE") != "DOUBLE"}
    if text:
        options["types"] = _types(text)
    return _function("read_csv", paths, **options, **every_row)


def _json(connection: duckdb.DuckDBPyConnection, source: ResolvedSource, paths: exp.Expression) -> exp.Expression:
    """Types found by reading everything; an id that looks like a date or a UUID stays the text it is."""
    options: dict[str, exp.Expression] = {
        "format": exp.Literal.string("newline_delimited"),
        "sample_size": exp.Literal.number(-1),
        "union_by_name": exp.true(),
    }
    relation = _function("read_json", paths, **options)
    found = _described(connection, relation)
    guessed = [name for name in source.text_columns if found.get(name, "").startswith(_GUESSED_FROM_TEXT)]
    if not guessed:
        return relation
    return _function("read_json", paths, columns=_types(found | dict.fromkeys(guessed, "VARCHAR")), **options)


def _described(connection: duckdb.DuckDBPyConnection, relation: exp.Expression) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE FROM {relation.sql('duckdb')}").fetchall()
    return {name: type_ for name, type_, *_ in rows}


def _types(types: Mapping[str, str]) -> exp.Expression:
    fields = [
        exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=exp.Literal.string(type_))
        for name, type_ in types.items()
    ]
    return exp.Struct(expressions=fields)


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
        _copy(connection, target, read_sqlite_table(path, table, source))
        return
    alias = exp.to_identifier(f"database_{target}", quoted=True).sql("duckdb")
    connection.execute(f"ATTACH IF NOT EXISTS {exp.Literal.string(str(path)).sql('duckdb')} AS {alias} (READ_ONLY)")
    inner = ".".join(exp.to_identifier(part, quoted=True).sql("duckdb") for part in table.split("."))
    connection.execute(f"CREATE OR REPLACE VIEW {target} AS SELECT * FROM {alias}.{inner}")  # noqa: S608 - quoted


def _copy(connection: duckdb.DuckDBPyConnection, target: str, rows: SqliteTable) -> None:
    """Batch by batch, in our own thread: so an error of a batch stays what it is."""
    connection.register("sqlite_rows", rows.schema.empty_table())
    connection.execute(f"CREATE OR REPLACE TABLE {target} AS (FROM sqlite_rows)")
    for batch in rows.batches:
        connection.register("sqlite_rows", pa.Table.from_batches([batch]))
        connection.execute(f"INSERT INTO {target} FROM sqlite_rows")
    connection.unregister("sqlite_rows")


def _load_httpfs(connection: duckdb.DuckDBPyConnection, source: ResolvedSource) -> None:
    try:
        connection.execute("LOAD httpfs")
    except duckdb.Error:
        raise InvalidData(
            f"{source.name}: reading {source.shown} needs DuckDB's extension `httpfs`, which is not installed; "
            "install it with DuckDB's `INSTALL httpfs`, or copy the file beside the workspace"
        ) from None
