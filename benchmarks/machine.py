"""The machine and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import distributions, version
from typing import Any

import psutil

_PACKAGES = {"campaigns-engine", "duckdb", "growthbook", "pyarrow", "sqlglot"}


def machine() -> dict[str, Any]:
    """Cores, memory in GiB, system, versions."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30), 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{name: version(name) for name in sorted(_PACKAGES & _installed())},
        },
    }


def load() -> float:
    """The load average of the last minute: above one when others were working, too."""
    return round(os.getloadavg()[0], 2)


def _installed() -> set[str]:
    return {found.name for found in distributions()}
