"""Analyses of an opened workspace: which launches and metrics are meant, and the sources that they need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from campaigns.analysis.answer import Question, analyze
from campaigns.analysis.frame import Part
from campaigns.analysis.log import write_assignments
from campaigns.app.experiments import same_experiment, verified_files
from campaigns.app.workplace import Workplace
from campaigns.definitions import Audience, Campaign, Workspace
from campaigns.definitions.instants import parse_instant
from campaigns.definitions.words import listed, suggestion
from campaigns.engines.port import Engine, Query
from campaigns.errors import NotFound
from campaigns.launch.definition import definition_of
from campaigns.ledger import Launch
from campaigns.plan import Plan, compile_campaign, define, events_table
from campaigns.plan.compile import attribute_types

TENANT = "tenant"


def analysis(
    place: Workplace,
    workspace: Workspace,
    launches: Sequence[Launch],
    experiment: str,
    metrics: Sequence[str] | None,
    by: str | None,
    as_of: datetime,
) -> dict[str, Any]:
    """The document of `campaigns analyze`. Raises NotFound for what does not exist; else as `answer.analyze`."""
    names = known_metrics(workspace, metrics)
    parts, purged = _parts(place.snapshots, launches, experiment)
    question = Question(experiment, parts, purged, workspace, names, as_of, by)
    states = {launch.launch_id: str(launch.state) for launch in launches}
    with closing(place.engine()) as engine:
        whole = by is not None and by != TENANT
        tables = (
            place.attach(engine, workspace, all_events=True)
            if whole
            else attach_metrics(place, engine, workspace, names)
        )
        values = _values(engine, workspace, tables, by, parts) if by is not None and whole else None
        return analyze(question, engine, tables, states, values)


def assignments(place: Workplace, launches: Sequence[Launch], experiment: str, out: Path) -> dict[str, Any]:
    """Write the exposure log of an experiment. Raises NotFound; else as `write_assignments`."""
    parts, _ = _parts(place.snapshots, launches, experiment)
    with closing(place.engine()) as engine:
        return write_assignments(experiment, parts, engine, out)


def known_metrics(workspace: Workspace, wanted: Sequence[str] | None) -> list[str]:
    """The metrics that are wanted, or all. Raises NotFound."""
    for name in wanted or ():
        if name not in workspace.metrics:
            raise NotFound(
                f"metric {name!r} does not exist{suggestion(name, workspace.metrics)}; "
                f"known: {listed(workspace.metrics)}"
            )
    return list(workspace.metrics if wanted is None else wanted)


def attach_metrics(
    place: Workplace, engine: Engine, workspace: Workspace, metrics: Collection[str]
) -> dict[str, Mapping[str, str]]:
    """Make the event tables that metrics measure readable; their columns by table. Raises InvalidData."""
    sources = place.sources(workspace, all_events=True)
    used = {events_table(key) for name in metrics for key in workspace.metrics[name].events}
    return {table: engine.attach(table, source) for table, source in sources.items() if table in used}


def _parts(snapshots: Path, launches: Sequence[Launch], experiment: str) -> tuple[list[Part], int]:
    """The launches of an experiment whose decisions are there, oldest first; and how many were purged."""
    known: dict[str, None] = {}
    purged = 0
    for launch in launches:
        found = definition_of(launch).campaign.experiment
        if found is not None and launch.manifest is not None:
            known[found.key] = None
            purged += found.key == experiment and launch.purged_at is not None
    parts = [
        Part(launch.launch_id, parse_instant(launch.as_of), definition, files)
        for launch, definition in sorted(same_experiment(launches, experiment), key=lambda each: each[0].as_of)
        if definition.promotes is None and (files := verified_files(snapshots, launch))
    ]
    if not parts:
        if purged:
            why = "all its launches were purged"
        else:
            why = "its launches reached nobody" if experiment in known else "no launch decided anything"
        raise NotFound(
            f"experiment {experiment!r}: {why}{suggestion(experiment, known)}; "
            f"experiments with launches: {listed(known)}"
        )
    return parts, purged


def _values(
    engine: Engine, workspace: Workspace, tables: Mapping[str, Mapping[str, str]], by: str, parts: Sequence[Part]
) -> list[Query]:
    """Queries of an attribute's value for everybody, as it was at each launch. Raises NotFound."""
    types = attribute_types(workspace, tables, engine.dialect)
    known = list(dict.fromkeys([TENANT, *types]))
    if by not in types:
        raise NotFound(f"attribute {by!r} does not exist{suggestion(by, types)}; known: {listed(known)}")
    named = '"' + by.replace('"', '""') + '"'
    campaign = Campaign(
        campaign="by", tenants="all", channel="none", audience=Audience(where="true"), variables={"value": named}
    )
    definition = define(workspace, campaign)
    compiled = compile_campaign(workspace, campaign, tables, engine.dialect)
    plans = [Plan(compiled, definition, "by", part.as_of, b"") for part in parts]
    engine.run(plans[0].screen())
    return [plan.attribute_of(by) for plan in plans]
