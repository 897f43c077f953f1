"""Which process each of the queue's workers is a lane of: the queue itself knows workers only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a foreign key: the queue's tables are made, and changed, after ours.
    op.create_table(
        "worker_lanes",
        sa.Column("worker_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_worker_lanes")),
    )


def downgrade() -> None:
    op.drop_table("worker_lanes")
