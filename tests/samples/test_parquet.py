from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from campaigns.errors import InvalidData, Unavailable
from campaigns.samples.parquet import count, write_views

NUMBERS = """
CREATE VIEW low AS FROM range(getvariable('rows')) AS r (n);
CREATE VIEW high AS SELECT n + 1000 AS n FROM range(getvariable('rows')) AS r (n);
"""


def test_every_view_becomes_a_file_in_its_own_order(tmp_path: Path) -> None:
    rows = write_views(NUMBERS, {"rows": 300_000}, ("low", "high"), tmp_path)
    assert rows == {"low": 300_000, "high": 300_000}
    with duckdb.connect() as connection:
        found = connection.read_parquet(str(tmp_path / "high.parquet")).fetchall()
    assert found == [(n,) for n in range(1000, 301_000)]


def test_a_quote_in_the_path_is_part_of_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "anna's"
    folder.mkdir()
    write_views(NUMBERS, {"rows": 1}, ("low",), folder)
    assert [file.name for file in folder.iterdir()] == ["low.parquet"]


def test_progress_grows_and_ends_at_one(tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    write_views(NUMBERS, {"rows": 20_000_000}, ("low", "high"), tmp_path, lambda view, part: seen.append((view, part)))
    for view in ("low", "high"):
        parts = [part for name, part in seen if name == view]
        assert parts == sorted(parts)
        assert parts[-1] == 1.0
    assert any(0 < part < 1 for _, part in seen)


def test_an_interruption_stops_the_writing(tmp_path: Path) -> None:
    def interrupt(view: str, part: float) -> None:
        raise KeyboardInterrupt

    endless = {"rows": 2**40}
    with pytest.raises(KeyboardInterrupt):
        write_views(NUMBERS, endless, ("low", "high"), tmp_path, interrupt)


def test_a_folder_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"cannot write .*gone"):
        write_views(NUMBERS, {"rows": 1}, ("low",), tmp_path / "gone")


def test_a_source_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"gone\.parquet"):
        write_views("CREATE VIEW v AS FROM read_parquet('gone.parquet')", {}, ("v",), tmp_path)


def test_counting_a_damaged_file_names_it(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_text("not parquet")
    with pytest.raises(InvalidData, match=r"bad\.parquet"):
        count(tmp_path / "bad.parquet")
