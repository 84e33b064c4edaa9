"""The command answers at once: help, version and completion import nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import campaigns

from .conftest import COMMAND, environment

HEAVY = {
    "alembic",
    "duckdb",
    "numpy",
    "psutil",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
    "sqlalchemy",
    "sqlglot",
    "yaml",
}
REVEAL = """
import sys
from campaigns.cli import main
sys.argv = ["campaigns", *sys.argv[1:]]
try:
    main()
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_nothing_heavy_is_imported_before_a_command_runs(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REVEAL, *arguments], env=environment(), capture_output=True, text=True, check=True
    )
    assert "typer" in done.stderr.split()
    assert HEAVY.isdisjoint(done.stderr.split())


def test_the_version_is_the_packages() -> None:
    done = subprocess.run([COMMAND, "--version"], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == f"campaigns {campaigns.__version__}\n"


@pytest.mark.parametrize("words", ["campaigns preview w", "campaigns launch --workspace {} w"])
def test_the_shell_completes_campaigns_of_the_workspace(acme: Path, words: str) -> None:
    typed = words.format(acme)
    folder = acme.parent if "--workspace" in words else acme / "data"
    asked = {"_CAMPAIGNS_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run([COMMAND], cwd=folder, env=environment(**asked), capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["winback"]


def test_help_shows_every_command_whole() -> None:
    done = subprocess.run(
        [COMMAND, "--help"], env=environment(COLUMNS="80"), capture_output=True, text=True, check=True
    )
    assert "..." not in done.stdout.replace("[ARGS]...", "")
