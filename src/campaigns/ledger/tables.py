"""The ledger's tables. Small on purpose: launches, shards, an audit trail; nothing grows with the audience."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Integer, MetaData, String, Table, Text

metadata = MetaData()

launches = Table(
    "launches",
    metadata,
    Column("launch_id", String(200), primary_key=True),
    Column("campaign", String(200), nullable=False),
    Column("campaign_version", String(64), nullable=False),
    Column("as_of", String(40), nullable=False),
    Column("stream", String(500), nullable=False),  # as the workspace writes it: a launch keeps its stream
    Column("stream_identity", String(200)),  # the very stream that acknowledged; NULL before the first event
    Column("definition", Text, nullable=False),  # frozen at the claim: what a resume uses
    Column("state", String(20), nullable=False),
    Column("epoch", Integer, nullable=False),  # raised by every claim; every write is fenced by it
    Column("host", String(255)),  # the owner; NULL when nobody works on the launch
    Column("pid", Integer),
    Column("process_started", Float),
    Column("lease_until", Float),
    Column("manifest", String(64)),  # SHA-256 of the snapshot's manifest: its presence makes the snapshot valid
    Column("books", Text),  # JSON: what the snapshot counted
    Column("seconds", Text),  # JSON: time spent, by part
    Column("error", Text),
    Column("created_at", String(40), nullable=False),
    Column("completed_at", String(40)),
    Column("purged_at", String(40)),
    Column("expires_at", String(40)),  # from then on nobody starts or resumes it; NULL: never
    Column("confirmed_at", String(40)),  # a person wants it, however many it reaches
    Column("rate", Integer),  # events a second; NULL: as fast as the stream takes them
)

shards = Table(
    "shards",
    metadata,
    Column("launch_id", String(200), ForeignKey("launches.launch_id"), primary_key=True),
    Column("shard", Integer, primary_key=True),  # a file of the snapshot
    Column("lane", Integer, primary_key=True),  # a group of tenants in it
    Column("decisions", BigInteger, nullable=False),  # rows of the lane
    Column("sends", BigInteger, nullable=False),  # of them, events to emit
    Column("checkpoint", BigInteger, nullable=False),  # the lane's rows before this one of the file are done
    Column("acknowledged", BigInteger, nullable=False),  # events before the checkpoint, all acknowledged
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("launch_id", String(200), ForeignKey("launches.launch_id"), nullable=False, index=True),
    Column("at", String(40), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("who", String(300), nullable=False),
    Column("what", Text, nullable=False),
)
