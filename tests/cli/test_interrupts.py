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
from typer.testing import CliRunner

from campaigns.app import Campaigns
from campaigns.cli.app import app
from campaigns.launch.run import Watch
from campaigns.samples.generate import generate

from .conftest import AS_OF, COMMAND, environment


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([], "interrupted before the launch began: no event was emitted"),
        (
            [("claimed", "spring"), ("freezing", 0.4)],
            "interrupted before the audience was frozen: no event was emitted",
        ),
        ([("claimed", "spring"), ("emitting", 3, 1204)], "interrupted after 3 of 1,204 events were acknowledged"),
    ],
)
def test_the_message_says_how_far_the_launch_came(
    monkeypatch: pytest.MonkeyPatch, acme: Path, seen: list[tuple[Any, ...]], told: str
) -> None:
    def launch(_self: Campaigns, _key: str, _as_of: Any, _launch_id: Any, watch: Watch) -> None:
        for name, *arguments in seen:
            getattr(watch, name)(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Campaigns, "launch", launch)
    result = CliRunner().invoke(app, ["launch", "winback", "--json", "--workspace", str(acme)])
    assert result.exit_code == 130
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "Interrupted"
    assert told in error["message"]
    assert (f"campaigns resume spring --workspace {acme}" in result.stderr) == bool(seen)


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
