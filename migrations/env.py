"""How Alembic reaches the database. Run through `eadscope migrate`, which hands over an open connection."""

from __future__ import annotations

from alembic import context

from app.db import handover, results
from app.db.base import Base

assert results.TABLES and handover.DOCUMENT_KINDS, "imported so that every table is known to the metadata"

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
