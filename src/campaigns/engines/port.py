"""What an engine must do: read declared sources, run one query into shards, read shards back as events."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Protocol

import pyarrow as pa

from campaigns.errors import Unavailable

Progress = Callable[[float], None]
"""Called about ten times a second with the done part of a long query, 0.0 to 1.0: the engine's estimate.
What it raises interrupts the query."""


@dataclass(frozen=True, slots=True)
class Query:
    """SQL text in the engine's dialect and the values of its named parameters, which never become text."""

    text: str
    parameters: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ResolvedSource:
    """A declared source, ready to be opened.

    `name` is how errors call it (`customers`, `events.orders`); `shown` is the location as the author wrote it,
    `location` the same resolved against the workspace; `text_columns` hold ids and are never read as numbers from CSV.
    """

    name: str
    shown: str
    location: str
    table: str | None
    text_columns: Sequence[str]

    @property
    def base(self) -> str:
        """The part of the location that is the workspace's own folder; empty for a URL or an absolute path."""
        shown = str(PurePath(self.shown))
        return self.location.removesuffix(shown) if "://" not in self.location else ""


class Changed(Unavailable):
    """A source changed while it was read: what was decided may not fit together. Decide again."""


class Engine(Protocol):
    """Runs plans. Sources appear as tables `source.<name>`; nothing else of the outside is reachable from a query."""

    dialect: str
    """SQLGlot's name of the SQL dialect."""

    def attach(self, table: str, source: ResolvedSource) -> dict[str, str]:
        """Make a source readable as `source.<table>`; its columns and their types in the dialect's own words.

        Raises InvalidData when the source is missing, unreadable, or needs an extension that is not installed.
        """

    def run(self, query: Query, progress: Progress | None = None) -> None:
        """Execute a statement without a result, such as one that fills a temporary table."""

    def rows(self, query: Query, progress: Progress | None = None) -> list[dict[str, object]]:
        """The rows of a small result. Raises InvalidData when a source does not hold what it declares."""

    def write(self, query: Query, folder: Path, progress: Progress | None = None) -> list[Path]:
        """Run a query of any size into Parquet files in an empty folder, in bounded memory.

        Raises InvalidData for a broken source, Unavailable for a full disk. Files are not yet synced to disk.
        """

    def load(self, query: Query, batches: Iterable[pa.RecordBatch]) -> None:
        """Execute a statement for each batch, which it reads as the table `batch`. Raises Unavailable (full disk)."""

    def size(self, table: str) -> int:
        """Bytes of the files of an attached source as they were then; 0 for one that is not local."""

    def unchanged(self) -> None:
        """Raise Changed when the files of a source are not those that were there when it was attached."""

    def events(self, query: Query, start: int, rows: int) -> Generator[pa.RecordBatch]:
        """Stream the query's columns row, key, value, id: events of a shard from row `start` on, rows growing.

        At least one and at most `rows` of them a portion; memory is bounded, and several streams may be open at a
        time. Raises Damaged when the file cannot be read, a row is out of order or comes twice, or a decision cannot
        be encoded: before anything of that portion is handed out.
        """

    def close(self) -> None:
        """Release memory, temporary tables and files."""
