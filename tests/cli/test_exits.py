"""Every exit code, as a shell sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from campaigns import errors
from campaigns.app import Campaigns
from campaigns.cli.app import app
from campaigns.cli.exits import nearest
from campaigns.errors import CampaignsError

from .conftest import AS_OF, Run, edit


def test_a_launch_is_0_and_again_prints_its_books_with_0(run: Run) -> None:
    first = run("launch", "winback", "--as-of", AS_OF, "--json")
    again = run("launch", "winback", "--as-of", AS_OF, "--json")
    assert (first.code, again.code) == (0, 0)
    assert again.document["already_complete"]
    assert again.document["sent"] == first.document["sent"] > 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["launch", "winback", "--as-of", "tomorrow"],
        ["launch", "winback", "--launch-id", "../escape"],
        ["launch", "winback", "--launch-id", "x" * 129],
        ["launch"],
        ["launch", "winback", "--froce"],
        ["frobnicate"],
        ["schema", "sources"],
    ],
)
def test_wrong_usage_is_2(arguments: Sequence[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr
    assert result.stdout == ""


def test_a_customer_of_two_tenants_must_be_told_apart_which_is_usage(run: Run, acme: Path) -> None:
    customers = acme / "data" / "customers.csv"
    lines = customers.read_text().splitlines()
    assert lines[1].startswith("c001,marketplace,")
    customers.write_text("\n".join([*lines, lines[1].replace("marketplace", "corner-grocer")]) + "\n")
    ambiguous = run("explain", "winback", "c001", "--json")
    assert ambiguous.code == ambiguous.document["exit_code"] == 2
    assert "--tenant" in ambiguous.err
    told = run("explain", "winback", "c001", "--tenant", "corner-grocer", "--json")
    assert (told.code, told.document["tenant"]) == (0, "corner-grocer")


def test_an_invalid_definition_is_3_and_names_its_place(run: Run, acme: Path) -> None:
    edit(acme / "campaigns" / "first-order.yaml", "email_opt_in", "email_optin")
    result = run("launch", "first-order", "--json")
    assert result.code == 3
    [problem] = result.document["error"]["problems"]
    assert (problem["file"], problem["line"]) == ("campaigns/first-order.yaml", 6)
    place, excerpt, underline = result.err.splitlines()
    assert place.startswith(f"campaigns/first-order.yaml:6:{problem['column']}: ")
    assert excerpt.index("email_optin") == underline.index("^")
    assert underline.strip() == "^" * len("email_optin")
    assert not (acme / ".campaigns" / "ledger.db").exists()


def test_a_missing_source_is_3_and_named(run: Run, acme: Path) -> None:
    (acme / "data" / "customers.csv").unlink()
    result = run("preview", "winback")
    assert result.code == 3
    assert "data/customers.csv" in result.err


def test_an_as_of_in_the_future_is_3(run: Run) -> None:
    result = run("preview", "winback", "--as-of", "2999-01-01", "--json")
    assert (result.code, result.document["error"]["kind"]) == (3, "InvalidDefinition")


@pytest.mark.parametrize(
    "arguments",
    [
        ["preview", "winbak"],
        ["status", "nothing"],
        ["resume", "nothing"],
        ["purge", "nothing"],
        ["events", "--launch", "nothing"],
        ["explain", "winback", "nobody"],
        ["explain", "nothing", "c001"],
        ["explain", "winback", "c001", "--tenant", "nowhere"],
    ],
)
def test_what_does_not_exist_is_4(arguments: list[str], acme: Path) -> None:
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(acme)])
    assert result.exit_code == 4
    assert result.stderr.startswith("error: ")


def test_a_folder_without_a_workspace_is_4(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["validate", "--workspace", str(tmp_path)]).exit_code == 4


def test_the_id_of_another_campaign_is_5(run: Run) -> None:
    assert run("launch", "winback", "--as-of", AS_OF, "--launch-id", "spring").code == 0
    conflict = run("launch", "first-order", "--as-of", AS_OF, "--launch-id", "spring", "--json")
    assert (conflict.code, conflict.document["error"]["kind"]) == (5, "Conflict")


def test_quarantined_rows_are_6_for_the_call_that_completes_the_launch_only(run: Run, acme: Path) -> None:
    customers = acme / "data" / "customers.csv"
    lines = customers.read_text().splitlines()
    customers.write_text("\n".join([*lines, lines[1]]) + "\n")
    first = run("launch", "winback", "--as-of", AS_OF, "--json")
    assert first.code == 6
    assert first.document["quarantined_rows"] == {"duplicate_id": 2}
    assert "2 duplicate_id" in first.err
    assert run("launch", "winback", "--as-of", AS_OF).code == 0
    assert run("resume", first.document["launch_id"]).code == 0


def test_a_stream_that_cannot_be_opened_is_7_and_the_message_says_how_to_go_on(run: Run, acme: Path) -> None:
    workspace = acme / "workspace.yaml"
    (acme / "blocked").mkdir()
    workspace.write_text(workspace.read_text() + "\nstream: sqlite:///blocked\n")
    result = run("launch", "winback", "--as-of", AS_OF, "--launch-id", "spring", "--json")
    assert (result.code, result.document["error"]["kind"]) == (7, "Unavailable")
    assert "campaigns resume spring" in result.err
    (acme / "blocked").rmdir()
    assert run("resume", "spring").code == 0


def test_purging_an_unfinished_launch_is_8_and_confirmed_it_is_cancelled_for_good_which_is_10(
    run: Run, interrupted: str
) -> None:
    assert run("purge", interrupted).code == 8
    assert run("status", interrupted, "--json").document["state"] == "emitting"
    assert run("purge", interrupted, "--confirm").code == 0
    assert run("resume", interrupted).code == 10


def test_a_damaged_snapshot_is_9(run: Run, interrupted: str, acme: Path) -> None:
    [shard] = (acme / ".campaigns" / "snapshots" / interrupted).rglob("*.parquet")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    result = run("resume", interrupted, "--json")
    assert (result.code, result.document["error"]["kind"]) == (9, "Damaged")
    assert run("events").out == ""


def test_what_nobody_expected_is_70_in_one_line(monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    _failing(monkeypatch, ZeroDivisionError("oops"))
    result = CliRunner().invoke(app, ["validate", "--json", "--workspace", str(acme)])
    assert result.exit_code == 70
    assert result.stderr == "error: internal error: ZeroDivisionError: oops, please report\n"
    assert '"kind": "Internal"' in result.stdout


def test_a_developer_sees_the_traceback(monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    _failing(monkeypatch, ZeroDivisionError("oops"))
    result = CliRunner().invoke(app, ["validate", "--workspace", str(acme)], env={"CAMPAIGNS_DEBUG": "1"})
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_full_disk_is_7(monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    _failing(monkeypatch, OSError(28, "No space left on device", "data"))
    result = CliRunner().invoke(app, ["validate", "--workspace", str(acme)])
    assert (result.exit_code, result.stderr) == (7, "error: data: No space left on device\n")


def test_every_error_of_the_library_has_an_exit_code() -> None:
    told = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CampaignsError)]
    assert len(told) > 8
    assert [each for each in told if each is not CampaignsError and nearest(each("what went wrong")) is None] == []


def _failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_arguments: Any) -> None:
        raise error

    monkeypatch.setattr(Campaigns, "validate", fail)
