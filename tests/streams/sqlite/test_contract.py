from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.streams.contract import Opened, StreamContract
from campaigns.streams.sqlite import SqliteStream


class TestSqliteStream(StreamContract):
    patience = 10.0
    silence = 1.2

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        path, lease = tmp_path / "stream.db", timedelta(seconds=1)
        return lambda partitions: SqliteStream(path, partitions=partitions, lease=lease)

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> SqliteStream:
        return SqliteStream(tmp_path / "no such folder" / "stream.db")
