"""A small shop whose launch is computed here a second time, by hand: who gets an event, and under which id."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from campaigns.app import Campaigns
from campaigns.ledger import Launch, Ledger
from support.workspaces import customer, make_workspace, order

TENANTS = ("marketplace", "corner-grocer")
CUSTOMERS = 400
Check = Callable[[Path], None]
"""Holds a workspace against what must be true of it."""

MARKED = "zoë-vandermeer"
"""A matched customer whose id and name occur nowhere else."""


def make_shop(root: Path) -> Path:
    """Of ten customers one has not opted in, one ordered just now, one is staff; the others match `winback`."""
    customers, orders = [], []
    for tenant in TENANTS:
        for number, name in enumerate(names()):
            staff = ["staff"] if number % 10 == 2 else []
            customers.append(customer(name, tenant, email_opt_in=number % 10 != 0, tags=staff, first_name=name.upper()))
            orders.append(order(name, tenant, days=10 if number % 10 == 1 else 60))
    return make_workspace(root, customers=customers, orders=orders)


def names() -> Iterator[str]:
    """The customers' ids, the same in every tenant."""
    for number in range(CUSTOMERS):
        yield MARKED if number == 5 else f"c{number:04}"


def expected_ids(launch_id: str = "spring") -> set[str]:
    """The ids of the events of a launch of `winback`."""
    return {
        _md5(f"{tenant}/{launch_id}/{name}")
        for tenant in TENANTS
        for number, name in enumerate(names())
        if number % 10 > 2 and not _held_out(f"{tenant}/{name}")
    }


def stream_of(root: Path, launch_id: str = "spring") -> dict[str, list[bytes]]:
    """Every event of a launch that is on the stream, by id, copies included."""
    found: dict[str, list[bytes]] = {}
    if not (root / ".campaigns" / "ledger.db").exists() or ledger_of(root, launch_id) is None:
        return found
    for event in Campaigns(root).events(launch_id):
        found.setdefault(json.loads(event)["id"], []).append(event)
    return found


def copies(stream: dict[str, list[bytes]]) -> int:
    """Events that came more often than once."""
    return sum(Counter({name: len(events) for name, events in stream.items()}).values()) - len(stream)


def ledger_of(root: Path, launch_id: str = "spring") -> Launch | None:
    """The ledger's row of a launch."""
    with closing(Ledger(f"sqlite:///{root}/.campaigns/ledger.db")) as ledger:
        return ledger.find(launch_id)


def audit_of(root: Path) -> list[str]:
    """What the ledger says happened, in order."""
    with closing(sqlite3.connect(root / ".campaigns" / "ledger.db")) as connection:
        return [what for (what,) in connection.execute("SELECT what FROM audit ORDER BY id")]


def shards_of(root: Path, launch_id: str = "spring") -> list[Path]:
    """The files of the snapshot."""
    return sorted((root / ".campaigns" / "snapshots" / launch_id).glob("*/*.parquet"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _held_out(unit: str) -> bool:
    return _md5(f"holdout.global:{unit}")[:8] < f"{500 * 2**32 // 10_000:08x}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
