"""Verify: the stream held against the snapshot, event by event, by their ids and the checksums of their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from campaigns.definitions.instants import parse_instant
from campaigns.engines.port import Engine, Query
from campaigns.errors import NotFound
from campaigns.launch.ahead import ahead
from campaigns.launch.definition import definition_of
from campaigns.launch.snapshot import open_snapshot
from campaigns.ledger import Launch, State
from campaigns.plan import envelope_of, events_query
from campaigns.streams import Stream

SAMPLES = 5
"""How many ids of each kind are told."""

_BATCH_EVENTS = 10_000
_BATCH_BYTES = 16 << 20
_KINDS = ("lost", "pending", "changed", "foreign")

_TABLES = """
    CREATE OR REPLACE TEMP TABLE expected (id VARCHAR, digest UHUGEINT, claimed BOOLEAN);
    CREATE OR REPLACE TEMP TABLE observed (id VARCHAR, digest UHUGEINT)
"""
_EXPECT = """
    INSERT INTO expected
    WITH events AS ({events}),
    own AS (SELECT unnest($tenants::VARCHAR[]) AS tenant, unnest($checkpoints::BIGINT[]) AS checkpoint)
    SELECT id, md5_number(value), row < coalesce(checkpoint, $checkpoint)
    FROM events LEFT JOIN own ON tenant = split_part(key, '/', 1)
"""
# What cannot be parsed has no fields: it has the source's text in it, and is no event. Ids are cut, so that a hostile
# one takes no memory; none of ours is that long.
_OBSERVE = """
    INSERT INTO observed
    WITH parsed AS MATERIALIZED (
        SELECT value, try(json_extract_string(decode(value), ['$.id', '$.source'])) AS fields FROM batch
    )
    SELECT left(fields[1], 64), md5_number(value) FROM parsed WHERE fields IS NULL OR fields[2] = $source
"""
_JUDGE = f"""
    WITH both_sides AS (
        SELECT id, digest AS frozen, claimed, NULL AS found FROM expected
        UNION ALL
        SELECT id, NULL, NULL, digest FROM observed
    ),
    ids AS (
        SELECT id, any_value(frozen) AS frozen, bool_or(claimed) AS claimed,
            count(found) AS copies, min(found) AS lowest, max(found) AS highest
        FROM both_sides GROUP BY id
    ),
    judged AS (
        SELECT id, copies, CASE
            WHEN frozen IS NULL THEN 'foreign'
            WHEN copies = 0 AND claimed THEN 'lost'
            WHEN copies = 0 THEN 'pending'
            WHEN lowest <> frozen OR highest <> frozen THEN 'changed'
            ELSE 'kept'
        END AS kind
        FROM ids
    )
    SELECT kind, count(*) AS ids, sum(copies)::BIGINT AS messages, min(coalesce(id, '(no id)'), {SAMPLES}) AS samples
    FROM judged GROUP BY kind
