"""Views of a SQL script, written as Parquet files: reproducible bytes, bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.errors import InvalidData, Unavailable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Progress = Callable[[str, float], None]
Value = int | str | datetime


def write_views(
    sql: str,
    variables: Mapping[str, Value],
    views: Sequence[str],
    folder: Path,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Run `sql` once for each of `views`, write the view to `<folder>/<view>.parquet`; return rows by view.

    The script reads `variables` by `getvariable`. `progress` is told the view and the part done, 0 to 1.
    One thread writes a file, so its bytes do not depend on the machine; the files are written side by side.
    Each has a memory limit of 400 MB. Raises Unavailable when a file of the script cannot be
    read or the folder cannot be written.
    """
    from duckdb import Error

    connections: dict[str, DuckDBPyConnection] = {}
    try:
        for view in views:
            connections[view] = connect(sql, variables)
        with ThreadPoolExecutor(len(views)) as pool:
            running = {
                view: pool.submit(copy, connection, view, folder / f"{view}.parquet")
                for view, connection in connections.items()
            }
            try:
                watch(running, connections, progress)
            except BaseException:
                while wait(running.values(), timeout=0.1).not_done:  # else the pool would wait for unwanted files
                    for connection in connections.values():
                        connection.interrupt()  # again: one whose query has not begun yet would not notice
                raise
            return {view: rows.result() for view, rows in running.items()}
    except Error as error:
        raise Unavailable(f"cannot write {folder}: {str(error).splitlines()[0]}") from error
    finally:
        for connection in connections.values():
            connection.close()


def connect(sql: str, variables: Mapping[str, Value]) -> DuckDBPyConnection:
    """Open a database in memory, with `variables` set and `sql` run. It never spills to disk."""
    import duckdb

    connection = duckdb.connect(config={"threads": 1, "memory_limit": "400MB", "temp_directory": ""})
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    for name, value in variables.items():
        connection.execute(f"SET VARIABLE {name} = ?", [value])
    connection.execute(sql)
    return connection


def copy(connection: DuckDBPyConnection, view: str, path: Path) -> int:
    """Write one view; return its rows. Columns of more than 10,000 different values get no dictionary."""
    quoted = str(path).replace("'", "''")
    connection.execute(f"COPY (FROM {view}) TO '{quoted}' (FORMAT parquet, DICTIONARY_SIZE_LIMIT 10000)")
    return int(connection.fetchall()[0][0])


def watch(
    running: Mapping[str, Future[int]],
    connections: Mapping[str, DuckDBPyConnection],
    progress: Progress | None,
) -> None:
    """Report progress until every file is written; raise the first failure."""
    while wait(running.values(), timeout=0.1).not_done:
        for view, rows in running.items():
            if rows.done():
                rows.result()
            elif progress:
                progress(view, max(0.0, connections[view].query_progress() / 100))
    for view, rows in running.items():
        rows.result()
        if progress:
            progress(view, 1.0)


def count(path: Path) -> dict[str, int]:
    """Rows by tenant, largest first, of a file with a `tenant_id`. Raises InvalidData if it is unreadable."""
    import duckdb

    with duckdb.connect() as connection:
        try:
            relation = connection.read_parquet(str(path))
            return dict(relation.aggregate("tenant_id, count(*) AS n").order("n DESC, tenant_id").fetchall())
        except duckdb.Error as error:
            raise InvalidData(f"cannot read {path}: {error}") from error
