"""The embedded engine: DuckDB over local files, in bounded memory, with nothing of the outside but the sources."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from campaigns.engines.port import Changed, Progress, Query, ResolvedSource
from campaigns.engines.sources import attach, fingerprint
from campaigns.errors import Damaged, InvalidData, Unavailable

_POLL_SECONDS = 0.1
_SHARD_BYTES = "32MB"
T = TypeVar("T")


class DuckDB:
    """An in-memory DuckDB that spills to the folder `temp`, created when needed and removed by `close`."""

    dialect = "duckdb"

    def __init__(self, temp: Path, memory_limit: str, threads: int | None = None) -> None:
        self._temp = temp
        self._attached: dict[str, ResolvedSource] = {}
        self._fingerprints: dict[str, list[tuple[str, int, int, int]]] = {}
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "temp_directory": str(temp),
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
        }
        if threads is not None:
            config["threads"] = threads
        with self._translated():
            self._connection = duckdb.connect(":memory:", config=config)
            self._connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA source")
            self._connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")

    def attach(self, table: str, source: ResolvedSource) -> dict[str, str]:
        """See `Engine.attach`."""
        self._attached[table] = source
        with self._translated(f"{source.name}: "):
            attach(self._connection, table, source)
            self._fingerprints[table] = fingerprint(source)
            described = self._connection.execute(
                "SELECT column_name, column_type FROM (DESCRIBE FROM query_table($table))",
                {"table": f"source.{table}"},
            )
            return dict(described.fetchall())

    def run(self, query: Query, progress: Progress | None = None) -> None:
        """See `Engine.run`."""
        self._interruptible(lambda: self._connection.execute(query.text, dict(query.parameters)).fetchall(), progress)

    def rows(self, query: Query, progress: Progress | None = None) -> list[dict[str, object]]:
        """See `Engine.rows`."""

        def fetch() -> list[dict[str, object]]:
            result = self._connection.execute(query.text, dict(query.parameters))
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

        return self._interruptible(fetch, progress)

    def write(self, query: Query, folder: Path, progress: Progress | None = None) -> list[Path]:
        """See `Engine.write`."""
        target = str(folder).replace("'", "''")
        copy = Query(
            f"COPY (\n{query.text}\n) TO '{target}' (FORMAT parquet, COMPRESSION zstd, PER_THREAD_OUTPUT true, "
            f"FILE_SIZE_BYTES '{_SHARD_BYTES}', OVERWRITE_OR_IGNORE true)",
            query.parameters,
        )
        self._interruptible(lambda: self._connection.execute(copy.text, dict(copy.parameters)).fetchall(), progress)
        return sorted(folder.glob("*.parquet"))

    def load(self, query: Query, batches: Iterable[pa.RecordBatch]) -> None:
        """See `Engine.load`."""
        for batch in batches:
            with self._translated():
                self._connection.register("batch", pa.Table.from_batches([batch]))
                self._connection.execute(query.text, dict(query.parameters))
                self._connection.unregister("batch")

    def size(self, table: str) -> int:
        """See `Engine.size`."""
        return sum(size for _, _, size, _ in self._fingerprints[table])

    def unchanged(self) -> None:
        """See `Engine.unchanged`."""
        for table, source in self._attached.items():
            try:
                found = fingerprint(source)
            except (OSError, InvalidData):  # it is gone
                found = []
            if found != self._fingerprints[table]:
                raise Changed(f"{source.name}: {source.shown} changed while the audience was being decided")

    def events(self, query: Query, start: int, rows: int) -> Generator[pa.RecordBatch]:
        """See `Engine.events`."""
        try:
            with closing(self._connection.cursor()) as stream:  # of its own: several may be read in turns
                stream.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = true")
                for batch in stream.sql(query.text, params=dict(query.parameters)).to_arrow_reader(rows):
                    if batch.num_rows == 0:
                        continue
                    found = batch.column(0).to_numpy()
                    if found[0] < start or (found[1:] <= found[:-1]).any():
                        raise Damaged(f"a shard's rows from {start} on came out of order; none of them was emitted")
                    if any(column.null_count for column in batch.columns):
                        raise Damaged(f"a decision in the rows from {start} on of a shard cannot be encoded")
                    start = int(found[-1]) + 1
                    yield batch
        except (duckdb.Error, pa.ArrowException) as error:
            raise Damaged(f"a shard cannot be read: {_message(error)}") from error

    def close(self) -> None:
        """See `Engine.close`."""
        self._connection.close()
        shutil.rmtree(self._temp, ignore_errors=True)

    def _interruptible(self, work: Callable[[], T], progress: Progress | None = None) -> T:
        """Run `work` beside the main thread, so that Ctrl-C and `progress` can interrupt a query."""
        done = threading.Event()
        outcome: list[T] = []
        failure: list[BaseException] = []

        def body() -> None:
            try:
                outcome.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
                failure.append(error)
            finally:
                done.set()

        thread = threading.Thread(target=body, name="duckdb-query", daemon=True)
        thread.start()
        try:
            while not done.wait(_POLL_SECONDS):
                if progress is not None:
                    progress(max(0.0, self._connection.query_progress() / 100))
        except BaseException:
            self._connection.interrupt()
            thread.join()
            raise
        with self._translated():
            if failure:
                raise failure[0]
        return outcome[0]

    @contextmanager
    def _translated(self, prefix: str = "") -> Iterator[None]:
        """DuckDB's errors as ours: who must act is what the caller needs to know."""
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            raise Unavailable(f"{prefix}out of memory: {self._told(error)}; raise `engine.memory_limit`") from error
        except duckdb.IOException as error:
            if "No space left" in str(error) or "disk is full" in str(error).lower():
                raise Unavailable(f"{prefix}the disk is full: {self._told(error)}") from error
            raise InvalidData(f"{prefix}{self._told(error)}") from error
        except duckdb.Error as error:
            raise InvalidData(f"{prefix}{self._told(error)}") from error

    def _told(self, error: Exception) -> str:
        """The message with files as the author knows them: errors are kept in the ledger, which may move."""
        text = _message(error)
        for base in {source.base for source in self._attached.values()} - {""}:
            text = text.replace(base, "")
        shown = {source.shown for source in self._attached.values()}
        return (
            text
            if not shown or any(name in text for name in shown)
            else f"{text} (sources: {', '.join(sorted(shown))})"
        )


_NOISE = ("Possible", "LINE ", "delimiter =", "quote =", "escape =", "header =", "null_", "encoding =")
_EXCERPT = "Original Line"
_AFTER_EXCERPT = ("Expected Number of Columns", "Invalid unicode", "Value with unterminated quote", "Possible")
_VALUE = re.compile(r"""\b(string|value) (".*?"|'.*?')(?= )""", re.DOTALL | re.IGNORECASE)


def _message(error: Exception) -> str:
    """DuckDB's message without its excerpts of the query and of the data, which may be personal."""
    told, excerpt = [], False
    for line in map(str.strip, _VALUE.sub(r"\1 (not shown)", str(error)).splitlines()):
        excerpt = (excerpt or line.startswith(_EXCERPT)) and not line.startswith(_AFTER_EXCERPT)
        if line and not excerpt and not line.startswith(_NOISE) and not set(line) <= {"^"}:
            told.append(line)
    return " ".join(told[:3])
