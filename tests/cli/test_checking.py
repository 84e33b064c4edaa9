"""`verify` and `doctor` as a person and a program see them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import AS_OF, Run


@pytest.fixture
def launched(run: Run) -> str:
    assert run("launch", "winback", "--as-of", AS_OF, "--launch-id", "spring").code == 0
    return "spring"


def lose_an_event(root: Path) -> None:
    with closing(sqlite3.connect(root / ".campaigns" / "stream.db")) as connection, connection:
        connection.execute('DELETE FROM "messages.events.0.0" WHERE position = 0')


def test_a_whole_launch_is_verified(run: Run, launched: str) -> None:
    found = run("verify", launched)
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith("✓ launch spring is completed; the stream agrees with its snapshot\n")
    assert "  0  lost: acknowledged, but not on the stream\n" in found.out
    assert "the books are closed" in found.out
    assert "what is wrong" not in found.out


def test_a_launch_that_lost_an_event_ends_with_9_and_the_document_all_the_same(
    run: Run, launched: str, acme: Path
) -> None:
    lose_an_event(acme)
    found = run("verify", launched, "--json")
    assert found.code == 9
    assert (found.document["lost"], found.document["ok"]) == (1, False)
    people = run("verify", launched)
    assert people.code == 9
    assert people.out.startswith("✗ launch spring is completed; THE STREAM DOES NOT AGREE WITH ITS SNAPSHOT\n")
    assert "1 events that the stream acknowledged are not on it" in people.out
    assert found.document["samples"]["lost"][0] in people.out


def test_an_interrupted_launch_has_pending_events_and_is_not_wrong(run: Run, interrupted: str) -> None:
    found = run("verify", interrupted, "--json")
    assert found.code == 0
    assert found.document["pending"] == found.document["expected"] > 0


def test_there_is_nothing_to_verify_of_a_launch_that_does_not_exist(run: Run) -> None:
    found = run("verify", "nothing", "--json")
    assert found.code == 4
    assert found.document["error"]["kind"] == "NotFound"


def test_doctor_tells_that_all_is_well(run: Run, acme: Path) -> None:
    found = run("doctor")
    assert (found.code, found.err) == (0, "")
    assert found.out.endswith("\nall is well\n")
    assert max(map(len, found.out.splitlines())) <= 80
    assert not (acme / ".campaigns").exists()


def test_doctor_ends_with_the_code_of_the_first_thing_that_is_wrong(run: Run, interrupted: str, acme: Path) -> None:
    found = run("doctor", "--json")
    assert found.code == 10
    (wrong,) = [check for check in found.document["checks"] if not check["ok"]]
    assert wrong["check"] == f"launch {interrupted}"
    assert wrong["advice"] == f"finish it with: campaigns resume {interrupted}"

    for file in (acme / "data").glob("customers*"):
        file.unlink()
    people = run("doctor")
    assert people.code == 3
    assert "✗  launch spring" in people.out
    assert people.out.endswith("\n3 of the checks failed\n")


def test_doctor_draws_words_where_the_terminal_has_no_marks(run: Run, interrupted: str) -> None:
    found = run("doctor", PYTHONIOENCODING="ascii")
    assert found.out.isascii()
    assert "NO  launch spring" in found.out
    assert "ok  definitions" in found.out
