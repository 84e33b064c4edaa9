"""What a benchmark found, as a file under results/."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.machine import machine
from benchmarks.sides import Measured

PUBLISHED = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one benchmark, and what each side said in each round."""

    figures: Sequence[Figure]
    rounds: Mapping[str, Sequence[Measured]]


def write(folder: Path, name: str, customers: int, others: Mapping[str, float], result: Result) -> None:
    """Store a result with the machine it belongs to, and what else went on there before it."""
    document = {
        "benchmark": name,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "customers": customers,
        "machine": machine(),
        "others_before": others,
        "figures": [figure.document() for figure in result.figures],
        "rounds": result.rounds,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(name: str) -> dict[str, Any] | None:
    """The published document of a benchmark, None when it has not run."""
    file = PUBLISHED / f"{name}.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
