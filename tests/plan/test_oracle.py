"""What a launch puts on the stream and into the books is what plain Python computes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from campaigns.app import Campaigns
from campaigns.events.record import event_schema
from support.oracle import Expected, World, decide
from support.worlds import AS_OF, random_world

FIRST = int(os.environ.get("ORACLE_SEED", "1"))
WORLDS = int(os.environ.get("ORACLE_WORLDS", "16"))
SCHEMA = Draft202012Validator(event_schema())
DECISION = ("tenant", "outcome", "reason", "variant", "offer", "offer_reason")
COUNTS = tuple(Expected().books())


def one_per_id(payloads: list[bytes]) -> dict[str, Any]:
    events = {event["id"]: event for event in map(json.loads, payloads)}
    assert len(events) == len(payloads)
    return events


def exactly(value: object) -> str:
    """JSON text: unlike `==` it tells 1, 1.0 and true apart."""
    return json.dumps(value, sort_keys=True)


def launched(root: Path, world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    campaigns = Campaigns(root)
    report = campaigns.launch("winback", as_of=AS_OF, launch_id=world.launch_id)
    return report, one_per_id(list(campaigns.events(world.launch_id)))


def frozen(root: Path, world: World) -> dict[tuple[str, str], dict[str, Any]]:
    """The snapshot's decisions by customer."""
    files = root.glob(f".campaigns/snapshots/{world.launch_id}/*/*.parquet")
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    decisions = {(row["tenant"], row["customer"]): {name: row[name] for name in DECISION} for row in rows}
    assert len(decisions) == len(rows)
    return decisions


def with_version(event: Mapping[str, Any], version: str) -> dict[str, Any]:
    return {**event, "data": {**event["data"], "campaign_version": version}}


@pytest.mark.parametrize("seed", range(FIRST, FIRST + WORLDS))
def test_a_launch_agrees_with_the_oracle(seed: int, tmp_path: Path) -> None:
    world = random_world(seed, tmp_path)
    expected = decide(world)

    preview = Campaigns(tmp_path).preview("winback", as_of=AS_OF)
    report, events = launched(tmp_path, world)

    assert {name: report[name] for name in COUNTS} == expected.books()
    assert {name: preview[name] for name in COUNTS} == expected.books()
    assert report["state"] == "completed"
    assert report["acknowledged"] == len(expected.events)
    assert frozen(tmp_path, world) == {
        who: {name: decision[name] for name in DECISION} for who, decision in expected.decisions.items()
    }
    assert events.keys() == expected.events.keys()
    assert [error.message for event in events.values() for error in SCHEMA.iter_errors(event)] == []
    for id_, event in expected.events.items():
        assert exactly(events[id_]) == exactly(with_version(event, report["campaign_version"]))
