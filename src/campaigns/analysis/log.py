"""The exposure log: one row per customer with the first exposure, for any other tool."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from campaigns.analysis import sql
from campaigns.analysis.frame import HOLDOUT, Part, framed
from campaigns.definitions import arm_name
from campaigns.engines.port import Engine, Query
from campaigns.errors import Conflict, Unavailable


def write_assignments(experiment: str, parts: Sequence[Part], engine: Engine, out: Path) -> dict[str, Any]:
    """Write tenant, customer, experiment, variant (`holdout`: held out), first_exposure, launch_id and weights, with
    the levels of a factorial, as Parquet files into a new or empty folder; what was written.

    Raises Conflict for a folder that has files, Unavailable when it cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Conflict(f"{str(out)!r} is not an empty folder; name another one")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{str(out)!r}: {error.strerror}") from error
    frame = framed(engine, parts)
    arms = " ".join(f"WHEN {number} THEN {sql.text(arm)}" for number, arm in enumerate(frame.arms))
    launches = " ".join(f"WHEN {number} THEN {sql.text(part.launch_id)}" for number, part in enumerate(parts))
    weights = " ".join(
        f"WHEN {number} THEN {sql.text(json.dumps(dict(stratum.weights)))}"
        for number, stratum in enumerate(frame.strata)
    )
    query = (
        f"SELECT tenant, customer, {sql.text(experiment)} AS experiment, "
        f"CASE arm {arms} ELSE {sql.text(HOLDOUT)} END AS variant, {_levels(parts, frame.arms)}"
        f"exposure AS first_exposure, CASE launch {launches} END AS launch_id, CASE stratum {weights} END AS weights "
        "FROM frame"
    )
    files = engine.write(Query(query), out)
    return {"experiment": experiment, "customers": frame.exposed, "files": [str(file) for file in files]}


def _levels(parts: Sequence[Part], arms: Sequence[str]) -> str:
    """The levels of a factorial as a struct; nothing without factors."""
    experiment = parts[-1].experiment
    if not experiment.factors:
        return ""
    cells = {arm_name(cell): cell for cell in experiment.cells}
    cases = " ".join(
        f"WHEN {number} THEN {{{', '.join(f'{sql.name(f)}: {sql.text(level)}' for f, level in cells[arm].items())}}}"
        for number, arm in enumerate(arms)
        if arm in cells
    )
    return f"CASE arm {cases} END AS levels, "
