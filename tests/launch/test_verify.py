"""What verify finds when the stream is not what the snapshot says, and that it finds nothing when it is."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from campaigns.app import Campaigns
from campaigns.errors import Conflict, Damaged, NotFound
from campaigns.streams import Message
from campaigns.streams.sqlite import SqliteStream
from support.launchers import PUBLISH_EVENTS, Order, ended
from support.shop import expected_ids, shards_of
from support.workspaces import AS_OF, WORKSPACE, write_yaml

SOURCE = "/workspaces/acme/campaigns/winback/launches/spring"


@pytest.fixture(scope="module")
def launched(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("launched") / "shop"))
    Campaigns(root).launch("winback", AS_OF, "spring")
    return root


@pytest.fixture
def spoilt(launched: Path, tmp_path: Path) -> Path:
    """A shop with a completed launch, to be ruined."""
    return Path(shutil.copytree(launched, tmp_path / "spoilt"))


def verified(root: Path, launch_id: str = "spring") -> dict[str, Any]:
    return Campaigns(root).verify(launch_id)


def counts(document: dict[str, Any]) -> dict[str, int]:
    """What is not as it should be."""
    return {
        name: document[name] for name in ("lost", "pending", "changed", "duplicates", "foreign") if document[name] != 0
    }


def on_stream(root: Path, statement: str, *values: object) -> None:
    """Change the stream behind everybody's back; `messages` is its one segment."""
    with closing(sqlite3.connect(root / ".campaigns" / "stream.db")) as connection, connection:
        assert connection.execute(statement.replace("messages", '"messages.events.0.0"'), values).rowcount > 0


def publish(root: Path, *values: bytes) -> None:
    stream = SqliteStream(root / ".campaigns" / "stream.db")
    with closing(stream.publisher()) as publisher:
        publisher.publish([Message("somebody", value, str(number)) for number, value in enumerate(values)])


def test_a_completed_launch_is_proved_to_be_whole(spoilt: Path) -> None:
    document = verified(spoilt)
    sent = len(expected_ids())
    assert (document["expected"], document["found"], document["events"]) == (sent, sent, sent)
    assert counts(document) == {}
    assert (document["books_closed"], document["ok"], document["problems"]) == (True, True, [])


def test_events_that_vanished_are_lost(spoilt: Path) -> None:
    on_stream(spoilt, "DELETE FROM messages WHERE position < 7")
    document = verified(spoilt)
    assert counts(document) == {"lost": 7}
    assert document["found"] == document["expected"] - 7
    assert document["problems"] == ["7 events that the stream acknowledged are not on it"]
    assert len(document["samples"]["lost"]) == 5
    assert set(document["samples"]["lost"]) < expected_ids()
    assert not document["ok"]


def test_a_stream_that_is_gone_has_lost_everything_and_its_retention_is_named(spoilt: Path) -> None:
    write_yaml(spoilt / "workspace.yaml", {**WORKSPACE, "stream": with_retention("7 days")})
    for file in (spoilt / ".campaigns").glob("stream.db*"):
        file.unlink()
    document = verified(spoilt)
    assert counts(document) == {"lost": len(expected_ids())}
    assert "the stream's retention of 7 days may have removed them" in document["problems"][0]


def with_retention(age: str) -> dict[str, Any]:
    return {"url": "sqlite:///.campaigns/stream.db", "config": {"retention": age}}


def test_copies_are_counted_and_allowed(spoilt: Path) -> None:
    on_stream(spoilt, "INSERT INTO messages SELECT position + 100000, key, value FROM messages WHERE position < 20")
    on_stream(spoilt, "INSERT INTO messages SELECT position + 200000, key, value FROM messages WHERE position = 3")
    on_stream(spoilt, "UPDATE partitions SET next = 300000")
    document = verified(spoilt)
    assert counts(document) == {"duplicates": 21}
    assert document["events"] == document["found"] + 21
    assert document["ok"]


def test_one_changed_byte_is_found(spoilt: Path) -> None:
    changed = "UPDATE messages SET value = CAST(replace(CAST(value AS TEXT), 'ten_off', 'ten_0ff') AS BLOB)"
    on_stream(
        spoilt,
        f"{changed} WHERE position = (SELECT min(position) FROM messages WHERE CAST(value AS TEXT) LIKE '%ten_off%')",
    )
    document = verified(spoilt)
    assert counts(document) == {"changed": 1}
    assert set(document["samples"]["changed"]) < expected_ids()
    assert not document["ok"]


def test_a_changed_copy_beside_the_right_one_is_found(spoilt: Path) -> None:
    (event, *_) = Campaigns(spoilt).events("spring")
    publish(spoilt, event.replace(b'"channel":"email"', b'"channel":"sms"'))
    assert counts(verified(spoilt)) == {"changed": 1, "duplicates": 1}


