"""Who uploaded what, for a quota of each person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = ("uploads", "partial_uploads")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("user_id", sa.Integer(), nullable=True))
        # All rows hold null: there is nothing to look at, so the lock is held for a moment.
        op.create_foreign_key(
            op.f(f"fk_{table}_user_id_users"), table, "users", ["user_id"], ["id"], ondelete="SET NULL"
        )
        op.create_index(op.f(f"ix_{table}_user_id"), table, ["user_id"])
    op.drop_column("partial_uploads", "owner")


def downgrade() -> None:
    op.add_column("partial_uploads", sa.Column("owner", sa.Text(), server_default="", nullable=False))
    for table in TABLES:
        op.drop_column(table, "user_id")
