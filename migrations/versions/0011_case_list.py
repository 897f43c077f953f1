"""The list of all cases from indexes: by its order, words and findings. Two small tables, locked for a moment."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UP = r"""
DROP INDEX ix_cases_updated_at;
DROP INDEX ix_cases_state_updated_at;
CREATE INDEX ix_cases_updated_at ON cases (updated_at DESC, id DESC);
CREATE INDEX ix_cases_state_updated_at ON cases (state, updated_at DESC, id DESC);
-- No list of what is still to be indexed: each search would read all of it.
CREATE INDEX ix_cases_text ON cases USING gin (lower(title || ' ' || site || ' ' || note) gin_trgm_ops)
  WITH (fastupdate = off);
CREATE INDEX ix_analyses_finding_codes ON analyses USING gin (finding_codes);
CREATE INDEX ix_analyses_error_codes ON analyses USING hash (error_codes);
"""

DOWN = """
DROP INDEX ix_analyses_error_codes;
DROP INDEX ix_analyses_finding_codes;
DROP INDEX ix_cases_text;
DROP INDEX ix_cases_state_updated_at;
DROP INDEX ix_cases_updated_at;
CREATE INDEX ix_cases_updated_at ON cases (updated_at DESC);
CREATE INDEX ix_cases_state_updated_at ON cases (state, updated_at DESC);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
