"""The events of a frozen launch, encoded and in memory, for sides that only publish. Imported in sides only."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pyarrow as pa

from campaigns.app.workplace import Workplace
from campaigns.definitions import Definition, load_workspace
from campaigns.definitions.instants import parse_instant
from campaigns.events.encode import Envelope
from campaigns.launch.snapshot import open_snapshot
from campaigns.plan import envelope_of, events_query
from campaigns.streams import Messages

LAUNCH = "benchmark"
_ROWS = 10_000


def payloads(workspace: str) -> Messages:
    """Every event of the workspace's frozen launch `benchmark`, byte for byte as an emission publishes it."""
    place = Workplace(load_workspace(Path(workspace)))
    with closing(place.ledger()) as ledger:
        launch = ledger.find(LAUNCH)
    assert launch is not None
    definition = Definition.model_validate_json(launch.definition)
    envelope = envelope_of(definition, LAUNCH, parse_instant(launch.as_of))
    snapshot, portions = open_snapshot(place.snapshots, launch), []
    with closing(place.reader()) as engine:
        for file in sorted({shard.shard for shard in launch.shards}):
            query = events_query(envelope, snapshot.verified(file), 0, variables=bool(definition.campaign.variables))
            portions.extend(engine.events(query, 0, _ROWS))
    return Messages(pa.Table.from_batches(portions).select(["key", "value", "id"]))


def envelope(workspace: str, campaign: str) -> Envelope:
    """What all events of the launch `benchmark` of a campaign have in common."""
    from benchmarks.workspaces import AS_OF
    from campaigns.definitions import load_campaign
    from campaigns.plan import define

    file = load_workspace(Path(workspace))
    definition = define(file.record, load_campaign(file, campaign).record)
    return envelope_of(definition, LAUNCH, parse_instant(AS_OF))
