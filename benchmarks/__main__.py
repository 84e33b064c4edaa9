"""`python -m benchmarks [NAME ...] [--customers N]`: run the benchmarks; `python -m benchmarks table`: only report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from benchmarks import analyze, decide, emit, fairness, freeze, kafka, launch, nats, small
from benchmarks.machine import others
from benchmarks.results import PUBLISHED, Result, write
from benchmarks.table import lines, rewrite
from benchmarks.workspaces import CACHE

CUSTOMERS = 10_000_000
ROUNDS = 3

BENCHMARKS: dict[str, Callable[[int, int], Result]] = {
    "decide": decide.run,
    "freeze": freeze.run,
    "emit": emit.run,
    "launch": launch.run,
    "fairness": fairness.run,
    "analyze": analyze.run,
    "preview": small.run_preview,
    "generate": small.run_generate,
    "startup": small.run_startup,
    "kafka": kafka.run,
    "nats": nats.run,
}
ON_SERVERS = {"kafka", "nats"}
"""They need a real server: run only when they are named."""


def main(arguments: Sequence[str]) -> None:
    """Run what is asked for. Only figures of the full size are published: others stay in the cache folder."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"which of {', '.join(BENCHMARKS)}; default all but the last two")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="size of the generated workspace")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.name) - BENCHMARKS.keys() - {"table"}:
        parser.error(f"{min(unknown)!r} is no benchmark; there are {', '.join(BENCHMARKS)}, and table")
    folder = PUBLISHED if asked.customers == CUSTOMERS else CACHE / "results"
    default = [name for name in BENCHMARKS if name not in ON_SERVERS]
    for name in [name for name in asked.name or default if name != "table"]:
        before = others()
        print(f"{name} (before it: {before})", file=sys.stderr, flush=True)
        result = BENCHMARKS[name](asked.customers, ROUNDS)
        write(folder, name, asked.customers, before, result)
        print("\n".join(lines(result.figures)), flush=True)
    if folder == PUBLISHED:
        rewrite(list(BENCHMARKS))


if __name__ == "__main__":
    main(sys.argv[1:])
