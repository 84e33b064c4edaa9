"""Ctrl-C says what is done and how to go on, and loses nothing."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from campaigns.app import Campaigns
from campaigns.cli.app import app
from campaigns.cli.render.progress import Progressing
from campaigns.engines.duckdb import DuckDB
from campaigns.samples.generate import generate

from .conftest import AS_OF, COMMAND, environment


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("freezing", "interrupted before the audience was frozen: no event was emitted"),
        ("emitting", "interrupted after 0 of 7 events were acknowledged"),
    ],
)
def test_the_message_says_how_far_the_launch_came(
    monkeypatch: pytest.MonkeyPatch, acme: Path, step: str, told: str
) -> None:
    # The engine tells no progress of a query that ends at once, so the first step of the freeze interrupts instead.
    monkeypatch.setattr(Progressing, "emitting", _interrupt)
    if step == "freezing":
        monkeypatch.setattr(DuckDB, "write", _interrupt)
    result = launch_first_order(acme)
    assert result.exit_code == 130
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "Interrupted"
    assert told in error["message"]
    assert f"continue with: campaigns resume spring --workspace {acme}\n" in result.stderr
    monkeypatch.undo()
    assert Campaigns(acme).resume("spring")["acknowledged"] == 7


def test_before_the_launch_began_there_is_nothing_to_resume(monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.setattr(DuckDB, "attach", _interrupt)
    result = launch_first_order(acme)
    assert result.exit_code == 130
    assert result.stderr == "error: interrupted before the launch began: no event was emitted\n"


def launch_first_order(acme: Path) -> Result:
    arguments = ["launch", "first-order", "--launch-id", "spring", "--json", "--workspace", str(acme)]
    return CliRunner().invoke(app, arguments)


def _interrupt(*_arguments: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_a_real_interrupt_while_emitting_is_130_and_resume_finishes(tmp_path: Path) -> None:
    root = tmp_path / "synthetic"
    generate(root, 400_000, tenants=3)
    arguments = ["launch", "basket-builder", "--as-of", AS_OF, "--launch-id", "big"]
    launcher = subprocess.Popen([COMMAND, *arguments], cwd=root, env=environment(), stderr=subprocess.PIPE, text=True)
    _wait_for_events(root / ".campaigns" / "ledger.db", launcher)
    launcher.send_signal(signal.SIGINT)
    _, told = launcher.communicate(timeout=60)
    assert launcher.returncode == 130
    assert "campaigns resume big\n" in told
    assert "Traceback" not in told
    done = Campaigns(root).status("big")
    assert 0 < done["acknowledged"] < done["sent"]
    assert f"after {done['acknowledged']:,} of {done['sent']:,} events were acknowledged" in told
    finished = subprocess.run(
        [COMMAND, "resume", "big", "--json"], cwd=root, capture_output=True, timeout=60, check=True
    )
    assert json.loads(finished.stdout)["acknowledged"] == done["sent"]


def _wait_for_events(ledger: Path, launcher: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and launcher.poll() is None:
        if ledger.exists():
            connection = sqlite3.connect(ledger, timeout=5)
            try:
                [[acknowledged]] = connection.execute("SELECT coalesce(sum(acknowledged), 0) FROM shards").fetchall()
            except sqlite3.OperationalError:  # not migrated yet
                acknowledged = 0
            finally:
                connection.close()
            if acknowledged:
                return
        time.sleep(0.01)
    raise AssertionError("no event was acknowledged while the launcher was alive")
