"""The arguments and options that commands share: their names, their help, and what a well-formed value is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from campaigns.app import Campaigns


def instant(text: str) -> datetime:
    """A point in time of an option. Raises typer.BadParameter."""
    from campaigns.definitions.instants import parse_instant
    from campaigns.errors import InvalidDefinition

    try:
        return parse_instant(text, "T")
    except InvalidDefinition as error:
        raise typer.BadParameter(str(error)) from None


def _launch_id(text: str) -> str:
    from campaigns.app import LAUNCH_ID

    if not LAUNCH_ID.fullmatch(text):
        raise typer.BadParameter(
            f"{text!r} is not a launch id: up to 128 letters, digits, '.', '_' or '-', the first a letter or a digit"
        )
    return text


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(f"{text!r} is not UTF-8 text") from None
    return text


def _campaigns(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names that complete a campaign, from the files alone: nothing is opened."""
    start = Path(ctx.params.get("workspace") or Path.cwd()).absolute()
    root = next((each for each in (start, *start.parents) if (each / "workspace.yaml").is_file()), start)
    return sorted(file.stem for file in (root / "campaigns").glob("*.yaml") if file.stem.startswith(incomplete))


CampaignArgument = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", parser=_text, autocompletion=_campaigns, help="Key of a campaign.")
]
AnyCampaign = Annotated[
    str | None,
    typer.Argument(metavar="CAMPAIGN", parser=_text, autocompletion=_campaigns, help="Key of a campaign; all without."),
]
Subject = Annotated[
    str,
    typer.Argument(
        metavar="CAMPAIGN|LAUNCH", parser=_text, autocompletion=_campaigns, help="Key of a campaign, or id of a launch."
    ),
]
ExperimentArgument = Annotated[str, typer.Argument(metavar="EXPERIMENT", parser=_text, help="Key of an experiment.")]
LaunchArgument = Annotated[str, typer.Argument(metavar="LAUNCH", parser=_text, help="Id of a launch.")]
AnyLaunch = Annotated[str | None, typer.Argument(metavar="LAUNCH", parser=_text, help="Id of a launch; all without.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", parser=_text, help="Id of a customer.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]

Workspace = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the workspace.  [default: the current folder or the nearest above it with a workspace.yaml]",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        metavar="T",
        parser=instant,
        help="Decide as of this instant, such as 2026-06-01 or 2026-06-01T00:00:00Z.  [default: now]",
        show_default=False,
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        metavar="T",
        parser=instant,
        help="Count what happened before this instant, such as 2026-07-01.  [default: now]",
        show_default=False,
    ),
]
By = Annotated[
    str | None,
    typer.Option(metavar="ATTRIBUTE", parser=_text, help="Also for each value of an attribute.", show_default=False),
]
MetricOption = Annotated[str, typer.Option(metavar="M", parser=_text, help="Key of a metric.")]
LaunchId = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        parser=_launch_id,
        help="Id of the launch; the same id again is the same launch.  [default: made from campaign, version and T]",
        show_default=False,
    ),
]
Rate = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=1_000_000_000,
        help="Events a second at most, kept for later resumes.  [default: as before, or as fast as it goes]",
        show_default=False,
    ),
]
TenantOption = Annotated[
    str | None, typer.Option(metavar="TENANT", parser=_text, help="Tenant of the customer, where several have the id.")
]


def opened(workspace: Path | None) -> Campaigns:
    """The workspace of --workspace. Raises NotFound, InvalidDefinition."""
    from campaigns.app import Campaigns

    return Campaigns(workspace)


def program(folder: Path | None = None) -> str:
    """How to call this program from a folder: by its name, or by its path where the name is not found."""
    import os
    import shutil
    import sys
    from shlex import quote

    if shutil.which("campaigns") or Path(sys.argv[0]).name != "campaigns":
        return "campaigns"
    return quote(os.path.relpath(sys.argv[0], folder or Path.cwd()))


def again(command: str, workspace: Path | None) -> str:
    """A command line to type next, for the same workspace."""
    from shlex import quote

    return f"{program()} {command}" + (f" --workspace {quote(str(workspace))}" if workspace else "")
