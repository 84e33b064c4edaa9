"""An engine, and sources as the application resolves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from campaigns.engines.duckdb import DuckDB
from campaigns.engines.port import ResolvedSource

Resolve = Callable[..., ResolvedSource]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(tmp_path / "spill", "256MB", threads=2)
    yield engine
    engine.close()


@pytest.fixture
def resolve(tmp_path: Path) -> Resolve:
    """A source of the workspace `tmp_path`, by what its author wrote."""

    def resolved(shown: str, table: str | None = None) -> ResolvedSource:
        location = shown if "://" in shown else str(tmp_path / shown)
        return ResolvedSource("customers", shown, location, table, ("tenant_id", "customer_id"))

    return resolved
