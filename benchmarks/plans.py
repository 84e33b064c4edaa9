"""Both sides of a comparison, ready to run: our compiled plan and the hand-written query on one and the same engine.

Imported in sides only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.workspaces import AS_OF
from campaigns.app.workplace import Workplace
from campaigns.definitions import load_campaign, load_workspace
from campaigns.definitions.instants import parse_instant
from campaigns.engines.duckdb import DuckDB
from campaigns.engines.port import Query
from campaigns.plan import Plan, compile_campaign, define

LAUNCH = "benchmark"
"""The launch id that handwritten.sql spells out."""

CAMPAIGN = "basket-builder"
_HANDWRITTEN = Path(__file__).with_name("handwritten.sql")
_BATCH_ROWS = 100_000


class Drained(DuckDB):
    """The engine as launches use it, whose results can also be taken as Arrow batches."""

    def drain(self, query: Query) -> int:
        """Take every row of a query, keep none; how many there were."""
        batches = self._connection.sql(query.text, params=dict(query.parameters)).to_arrow_reader(_BATCH_ROWS)
        return sum(batch.num_rows for batch in batches)

    def fetched(self, query: Query, rows: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query as Python's own objects, so many at a time."""
        result = self._connection.execute(query.text, dict(query.parameters))
        while found := result.fetchmany(rows):
            yield found


@dataclass(frozen=True, slots=True)
class Bench:
    """A workspace with an engine that has its sources, and the plan of one campaign."""

    place: Workplace
    engine: Drained
    plan: Plan

    @property
    def handwritten(self) -> Query:
        """The expert's query for the same decisions."""
        return Query(_HANDWRITTEN.read_text(), self.plan.decide().parameters)

    def screen(self) -> None:
        """Find the rows that cannot be decided, as a launch does first."""
        self.engine.run(self.plan.screen())

    def fingerprint(self, query: Query) -> Sequence[object]:
        """How many rows a query has and what is in them, whatever their order."""
        text = f"SELECT count(*) AS n, sum(hash(decision)) AS content FROM (\n{query.text}\n) AS decision"
        (row,) = self.engine.rows(Query(text, query.parameters))
        return [row["n"], str(row["content"])]


@contextmanager
def bench(workspace: str, campaign: str = CAMPAIGN) -> Iterator[Bench]:
    """The plan of a campaign over a workspace, with the workspace's own settings of the engine."""
    file = load_workspace(Path(workspace))
    place, settings = Workplace(file), file.record.engine
    definition = define(file.record, load_campaign(file, campaign).record)
    spill = Path(workspace) / f"spill-{campaign}"
    with closing(Drained(spill, settings.memory_limit, settings.threads)) as engine:
        tables = place.attach(engine, definition)
        compiled = compile_campaign(definition, definition.campaign, tables, engine.dialect)
        plan = Plan(compiled, definition, LAUNCH, parse_instant(AS_OF), place.secret())
        yield Bench(place, engine, plan)