"""  # noqa: S608 - a constant


def verify(launch: Launch, snapshots: Path, stream: Stream, engine: Engine, retention: str | None) -> dict[str, Any]:
    """Hold every message of the launch on the stream against the snapshot; see `docs/cli.md` for the document.

    `launch` must have been read before this call, so that what it says is acknowledged can be asked of the stream.
    `retention` is the stream's own, if one is configured: it may have removed events. Memory is bounded: the engine
    spills. A message is the launch's when its JSON has the launch's `source`, or when it has that text in it and is no
    JSON; others are ignored.

    Raises NotFound when nothing is frozen or it was purged, Damaged when the snapshot does not match its checksums,
    Unavailable when the stream or the disk is.
    """
    if launch.manifest is None or launch.books is None or launch.purged_at:
        why = "was purged" if launch.purged_at else f"is {launch.state}: nothing is frozen yet"
        raise NotFound(f"launch {launch.launch_id!r} {why}; there is nothing to verify its events against")
    engine.run(Query(_TABLES))
    source = _expect(launch, snapshots, engine)
    with closing(ahead(_batches(stream, f'"{source}"'.encode()))) as batches:  # read while the engine parses
        engine.load(Query(_OBSERVE, {"source": source}), batches)
    judged = {str(row["kind"]): row for row in engine.rows(Query(_JUDGE))}
    return _document(launch, launch.books, judged, retention)


def _expect(launch: Launch, snapshots: Path, engine: Engine) -> str:
    """Fill `expected` from the verified shards, through the encoding of emission; the source of the launch's events."""
    snapshot = open_snapshot(snapshots, launch)
    definition = definition_of(launch)
    envelope = envelope_of(definition, launch.launch_id, parse_instant(launch.as_of))
    own = snapshot.lanes
    for shard in sorted({part.shard for part in launch.shards}):
        file = snapshot.verified(shard)
        events = events_query(envelope, file, 0, variables=bool(definition.campaign.variables))
        checkpoints = {part.lane: part.checkpoint for part in launch.shards if part.shard == shard}
        claimed = {
            "tenants": list(own),
            "checkpoints": [checkpoints.get(lane, 0) for lane in range(1, len(own) + 1)],
            "checkpoint": checkpoints.get(0, 0),
        }
        engine.run(Query(_EXPECT.format(events=events.text), {**events.parameters, **claimed}))
    return envelope.source


def _batches(stream: Stream, mark: bytes) -> Iterator[pa.RecordBatch]:
    """The messages that have `mark` in them, many at a time: what belongs to others is not even parsed."""
    values: list[bytes] = []
    size = 0
    for message in stream.read():
        if mark in message.value:
            values.append(message.value)
            size += len(message.value)
            if len(values) >= _BATCH_EVENTS or size >= _BATCH_BYTES:
                yield _batch(values)
                values, size = [], 0
    if values:
        yield _batch(values)


def _batch(values: list[bytes]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(values, pa.binary())], names=["value"])


def _document(
    launch: Launch, books: Mapping[str, Any], judged: Mapping[str, Mapping[str, Any]], retention: str | None
) -> dict[str, Any]:
    ids = {kind: judged[kind]["ids"] if kind in judged else 0 for kind in ("kept", *_KINDS)}
    events = sum(row["messages"] for row in judged.values())
    foreign = judged["foreign"]["messages"] if "foreign" in judged else 0
    expected = ids["kept"] + ids["changed"] + ids["lost"] + ids["pending"]
    found = ids["kept"] + ids["changed"]
    counts = {
        "expected": expected,
        "found": found,
        "events": events,
        "lost": ids["lost"],
        "pending": ids["pending"],
        "changed": ids["changed"],
        "duplicates": events - foreign - found,
        "foreign": foreign,
        "books_closed": _books_closed(launch, books, expected),
    }
    problems = _problems(launch, counts, retention)
    return {
        "launch_id": launch.launch_id,
        "state": str(launch.state),
        **counts,
        "ok": not problems,
        "problems": problems,
        "samples": {kind: [*judged[kind]["samples"]] if kind in judged else [] for kind in _KINDS},
    }


def _books_closed(launch: Launch, books: Mapping[str, Any], expected: int) -> bool:
    aside = sum(books["suppressed"].values()) + sum(books["quarantined"].values())
    matched: int = books["sent"] + books["held_out"] + aside
    closed: bool = books["matched"] == matched and launch.acknowledged == books["sent"] == expected
    return closed


def _problems(launch: Launch, counts: Mapping[str, int], retention: str | None) -> list[str]:
    """What breaks a promise, in words."""
    removed = f"; the stream's retention of {retention} may have removed them" if retention else ""
    told = {
        "lost": f"events that the stream acknowledged are not on it{removed}",
        "changed": "events are on the stream with other bytes than those that were frozen",
        "foreign": "messages carry the source of the launch, but are none of its events",
    }
    problems = [f"{counts[kind]:,} {text}" for kind, text in told.items() if counts[kind]]
    if launch.state == State.COMPLETED and not counts["books_closed"]:
        problems.append(
            f"the books of the completed launch do not close: {counts['expected']:,} events are frozen, "
            f"{launch.acknowledged:,} are acknowledged"
        )
    return problems
