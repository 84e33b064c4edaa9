"""Launches, shards and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "launches",
        sa.Column("launch_id", sa.String(200), primary_key=True),
        sa.Column("campaign", sa.String(200), nullable=False),
        sa.Column("campaign_version", sa.String(64), nullable=False),
        sa.Column("as_of", sa.String(40), nullable=False),
        sa.Column("stream", sa.String(500), nullable=False),
        sa.Column("stream_identity", sa.String(200)),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("host", sa.String(255)),
        sa.Column("pid", sa.Integer),
        sa.Column("process_started", sa.Float),
        sa.Column("lease_until", sa.Float),
        sa.Column("manifest", sa.String(64)),
        sa.Column("books", sa.Text),
        sa.Column("seconds", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("completed_at", sa.String(40)),
        sa.Column("purged_at", sa.String(40)),
    )
    op.create_table(
        "shards",
        sa.Column("launch_id", sa.String(200), sa.ForeignKey("launches.launch_id"), primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True),
        sa.Column("decisions", sa.BigInteger, nullable=False),
        sa.Column("sends", sa.BigInteger, nullable=False),
        sa.Column("checkpoint", sa.BigInteger, nullable=False),
        sa.Column("acknowledged", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("launch_id", sa.String(200), sa.ForeignKey("launches.launch_id"), nullable=False, index=True),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("who", sa.String(300), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop everything."""
    op.drop_table("audit")
    op.drop_table("shards")
    op.drop_table("launches")
