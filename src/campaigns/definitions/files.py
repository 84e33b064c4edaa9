"""The files of a workspace: `workspace.yaml` and `campaigns/<key>.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from campaigns.definitions.campaigns import Campaign
from campaigns.definitions.documents import Document, read_document
from campaigns.definitions.records import Record
from campaigns.definitions.references import campaign_references, workspace_references
from campaigns.definitions.words import listed, suggestion
from campaigns.definitions.workspaces import Workspace
from campaigns.errors import InvalidDefinition, NotFound, Problem

WORKSPACE_FILE = "workspace.yaml"
CAMPAIGNS_FOLDER = "campaigns"

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class DefinitionFile(Generic[R]):
    """A valid record and the file it was written in."""

    record: R
    document: Document

    def problem(
        self,
        path: tuple[str | int, ...],
        message: str,
        start: int = 0,
        end: int | None = None,
        on_key: bool = False,
    ) -> Problem:
        """A problem at a path of the file; `start` and `end` are offsets into the text (a rule) found there.

        `on_key` points at the key instead of its value.
        """
        return self.document.problem(path, message, start, end, on_key)


@dataclass(frozen=True)
class WorkspaceFile(DefinitionFile[Workspace]):
    """The workspace and its folder, an absolute path."""

    root: Path


@dataclass(frozen=True)
class CampaignFile(DefinitionFile[Campaign]):
    """A campaign of the workspace."""


def find_workspace(start: Path) -> Path:
    """The nearest folder, from `start` upwards, that holds a workspace.yaml. Raise NotFound if none does."""
    folder = start.absolute()
    for candidate in (folder, *folder.parents):
        if (candidate / WORKSPACE_FILE).is_file():
            return candidate
    raise NotFound(f"no {WORKSPACE_FILE} in {folder} or a folder above it; `campaigns init DIR` makes one")


def load_workspace(root: Path) -> WorkspaceFile:
    """The workspace in a folder.

    Raise NotFound if the folder has no workspace.yaml, InvalidDefinition with every problem of the file.
    """
    root = root.absolute()
    document = read_document(root, WORKSPACE_FILE)
    record, problems = document.validate(Workspace)
    problems += map(document.complain, workspace_references(document.data))
    return WorkspaceFile(_valid(record, problems), document, root)


def campaign_keys(workspace: WorkspaceFile) -> list[str]:
    """The names of all campaign files, sorted, whether they are valid or not."""
    return sorted(path.stem for path in (workspace.root / CAMPAIGNS_FOLDER).glob("*.yaml") if path.is_file())


def load_campaign(workspace: WorkspaceFile, key: str) -> CampaignFile:
    """A campaign of the workspace.

    Raise NotFound, naming what exists, if there is no such file; InvalidDefinition with all its problems.
    """
    keys = campaign_keys(workspace)
    if key not in keys:
        raise NotFound(f"campaign {key!r} does not exist{suggestion(key, keys)}; known: {listed(keys)}")
    document = read_document(workspace.root, f"{CAMPAIGNS_FOLDER}/{key}.yaml")
    record, problems = document.validate(Campaign)
    problems += map(document.complain, campaign_references(workspace.record, document.data))
    if record is not None and record.campaign != key:
        message = f"campaign {record.campaign!r} is in {key}.yaml: the file must be named {record.campaign}.yaml"
        problems.append(document.problem(("campaign",), message))
    return CampaignFile(_valid(record, problems), document)


def _valid(record: R | None, problems: list[Problem]) -> R:
    if problems or record is None:
        raise InvalidDefinition(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    return record
