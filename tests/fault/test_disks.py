"""A disk without room for one of the three: the snapshot, the embedded stream, the ledger. Resumed once there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.launchers import started
from support.places import Place
from support.tally import TALLY
from support.tmpfs import filled, mounted

UNAVAILABLE = 7
ROOM = 20 << 10
"""Bytes: enough to begin, not enough to end."""


class Disk(NamedTuple):
    """A small disk and where a launch puts something on it."""

    place: Place
    folder: Path


@pytest.fixture(params=["snapshots", "stream", "ledger"])
def disk(request: pytest.FixtureRequest, local: Place) -> Iterator[Disk]:
    """A place with one thing on a disk of its own, of 8 MB; the other two are where they always are."""
    folder = local.root / "disk"
    folder.mkdir()
    values = {"snapshots": "disk/snapshots", "stream": "sqlite:///disk/stream.db", "ledger": "sqlite:///disk/ledger.db"}
    local.name = f"{request.param} on a small disk"
    local.change({request.param: values[request.param]})
    with mounted(folder, "8m"):
        yield Disk(local, folder)


def test_a_disk_that_is_full_from_the_start_is_told_with_7(disk: Disk) -> None:
    with filled(disk.folder, ROOM):
        told = disk.place.command(*disk.place.launching())
        assert told.returncode == UNAVAILABLE, told.stderr
        assert "Traceback" not in told.stderr
    disk.place.check_checkpoint()
    TALLY.faults["disk full"] += 1
    disk.place.finish()
    disk.place.check_whole()


@pytest.mark.parametrize("failpoint", ["before-freeze", "before-publish", "after-publish"])
def test_a_disk_that_gets_full_midway_stops_the_launch_where_it_is(disk: Disk, failpoint: str) -> None:
    """What the disk is for is not needed everywhere: then the launch ends well."""
    place = disk.place
    with started(place.order(sleeps_at=failpoint)) as launcher:
        launcher.asleep()
        with filled(disk.folder, 0):
            launcher.awake()
            ending = launcher.ending()
            assert ending.error in {"", "Unavailable"}, ending.message
            place.check_checkpoint()
    needs = {"snapshots": {"before-freeze"}, "stream": {"before-freeze", "before-publish", "after-publish"}}
    kind = place.name.partition(" ")[0]
    assert (ending.error == "Unavailable") == (failpoint in needs.get(kind, {failpoint}))
    place.interruptions += 1
    TALLY.faults["disk full"] += 1
    place.finish()
    place.check_whole()


@pytest.mark.thinned
@pytest.mark.parametrize("kilobytes", [1, 40, 100, 200])
def test_files_that_may_not_grow_stop_the_launch_until_they_may(place: Place, kilobytes: int) -> None:
    """`RLIMIT_FSIZE` holds for every file: with more of it the launcher comes further."""
    with started(place.order(file_bytes=kilobytes * 1024)) as launcher:
        ending = launcher.ending()
    assert ending.error in {"", "Unavailable"}, ending.message
    if kilobytes == 1:
        assert ending.error == "Unavailable"
    place.check_checkpoint()
    place.interruptions += 1
    TALLY.faults["file limit"] += 1
    place.finish()
    place.check_whole()
