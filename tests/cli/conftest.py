"""The command as a person runs it, and a workspace as `campaigns init` makes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from campaigns.samples.starter import init_workspace

AS_OF = "2026-06-01"
COMMAND = Path(sys.executable).with_name("campaigns")


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Run = Callable[..., Ran]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what would change how commands look."""
    hidden = ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "CAMPAIGNS_DEBUG", "CAMPAIGNS_FAILPOINT")
    return {name: value for name, value in os.environ.items() if name not in hidden} | changes


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """A fresh workspace, as `campaigns init` writes it."""
    init_workspace(tmp_path / "acme")
    return tmp_path / "acme"


@pytest.fixture
def run(acme: Path) -> Run:
    """Run the installed command in the workspace; its exit code, stdout and stderr."""

    def run(*arguments: str, **env: str) -> Ran:
        done = subprocess.run(
            [COMMAND, *arguments], cwd=acme, env=environment(**env), capture_output=True, timeout=60, check=False
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def interrupted(run: Run) -> str:
    """A launch that was killed after its audience was frozen; its id."""
    killed = run("launch", "winback", "--as-of", AS_OF, "--launch-id", "spring", CAMPAIGNS_FAILPOINT="before-publish")
    assert killed.code == -9
    return "spring"


def edit(file: Path, old: str, new: str) -> None:
    """Replace a piece of a file that occurs once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} must occur once"
    file.write_text(text.replace(old, new), encoding="utf-8")
