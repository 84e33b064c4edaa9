"""A snapshot that is not what was frozen emits nothing; a launcher that lost its claim cannot touch a valid one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.errors import Conflict, Damaged
from campaigns.launch import freeze as freezing
from support.launchers import Order, ended
from support.ledgers import ME
from support.shop import Check, ledger_of, shards_of, stream_of
from support.workspaces import AS_OF


def test_a_stream_that_was_lost_is_noticed_and_never_passed_over(shop: Path) -> None:
    """Its acknowledged events are gone: to go on behind them would close the books over a loss."""
    ended(Order(shop, failpoint="after-checkpoint"))
    for file in (shop / ".campaigns").glob("stream.db*"):
        file.rename(shop / file.name)
    with pytest.raises(Damaged, match=r"the stream that acknowledged [1-9][0-9]* of its events is gone"):
        Campaigns(shop).resume("spring")
    for file in (shop / ".campaigns").glob("stream.db*"):
        file.unlink()
    for file in shop.glob("stream.db*"):
        file.rename(shop / ".campaigns" / file.name)
    assert Campaigns(shop).resume("spring")["state"] == "completed"


def flip_a_byte(root: Path) -> None:
    shard = shards_of(root)[0]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)


def cut_a_shard(root: Path) -> None:
    shard = shards_of(root)[0]
    shard.write_bytes(shard.read_bytes()[:-100])


def lose_a_shard(root: Path) -> None:
    shards_of(root)[0].unlink()


def change_the_manifest(root: Path) -> None:
    manifest = shards_of(root)[0].parent / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"held_out": ', '"held_out": 1'))


def lose_the_manifest(root: Path) -> None:
    (shards_of(root)[0].parent / "manifest.json").unlink()


def lose_the_folder(root: Path) -> None:
    shutil.rmtree(shards_of(root)[0].parent)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flip_a_byte, "snapshot spring: shard data_0.parquet does not match its checksum"),
        (cut_a_shard, "snapshot spring: shard data_0.parquet does not match its checksum"),
        (lose_a_shard, "snapshot spring: shard data_0.parquet: No such file"),
        (change_the_manifest, "snapshot spring: the manifest does not match the ledger"),
        (lose_the_manifest, "snapshot spring: manifest: No such file"),
        (lose_the_folder, "snapshot spring: manifest: No such file"),
    ],
)
def test_a_damaged_snapshot_emits_nothing_until_it_is_restored(
    shop: Path, tmp_path: Path, whole: Check, damage: Callable[[Path], None], said: str
) -> None:
    ended(Order(shop, failpoint="after-freeze"))
    snapshot = shop / ".campaigns" / "snapshots"
    shutil.copytree(snapshot, tmp_path / "backup")
    damage(shop)
    for _ in range(2):  # trying again cannot help, and must not harm
        with pytest.raises(Damaged, match=said):
            Campaigns(shop).resume("spring")
    assert stream_of(shop) == {}
    status = Campaigns(shop).status("spring")
    assert (status["state"], status["owner"], status["acknowledged"]) == ("emitting", None, 0)

    shutil.rmtree(snapshot)
    shutil.copytree(tmp_path / "backup", snapshot)
    Campaigns(shop).resume("spring")
    whole(shop)


@pytest.mark.parametrize("moment", ["before-freeze", "before-validate"])
def test_a_launcher_that_was_overtaken_while_freezing_leaves_the_valid_snapshot_alone(
    shop: Path, whole: Check, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The first launcher seems dead, the second one freezes and emits; then the first one goes on."""
    overtaking = Campaigns(shop)

    def overtaken(place: str) -> None:
        if place == moment:
            monkeypatch.undo()
            monkeypatch.setattr("campaigns.ledger.owner.Owner.surely_dead", lambda _: True)
            overtaking.resume("spring")

    monkeypatch.setattr(freezing, "reach", overtaken)
    with pytest.raises(Conflict, match="'spring' was taken over by another launcher"):
        Campaigns(shop).launch("winback", AS_OF, "spring")

    launch = ledger_of(shop)
    assert launch is not None
    assert launch.epoch == 2
    assert launch.manifest is not None
    (folder,) = (shop / ".campaigns" / "snapshots" / "spring").iterdir()
    assert launch.manifest.startswith(folder.name)
    whole(shop)


def test_a_live_launcher_is_not_disturbed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disturbed(place: str) -> None:
        if place == "before-freeze":
            with pytest.raises(Conflict, match=f"is being worked on by {ME}"):
                Campaigns(shop).resume("spring")
            with pytest.raises(Conflict, match=f"is being worked on by {ME}"):
                Campaigns(shop).purge("spring", confirmed=True)

    monkeypatch.setattr(freezing, "reach", disturbed)
    assert Campaigns(shop).launch("winback", AS_OF, "spring")["state"] == "completed"
