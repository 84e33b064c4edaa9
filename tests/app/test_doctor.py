"""Doctor says what is wrong, in words, one thing at a time, and leaves no trace."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from campaigns.app import Campaigns
from campaigns.ledger import is_created
from support.launchers import Order, ended
from support.servers.postgres import PostgresServer
from support.shop import contents, make_shop
from support.tmpfs import filled, mounted
from support.workspaces import AS_OF, CAMPAIGN, WORKSPACE, write_campaign, write_yaml

Checks = dict[str, dict[str, Any]]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "shop")


def examined(root: Path) -> Checks:
    document = Campaigns(root).doctor()
    assert document["ok"] == all(check["ok"] for check in document["checks"])
    assert all(check["ok"] == (check["kind"] is None) for check in document["checks"])
    return {check["check"]: check for check in document["checks"]}


def failures(checks: Checks) -> dict[str, str]:
    """The kinds of what is wrong."""
    return {name: check["kind"] for name, check in checks.items() if not check["ok"]}


def test_a_workspace_where_nothing_was_launched_is_well_and_stays_untouched(shop: Path) -> None:
    before = contents(shop)
    checks = examined(shop)
    assert failures(checks) == {}
    assert contents(shop) == before
    assert list(checks) == [
        *("leftovers", "definitions", "source customers", "source events.orders", "secret", "ledger", "launches"),
        *("stream", "clock", "disk", "memory"),
    ]
    assert checks["source customers"]["found"].startswith("800 rows, 6 columns, ")
    assert "the newest of 2026-05-22 00:00:00" in checks["source events.orders"]["found"]
    for name in ("secret", "ledger", "stream"):
        assert checks[name]["found"].endswith("not created yet: the first launch creates it")


def test_after_a_launch_all_is_well(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    before = contents(shop / ".campaigns" / "snapshots")
    checks = examined(shop)
    assert failures(checks) == {}
    assert checks["ledger"]["found"] == "opens; 1 launch: 1 completed"
    assert "opens; it is " in checks["stream"]["found"]
    assert contents(shop / ".campaigns" / "snapshots") == before


def test_what_is_wrong_with_a_definition_is_told(shop: Path) -> None:
    write_campaign(shop, {**CAMPAIGN, "audience": {"where": "missing > 1"}, "variables": {"name": "lowr(first_name)"}})
    checks = examined(shop)
    assert failures(checks) == {"definitions": "InvalidDefinition"}
    assert "campaigns/winback.yaml:" in checks["definitions"]["found"]
    assert "unknown attribute `missing`, and 1 more problem" in checks["definitions"]["found"]
    assert checks["definitions"]["advice"] == "see all with: campaigns validate"


def test_a_source_that_is_gone_is_named_and_the_others_are_still_read(shop: Path) -> None:
    (shop / "data" / "customers.parquet").unlink()
    checks = examined(shop)
    assert failures(checks) == {"definitions": "InvalidData", "source customers": "InvalidData"}
    assert checks["source customers"]["found"] == "customers: no file at data/customers.parquet"
    assert checks["source events.orders"]["ok"]


def test_a_launch_that_broke_off_is_to_be_resumed(shop: Path) -> None:
    ended(Order(shop, failpoint="after-checkpoint"))
    checks = examined(shop)
    assert failures(checks) == {"launch spring": "Stopped"}
    assert checks["launch spring"]["found"].startswith("emitting, 50 of ")
    assert checks["launch spring"]["found"].endswith("; nobody works on it")
    assert checks["launch spring"]["advice"] == "finish it with: campaigns resume spring"


def test_a_paused_launch_is_no_illness(shop: Path) -> None:
    ended(Order(shop, failpoint="after-checkpoint"))
    Campaigns(shop).pause("spring")
    checks = examined(shop)
    assert failures(checks) == {}
    assert checks["launch spring"]["advice"] == "when it may go on: campaigns resume spring"


def test_a_launch_past_its_expiry_is_to_be_given_up(shop: Path) -> None:
    ended(Order(shop, failpoint="after-checkpoint"))
    in_ledger(shop, "UPDATE launches SET expires_at = '2026-06-02T00:00:00Z'")
    checks = examined(shop)
    assert failures(checks) == {"launch spring": "Stopped"}
    assert "it expired at 2026-06-02T00:00:00Z" in checks["launch spring"]["found"]
    assert "campaigns cancel spring" in checks["launch spring"]["advice"]


def in_ledger(root: Path, statement: str) -> None:
    with closing(sqlite3.connect(root / ".campaigns" / "ledger.db")) as connection, connection:
        assert connection.execute(statement).rowcount == 1


@pytest.mark.parametrize("name", ["ledger", "stream"])
def test_a_file_that_is_no_database_is_damaged(shop: Path, name: str) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    for file in (shop / ".campaigns").glob(f"{name}.db*"):
        file.unlink()
    (shop / ".campaigns" / f"{name}.db").write_bytes(b"this is no database" * 1000)
    checks = examined(shop)
    assert failures(checks) == {name: "Damaged"}


def test_another_stream_in_the_place_of_the_one_that_acknowledged_is_noticed(shop: Path) -> None:
    ended(Order(shop, failpoint="after-checkpoint"))
    for file in (shop / ".campaigns").glob("stream.db*"):
        file.unlink()
    checks = examined(shop)
    assert checks["stream"]["kind"] == "Damaged"
    url = "sqlite:///.campaigns/stream.db"
    assert checks["stream"]["found"] == f"{url} is gone: the one that acknowledged events of spring"

    Campaigns(shop).launch("winback", AS_OF, "autumn")
    found = examined(shop)["stream"]["found"]
    assert found == f"{url} is another stream than the one that acknowledged events of spring"


def test_another_stream_in_the_workspace_than_an_unfinished_launchs_is_noticed(shop: Path) -> None:
    ended(Order(shop, failpoint="after-checkpoint"))
    write_yaml(shop / "workspace.yaml", {**WORKSPACE, "stream": "sqlite:///elsewhere.db"})
    checks = examined(shop)
    assert "spring began on sqlite:///.campaigns/stream.db" in checks["stream"]["found"]
    assert not (shop / "elsewhere.db").exists()


def test_a_clock_that_went_back_is_noticed(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    in_ledger(shop, "UPDATE launches SET completed_at = '2099-01-01T00:00:00.000Z'")
    checks = examined(shop)
    assert failures(checks) == {"clock": "Unavailable"}
    assert (
        "the ledger has a record of 2099-01-01T00:00:00Z, which is later: a clock went back" in checks["clock"]["found"]
    )


def test_a_clock_that_is_not_the_file_systems_is_noticed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 3600)
    checks = examined(shop)
    assert failures(checks) == {"clock": "Unavailable"}
    assert "the file system is 3,600 s behind" in checks["clock"]["found"]


def test_a_disk_without_room_is_named(shop: Path) -> None:
    (shop / "small").mkdir()
    with mounted(shop / "small", "1m") as small:
        write_yaml(shop / "workspace.yaml", {**WORKSPACE, "snapshots": "small"})
        with filled(small, 4096):
            checks = examined(shop)
    assert failures(checks) == {"disk": "Unavailable"}
    assert "small has 4.1 KB free, the sources have" in checks["disk"]["found"]


def loosen_the_secret(root: Path) -> None:
    (root / ".campaigns" / "secret").chmod(0o644)


def loosen_the_folder(root: Path) -> None:
    (root / ".campaigns").chmod(0o755)


def empty_the_secret(root: Path) -> None:
    (root / ".campaigns" / "secret").write_text("")


@pytest.mark.parametrize(
    ("harm", "kind", "said"),
    [
        (loosen_the_secret, "InvalidDefinition", ".campaigns/secret is open to other users (mode 644)"),
        (loosen_the_folder, "InvalidDefinition", ".campaigns is open to other users (mode 755)"),
        (empty_the_secret, "Damaged", "secret: .campaigns/secret is empty"),
    ],
)
def test_a_secret_that_is_none_is_told(shop: Path, harm: Callable[[Path], None], kind: str, said: str) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    harm(shop)
    checks = examined(shop)
    assert failures(checks) == {"secret": kind}
    assert checks["secret"]["found"].startswith(said)


def test_a_secret_that_is_configured_and_missing_is_told(shop: Path) -> None:
    write_yaml(shop / "workspace.yaml", {**WORKSPACE, "secret": {"env": "CAMPAIGNS_TEST_NO_SECRET"}})
    assert failures(examined(shop)) == {"secret": "InvalidDefinition"}


def test_more_memory_than_the_machine_has_is_told(shop: Path) -> None:
    write_yaml(shop / "workspace.yaml", {**WORKSPACE, "engine": {"memory_limit": "900 TB"}})
    checks = examined(shop)
    assert checks["memory"]["kind"] == "InvalidDefinition"
    assert checks["memory"]["found"].startswith("engine.memory_limit is 900 TB, this machine has ")


def test_what_killed_processes_spilled_is_removed_and_told(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = shop / ".campaigns" / f"spill-0-{dead.pid}"
    left.mkdir()
    (left / "rows").write_bytes(bytes(2000))
    (mine := shop / ".campaigns" / f"spill-99-{os.getpid()}").mkdir()
    checks = examined(shop)
    assert checks["leftovers"]["found"] == "removed 1 spill folder of killed processes, 2.0 KB"
    assert not left.exists()
    assert mine.exists()


def test_an_error_that_nobody_expected_is_told_and_the_others_are_still_checked(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.app.machine.psutil.virtual_memory", lambda: 1 / 0)
    monkeypatch.setattr("campaigns.app.workplace.Workplace.left_spill", lambda _: [][1])
    checks = examined(shop)
    assert failures(checks) == {"leftovers": "Internal", "memory": "Internal"}
    assert checks["memory"]["found"] == "internal error: ZeroDivisionError: division by zero, please report"


def test_an_empty_database_stays_empty(shop: Path, postgres_server: PostgresServer) -> None:
    url = postgres_server.url("doctor")
    write_yaml(shop / "workspace.yaml", {**WORKSPACE, "ledger": url})
    checks = examined(shop)
    assert failures(checks) == {}
    assert checks["ledger"]["found"] == "not created yet: the first launch creates it"
    assert not is_created(url)

    Campaigns(shop).launch("winback", AS_OF, "spring")
    assert is_created(url)
    checks = examined(shop)
    assert failures(checks) == {}
    assert checks["ledger"]["found"] == "opens; 1 launch: 1 completed"


def test_a_database_with_another_time_is_told(
    shop: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_yaml(shop / "workspace.yaml", {**WORKSPACE, "ledger": postgres_server.url("doctor")})
    Campaigns(shop).launch("winback", AS_OF, "spring")
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() - 60)
    assert "the ledger's database is 60 s ahead" in examined(shop)["clock"]["found"]


def test_a_database_that_does_not_answer_is_unavailable(shop: Path) -> None:
    write_yaml(shop / "workspace.yaml", {**WORKSPACE, "ledger": "postgresql+psycopg://nobody@127.0.0.1:1/none"})
    checks = examined(shop)
    assert failures(checks) == {"ledger": "Unavailable"}
