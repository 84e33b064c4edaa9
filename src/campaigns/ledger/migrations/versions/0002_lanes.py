"""Lanes of a shard; expiry, confirmation and rate of a launch."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every shard of an earlier version becomes lane 0 of its file."""
    op.add_column("launches", sa.Column("expires_at", sa.String(40)))
    op.add_column("launches", sa.Column("confirmed_at", sa.String(40)))
    op.add_column("launches", sa.Column("rate", sa.Integer))
    # SQLite cannot change the key of a table, so the rows wait aside; the same on PostgreSQL. All in one transaction.
    op.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM shards")
    op.drop_table("shards")
    op.create_table(
        "shards",
        sa.Column("launch_id", sa.String(200), sa.ForeignKey("launches.launch_id"), primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True),
        sa.Column("lane", sa.Integer, primary_key=True),
        sa.Column("decisions", sa.BigInteger, nullable=False),
        sa.Column("sends", sa.BigInteger, nullable=False),
        sa.Column("checkpoint", sa.BigInteger, nullable=False),
        sa.Column("acknowledged", sa.BigInteger, nullable=False),
    )
    columns = "launch_id, shard, decisions, sends, checkpoint, acknowledged"
    op.execute(f"INSERT INTO shards (lane, {columns}) SELECT 0, {columns} FROM kept")  # noqa: S608 - a constant
    op.execute("DROP TABLE kept")


def downgrade() -> None:
    """Impossible: version 0001 cannot tell how far each lane of a file is."""
    raise NotImplementedError("the ledger cannot go back to version 0001: restore it from a backup")
