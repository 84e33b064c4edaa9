"""Bytes that flip, files that are cut: a snapshot or a ledger that is not what was written is told, with 9.

Never is a launch decided again from zero because of it, and never is anything else sent than was frozen.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from campaigns.app import Campaigns
from campaigns.errors import Damaged
from support.launchers import PUBLISH_EVENTS, started
from support.places import KILLED, Place, chance_of, seeds
from support.tally import TALLY
from support.workspaces import AS_OF

DAMAGED = 9
RUNS = max(4, int(os.environ.get("CAMPAIGNS_KILLS", "0")) // 8)


def flip(path: Path, chance: Random) -> None:
    """One bit of it. Zeros are left alone: most of them are room that nothing uses."""
    content = bytearray(path.read_bytes())
    place = chance.choice([at for at, byte in enumerate(content) if byte])
    content[place] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def cut(path: Path, chance: Random) -> None:
    """Everything from somewhere on."""
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def lose(path: Path, _: Random) -> None:
    path.unlink()


@pytest.mark.thinned
@pytest.mark.parametrize("damage", [flip, cut, lose])
@pytest.mark.parametrize("seed", seeds(max(1, RUNS // 10)))
def test_a_damaged_snapshot_is_told_every_time_until_it_is_restored(
    place: Place, damage: Callable[[Path, Random], None], seed: int
) -> None:
    chance = chance_of(f"{damage.__name__} snapshots", seed)
    assert place.killed_at(f"after-publish:{chance.randint(1, 8)}").exit == KILLED
    snapshots = place.root / ".campaigns" / "snapshots"
    backup = Path(shutil.copytree(snapshots, place.root.with_name("backup")))
    damage(chance.choice([path for path in sorted(snapshots.rglob("*")) if path.is_file()]), chance)
    TALLY.faults[f"snapshot {damage.__name__}"] += 1

    told = place.command("resume", "spring")
    assert told.returncode == DAMAGED, told.stderr
    with pytest.raises(Damaged):
        Campaigns(place.root).launch("winback", AS_OF, "spring")
    place.check_checkpoint()  # what leaves from files that are whole is right and counted

    shutil.rmtree(snapshots)
    shutil.copytree(backup, snapshots)
    place.finish()
    place.check_whole()


@pytest.mark.parametrize("damage", [flip, cut])
@pytest.mark.parametrize("seed", seeds(RUNS))
def test_a_damaged_ledger_is_told_or_does_no_harm(
    local: Place, damage: Callable[[Path, Random], None], seed: int
) -> None:
    chance = chance_of(f"{damage.__name__} ledgers", seed)
    assert local.killed_at(f"after-publish:{chance.randint(1, 8)}").exit == KILLED
    ledger = local.root / ".campaigns" / "ledger.db"
    close_log(ledger)
    content, sent = ledger.read_bytes(), local.stored()
    damage(ledger, chance)
    TALLY.faults[f"ledger {damage.__name__}"] += 1

    with started(local.order("resume")) as launcher:
        ending = launcher.ending()
    assert ending.error in {"", "Damaged", "NotFound", "InvalidDefinition", "Conflict"}, ending
    if ending.error or not is_readable(local):
        for file in ledger.parent.glob("ledger.db*"):
            file.unlink()
        ledger.write_bytes(content)
        local.interruptions += -(-(local.stored() - sent) // PUBLISH_EVENTS)  # the backup knows nothing of these
        local.finish()
    local.check_whole()


@pytest.mark.parametrize(
    "wrong", ["checkpoint = 0", "checkpoint = checkpoint + 60", "acknowledged = acknowledged - 1", "sends = sends + 1"]
)
def test_a_checkpoint_that_is_not_the_streams_closes_no_books(local: Place, wrong: str) -> None:
    assert local.killed_at("after-checkpoint:4").exit == KILLED
    ledger = local.root / ".campaigns" / "ledger.db"
    close_log(ledger)
    content, sent = ledger.read_bytes(), local.stored()
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute(f"UPDATE shards SET {wrong} WHERE acknowledged > 0")
    TALLY.faults["checkpoint changed"] += 1

    told = local.command("resume", "spring")
    assert told.returncode == DAMAGED, told.stderr
    if "sends" not in wrong:  # what is to be sent is counted at the end; where to begin is known before
        assert local.stored() == sent
    for file in ledger.parent.glob("ledger.db*"):
        file.unlink()
    ledger.write_bytes(content)
    local.interruptions += -(-(local.stored() - sent) // PUBLISH_EVENTS)  # the backup knows nothing of these
    local.finish()
    local.check_whole()


def is_readable(place: Place) -> bool:
    """Whether all of the ledger can be told: what is broken may be a line of the audit, which no launch needs."""
    try:
        return bool(Campaigns(place.root).status("spring"))
    except Damaged:
        return False


def close_log(ledger: Path) -> None:
    """Let the file hold everything: SQLite's write-ahead log is part of it by then."""
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
