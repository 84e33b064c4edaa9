"""A workspace may be moved: only the root is absolute."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.definitions import resolve, resolve_url
from campaigns.errors import InvalidDefinition

ROOT = Path("/srv/acme")


@pytest.mark.parametrize(
    ("location", "resolved"),
    [
        ("data/orders.parquet", "/srv/acme/data/orders.parquet"),
        ("data/*.csv", "/srv/acme/data/*.csv"),
        ("/lake/orders", "/lake/orders"),
        ("s3://lake/orders/*.parquet", "s3://lake/orders/*.parquet"),
    ],
)
def test_a_location_is_relative_to_the_workspace(location: str, resolved: str) -> None:
    assert resolve(ROOT, location) == resolved


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("sqlite:///.campaigns/ledger.db", "sqlite:////srv/acme/.campaigns/ledger.db"),
        ("sqlite:///ledger.db?timeout=5", "sqlite:////srv/acme/ledger.db?timeout=5"),
        ("sqlite+pysqlite:///ledger.db", "sqlite+pysqlite:////srv/acme/ledger.db"),
        ("sqlite:////var/ledger.db", "sqlite:////var/ledger.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("kafka://localhost:9092/events", "kafka://localhost:9092/events"),
        ("postgresql+psycopg://db/campaigns", "postgresql+psycopg://db/campaigns"),
    ],
)
def test_a_sqlite_url_is_relative_to_the_workspace(url: str, resolved: str) -> None:
    assert resolve_url(ROOT, url) == resolved


def test_a_relative_root_is_taken_from_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve(Path("acme"), "x.csv") == str(tmp_path / "acme" / "x.csv")


def test_a_folder_that_would_cut_the_url_short_is_refused() -> None:
    with pytest.raises(InvalidDefinition, match=r"'/srv/what\?/ledger.db': a path with '\?'"):
        resolve_url(Path("/srv/what?"), "sqlite:///ledger.db")
