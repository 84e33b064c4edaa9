"""The example workspace of the documentation, and a way to write others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.definitions import CampaignFile, WorkspaceFile, load_campaign, load_workspace
from campaigns.errors import InvalidDefinition, Problem

ACME = Path(__file__).parent / "acme"


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """A copy of the example workspace."""
    return Path(shutil.copytree(ACME, tmp_path / "acme"))


@pytest.fixture
def workspace(acme: Path) -> WorkspaceFile:
    return load_workspace(acme)


@pytest.fixture
def winback(workspace: WorkspaceFile) -> CampaignFile:
    return load_campaign(workspace, "winback")


@pytest.fixture
def workspace_problems(acme: Path) -> Callable[[str, str], list[Problem]]:
    """The problems of workspace.yaml once a piece of its text is replaced."""

    def problems(old: str, new: str) -> list[Problem]:
        _replace(acme / "workspace.yaml", old, new)
        with pytest.raises(InvalidDefinition) as caught:
            load_workspace(acme)
        return list(caught.value.problems)

    return problems


@pytest.fixture
def campaign_problems(acme: Path) -> Callable[[str, str], list[Problem]]:
    """The problems of campaigns/winback.yaml once a piece of its text is replaced."""

    def problems(old: str, new: str) -> list[Problem]:
        _replace(acme / "campaigns" / "winback.yaml", old, new)
        with pytest.raises(InvalidDefinition) as caught:
            load_campaign(load_workspace(acme), "winback")
        return list(caught.value.problems)

    return problems


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} must occur once"
    file.write_text(text.replace(old, new), encoding="utf-8")
