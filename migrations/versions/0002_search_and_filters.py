"""Search over all cases, and filters that are kept by name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Trusted since PostgreSQL 13: the database's owner may create it.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_index(
        "ix_terminals_search",
        "terminals",
        ["search"],
        postgresql_using="gin",
        postgresql_ops={"search": "gin_trgm_ops"},
    )
    op.create_index("ix_sessions_event_id", "sessions", ["event_id", "analysis_id"])
    op.create_index("ix_findings_any_code", "findings", ["code", "analysis_id"])
    op.create_table(
        "saved_filters",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filters")),
        sa.UniqueConstraint("name", name=op.f("uq_saved_filters_name")),
    )


def downgrade() -> None:
    op.drop_table("saved_filters")
    op.drop_index("ix_findings_any_code", table_name="findings")
    op.drop_index("ix_sessions_event_id", table_name="sessions")
    op.drop_index("ix_terminals_search", table_name="terminals")
    op.execute("DROP EXTENSION IF EXISTS pg_trgm")
