"""A disk that is full, a file that may not grow, a workspace that may not be written: told clearly, resumed later."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.errors import Unavailable
from support.launchers import Order, ended
from support.shop import Check, contents
from support.workspaces import AS_OF


def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Mount on a folder for the time of a test."""
    command = ["mount", *options, str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_disk(shop: Path) -> Iterator[Path]:
    """The shop's private folder on a disk of 8 MB."""
    secret = (shop / ".campaigns" / "secret").read_bytes()
    for folder in mounted(shop / ".campaigns", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs"):
        (folder / "secret").write_bytes(secret)
        yield folder


@pytest.mark.parametrize("room", [0, 40, 120, 200, 280, 400, 600, 800])
def test_a_launch_on_a_full_disk_goes_on_once_there_is_room(
    shop: Path, small_disk: Path, whole: Check, room: int
) -> None:
    """With more room (in KB) it gets further: the ledger, the snapshot, the stream."""
    ballast = small_disk / "ballast"
    free = shutil.disk_usage(small_disk).free
    ballast.write_bytes(bytes(free - room * 1024))

    ending = ended(Order(shop))
    assert ending.error == "Unavailable", ending.message

    ballast.unlink()
    assert ended(Order(shop)).error == ""
    whole(shop)


@pytest.mark.parametrize("kilobytes", [1, 40, 100, 200])
def test_a_launch_whose_files_may_not_grow_goes_on_once_they_may(shop: Path, whole: Check, kilobytes: int) -> None:
    ending = ended(Order(shop, file_bytes=kilobytes * 1024))
    assert ending.error == "Unavailable", ending.message
    assert Path(shop / ".campaigns" / "secret").exists()

    assert ended(Order(shop)).error == ""
    whole(shop)


@pytest.fixture
def sealed(shop: Path) -> Iterator[Path]:
    """A shop with a completed launch, that nothing can be written to any more."""
    Campaigns(shop).launch("winback", AS_OF, "spring")
    yield from mounted(shop, "--bind", "-o", "ro", str(shop))


def test_a_read_only_workspace_is_looked_at_but_not_launched_from(sealed: Path, undisturbed: dict[str, bytes]) -> None:
    before = contents(sealed)
    assert Campaigns(sealed).preview("winback", AS_OF)["sent"] == len(undisturbed)
    with pytest.raises(Unavailable, match=r"ledger: |read-only|Read-only"):
        Campaigns(sealed).launch("winback", AS_OF, "autumn")
    assert contents(sealed) == before


@pytest.fixture
def new_and_sealed(shop: Path) -> Iterator[Path]:
    """A shop where nothing was launched yet, that nothing can be written to."""
    shutil.rmtree(shop / ".campaigns")
    yield from mounted(shop, "--bind", "-o", "ro", str(shop))


def test_a_read_only_workspace_where_nothing_was_launched_yet_says_so(new_and_sealed: Path) -> None:
    assert Campaigns(new_and_sealed).preview("winback", AS_OF)["sent"] > 0
    with pytest.raises(Unavailable, match=r"workspace: cannot create \.campaigns: Read-only file system"):
        Campaigns(new_and_sealed).launch("winback", AS_OF, "spring")
