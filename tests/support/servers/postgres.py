"""A real PostgreSQL server."""

from __future__ import annotations

import os
from pathlib import Path


class PostgresServer:
    """A running server. `url(name)` is a fresh database."""

    @classmethod
    def started(cls, folder: Path) -> PostgresServer:
        raise NotImplementedError(os.name)

    def close(self) -> None:
        raise NotImplementedError
