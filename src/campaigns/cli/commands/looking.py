"""Commands that look at definitions: nothing is written."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from campaigns.cli.options import AnyCampaign, AsOf, CampaignArgument, Json, Workspace, again, opened
from campaigns.cli.output import show, write_json


def validate(campaign: AnyCampaign = None, workspace: Workspace = None, as_json: Json = False) -> None:
    """Check definitions and sources; every problem is told at once."""
    from campaigns.cli.render.lines import valid_view

    checked = opened(workspace).validate(campaign)
    show({"campaigns": checked, "problems": []}, as_json=as_json, view=valid_view)


def preview(campaign: CampaignArgument, as_of: AsOf = None, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show exactly what a launch would do: funnel, counts, events. Nothing is written."""
    from campaigns.cli.render.funnel import preview_view

    document = opened(workspace).preview(campaign, as_of)
    command = again(f"preview {campaign} --json", workspace)
    show(document, as_json=as_json, view=lambda shown: preview_view(shown, command))
    warn(document)


def plan(campaign: CampaignArgument, as_of: AsOf = None, workspace: Workspace = None, as_json: Json = False) -> None:
    """Print the SQL that a launch runs. The secret is not in it."""
    from campaigns.cli.render.plan import plan_view
    from campaigns.definitions.instants import format_instant

    found = opened(workspace).plan(campaign, as_of)
    queries = {"screen": found.screen(), "quarantine": found.quarantine(), "decide": found.decide()}
    document = {
        "campaign": campaign,
        "launch_id": found.launch_id,
        "as_of": format_instant(found.as_of),
        "queries": [{"name": name, "sql": query.text} for name, query in queries.items()],
    }
    show(document, as_json=as_json, view=plan_view)


class Schema(StrEnum):
    """What has a published JSON Schema."""

    WORKSPACE = "workspace"
    CAMPAIGN = "campaign"
    EVENT = "event"


def schema(
    of: Annotated[
        Schema | None, typer.Argument(metavar="workspace|campaign|event", help="Which one; all three without.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the JSON Schemas of definitions and events. Editors complete definitions with them."""
    from campaigns.definitions import campaign_schema, workspace_schema
    from campaigns.events.record import event_schema

    published = {Schema.WORKSPACE: workspace_schema, Schema.CAMPAIGN: campaign_schema, Schema.EVENT: event_schema}
    document: dict[str, Any] = published[of]() if of else {str(name): make() for name, make in published.items()}
    del as_json  # a schema is JSON for people, too
    write_json(document)


def warn(document: dict[str, Any]) -> None:
    """Say on stderr what nobody must overlook in a report."""
    from campaigns.cli.render.errors import draw_warning
    from campaigns.launch.books import warnings

    for warning in warnings(document):
        draw_warning(warning)