@pytest.mark.parametrize(
    "value",
    [
        json.dumps({"id": "f" * 32, "source": SOURCE}).encode(),
        json.dumps({"source": SOURCE}).encode(),
        json.dumps({"id": ["a", "list"], "source": SOURCE}).encode(),
        json.dumps({"id": "x" * 100_000, "source": SOURCE}).encode(),
        b'{"id": "broken", "source": "' + SOURCE.encode() + b'", ',
        b'\xff\x00 "' + SOURCE.encode() + b'"',
    ],
    ids=["unknown id", "no id", "odd id", "endless id", "broken JSON", "not UTF-8"],
)
def test_messages_with_the_launchs_source_that_are_none_of_its_events_are_foreign(spoilt: Path, value: bytes) -> None:
    publish(spoilt, value)
    document = verified(spoilt)
    assert counts(document) == {"foreign": 1}
    assert document["problems"] == ["1 messages carry the source of the launch, but are none of its events"]
    assert len(str(document["samples"]["foreign"])) < 100


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"not JSON",
        b"\xff\xfe",
        b"[" * 5000,
        json.dumps({"id": "f" * 32, "source": f"{SOURCE}-2"}).encode(),
        json.dumps({"id": "f" * 32, "source": "/elsewhere", "data": {"source": SOURCE}}).encode(),
        json.dumps([SOURCE]).encode(),
    ],
    ids=["empty", "text", "not UTF-8", "deep", "longer launch id", "mentioned", "a list"],
)
def test_what_others_put_on_the_stream_is_none_of_its_business(spoilt: Path, value: bytes) -> None:
    publish(spoilt, value)
    assert counts(verified(spoilt)) == {}


def test_two_launches_on_one_stream_are_told_apart(spoilt: Path) -> None:
    Campaigns(spoilt).launch("winback", AS_OF, "spring-2")
    on_stream(
        spoilt, f"DELETE FROM messages WHERE CAST(value AS TEXT) LIKE '%{SOURCE}-2%' AND key LIKE 'marketplace/c000%'"
    )
    assert counts(verified(spoilt)) == {}
    assert verified(spoilt)["events"] == len(expected_ids())
    assert verified(spoilt, "spring-2")["lost"] > 0


@pytest.mark.parametrize(
    ("failpoint", "on_it"),
    [("before-publish", 0), ("after-publish", PUBLISH_EVENTS), ("after-checkpoint", PUBLISH_EVENTS)],
)
def test_of_an_unfinished_launch_what_nobody_acknowledged_is_pending(shop: Path, failpoint: str, on_it: int) -> None:
    assert ended(Order(shop, failpoint=failpoint)).exit == -9
    document = verified(shop)
    assert document["found"] == document["events"] == on_it
    assert counts(document) == {"pending": len(expected_ids()) - on_it}
    assert (document["books_closed"], document["ok"]) == (False, True)


def test_of_an_unfinished_launch_what_was_acknowledged_can_be_lost(shop: Path) -> None:
    assert ended(Order(shop, failpoint="after-checkpoint")).exit == -9
    on_stream(shop, "DELETE FROM messages WHERE position < 3")
    document = verified(shop)
    assert counts(document) == {"lost": 3, "pending": len(expected_ids()) - PUBLISH_EVENTS}
    assert not document["ok"]


def test_the_repetition_of_a_killed_launch_is_counted(shop: Path) -> None:
    assert ended(Order(shop, failpoint="after-publish")).exit == -9
    Campaigns(shop).resume("spring")
    document = verified(shop)
    assert counts(document) == {"duplicates": PUBLISH_EVENTS}
    assert document["ok"]


def test_a_launch_with_nothing_frozen_has_nothing_to_hold_the_stream_against(shop: Path) -> None:
    ended(Order(shop, failpoint="before-freeze"))
    with pytest.raises(NotFound, match="'spring' is freezing: nothing is frozen yet"):
        verified(shop)
    with pytest.raises(NotFound, match="'autumn' does not exist"):
        verified(shop, "autumn")


def test_a_purged_launch_cannot_be_verified_any_more(spoilt: Path) -> None:
    Campaigns(spoilt).purge("spring")
    with pytest.raises(NotFound, match="'spring' was purged"):
        verified(spoilt)


def test_another_stream_in_the_workspace_is_not_taken_for_a_loss(spoilt: Path) -> None:
    write_yaml(spoilt / "workspace.yaml", {**WORKSPACE, "stream": "sqlite:///elsewhere.db"})
    with pytest.raises(Conflict, match=r"emitted to sqlite:///\.campaigns/stream\.db"):
        verified(spoilt)


def lose_the_manifest(root: Path) -> None:
    (shards_of(root)[0].parent / "manifest.json").unlink()


def flip_a_byte(root: Path) -> None:
    shard = shards_of(root)[0]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)


@pytest.mark.parametrize("damage", [lose_the_manifest, flip_a_byte])
def test_a_damaged_snapshot_proves_nothing(spoilt: Path, damage: Callable[[Path], None]) -> None:
    damage(spoilt)
    with pytest.raises(Damaged, match="snapshot spring"):
        verified(spoilt)
