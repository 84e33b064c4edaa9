"""One side of a measurement: `python -m benchmarks.child MODULE FUNCTION JSON` prints what the function found."""

from __future__ import annotations

import importlib
import json
import resource
import sys

_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in what getrusage calls 1


def main(module: str, function: str, arguments: str) -> None:
    """Call the function; print its result and this process's peak memory as the last line."""
    found = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / (1 << 20)
    print(json.dumps({**found, "peak_mib": round(peak)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
