"""SIGTERM, pause, cancel, guards and dry runs, as a person or a scheduler meets them: real processes and exit codes."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from campaigns.app import Campaigns

from .conftest import AS_OF, COMMAND, Run, edit, environment

LAUNCH = ("launch", "first-order", "--as-of", AS_OF, "--launch-id", "spring")
SENT = 7
"""Events of that launch."""


@contextmanager
def launcher(acme: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A `campaigns launch` that emits an event a second, once its first event has left."""
    command = [str(COMMAND), *LAUNCH, "--rate", "1", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=acme, env=environment(), stdout=pipe, stderr=pipe, text=True) as process:
        try:
            at_work(acme, process)
            yield process
        finally:
            process.kill()


def at_work(acme: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if acknowledged(acme):
            return
        time.sleep(0.05)
    raise AssertionError("no event was acknowledged while the launcher was alive")


def acknowledged(acme: Path) -> int:
    try:
        return int(Campaigns(acme).status("spring")["acknowledged"] or 0)
    except Exception:  # noqa: BLE001 - it does not exist yet
        return 0


def told(process: subprocess.Popen[str], *, within: float) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a launcher that must end within so many seconds."""
    out, err = process.communicate(timeout=within)
    assert "Traceback" not in err
    return process.returncode, out, err


def test_sigterm_lets_go_with_everything_noted(acme: Path, run: Run) -> None:
    with launcher(acme, "--json") as process:
        process.send_signal(signal.SIGTERM)
        code, out, err = told(process, within=2)
    assert code == 143
    done = acknowledged(acme)
    words = f"terminated after {done} of {SENT} events were acknowledged; nothing is lost\ncontinue with: "
    assert words in err
    assert "campaigns resume spring" in err
    assert json.loads(out)["error"]["kind"] == "Terminated"
    resumed = run("resume", "spring", "--rate", "1000", "--json")
    assert (resumed.code, resumed.document["acknowledged"]) == (0, SENT)
    assert len(run("events", "--launch", "spring").out.splitlines()) == SENT


def test_a_second_sigterm_ends_a_launcher_that_cannot_let_go(acme: Path, run: Run) -> None:
    stream = acme / ".campaigns" / "stream.db"
    with launcher(acme) as process, closing(sqlite3.connect(stream, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")  # the stream does not answer any more
        time.sleep(1.2)  # the next event is due
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(1) == 143
        lock.execute("ROLLBACK")
    assert run("resume", "spring", "--rate", "1000", "--json").document["acknowledged"] == SENT


@pytest.mark.parametrize(("command", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_a_launch_is_held_back_within_two_seconds(acme: Path, run: Run, command: str, state: str) -> None:
    with launcher(acme) as process:
        held = run(command, "spring", "--json")
        code, _, err = told(process, within=2)
    assert (held.code, held.document["state"], held.document["history"][-1]["what"]) == (0, state, state)
    assert code == 10
    done = acknowledged(acme)
    assert f"launch 'spring' was {state} by " in err
    assert f"stopped after {done} of {SENT} events were acknowledged" in err
    assert ("campaigns resume spring" in err) == (command == "pause")
    assert run(*LAUNCH).code == 10

    shown = run("status", "spring").out
    assert f"launch spring is {state}" in shown
    assert f"{state:<9}" in shown.partition("history")[2]
    resumed = run("resume", "spring", "--rate", "1000", "--json")
    assert resumed.code == (0 if command == "pause" else 10)
    assert acknowledged(acme) == (SENT if command == "pause" else done)


def test_what_cannot_be_held_back_is_refused(acme: Path, run: Run) -> None:
    assert run("pause", "spring").code == 4
    assert run(*LAUNCH).code == 0
    for command in ("pause", "cancel"):
        refused = run(command, "spring")
        assert (refused.code, "is completed" in refused.err) == (5, True)


def test_a_misfire_is_8_and_goes_on_with_a_confirmation(acme: Path, run: Run) -> None:
    edit(acme / "campaigns" / "first-order.yaml", "channel:", "limit: 3\nchannel:")
    asked = run(*LAUNCH)
    assert asked.code == 8
    assert "above the campaign's limit of 3" in asked.err
    assert "the campaign's limit of 3" in " ".join(run("status", "spring").out.split())
    assert run("resume", "spring").code == 8
    assert run(*LAUNCH, "--dry-run").code == 8
    assert run("resume", "spring", "--confirm").code == 0
    assert run(*LAUNCH[:-1], "summer", "--confirm").code == 0


def test_an_expired_launch_is_10(acme: Path, run: Run) -> None:
    refused = run(*LAUNCH, "--expires", "2020-01-01")
    assert refused.code == 10
    assert "expired at 2020-01-01T00:00:00Z" in refused.err
    assert run("status", "spring").code == 4


@pytest.mark.parametrize("rate", ["0", "-5", "1.5", "fast"])
def test_a_rate_is_a_positive_whole_number(run: Run, rate: str) -> None:
    assert run(*LAUNCH, "--rate", rate).code == 2


def test_a_dry_run_tells_and_keeps_nothing(acme: Path, run: Run) -> None:
    ran = run(*LAUNCH, "--dry-run", "--json")
    assert ran.code == 0
    assert {name: ran.document[name] for name in ("state", "dry_run", "sent", "acknowledged")} == {
        "state": "dry_run",
        "dry_run": True,
        "sent": SENT,
        "acknowledged": 0,
    }
    assert ran.document["bytes"] > 100 * SENT
    assert f"dry run: {SENT} events of " in run(*LAUNCH, "--dry-run").out
    assert run("status", "--json").document == {"launches": []}
    assert run("events").out == ""
    assert not list((acme / ".campaigns").glob("*s*/*"))
