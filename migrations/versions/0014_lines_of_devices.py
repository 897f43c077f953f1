"""A fragment that a device's own log tells of is found by its line, as one in a capture is by its frame."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a default: no row is written, whatever the table holds.
    op.add_column("sightings", sa.Column("line", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("sightings", "line")
