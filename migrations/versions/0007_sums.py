"""What sums up an analysis is written when it is saved: what each leg lost, and which findings there are.

Counting it for a page would read every attempt of the case, or the findings of every case.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNT = """
UPDATE analyses SET leg_losses = counted.losses FROM (
  SELECT lost.analysis_id,
         jsonb_agg(jsonb_build_array(lost_from, lost_to, lost.number, lost.datagrams, sent.datagrams)) AS losses
  FROM (SELECT d.analysis_id, d.lost_from, d.lost_to, m.number, count(*) AS datagrams
        FROM datagrams d
        JOIN attempts a ON a.analysis_id = d.analysis_id AND a.no = d.attempt_no
        JOIN messages m ON m.analysis_id = a.analysis_id AND m.no = a.message_no
        WHERE d.lost_from IS NOT NULL
        GROUP BY 1, 2, 3, 4) lost
  JOIN (SELECT d.analysis_id, m.number, count(*) AS datagrams
        FROM datagrams d
        JOIN attempts a ON a.analysis_id = d.analysis_id AND a.no = d.attempt_no
        JOIN messages m ON m.analysis_id = a.analysis_id AND m.no = a.message_no
        GROUP BY 1, 2) sent ON sent.analysis_id = lost.analysis_id AND sent.number = lost.number
  GROUP BY 1) counted
WHERE counted.analysis_id = analyses.id
"""

CODES = """
UPDATE analyses SET finding_codes = found.codes, error_codes = coalesce(found.errors, '[]') FROM (
  SELECT analysis_id, jsonb_agg(DISTINCT code ORDER BY code) AS codes,
         jsonb_agg(DISTINCT code ORDER BY code) FILTER (WHERE severity = 'error') AS errors
  FROM findings GROUP BY 1) found
WHERE found.analysis_id = analyses.id
"""


def upgrade() -> None:
    for name in ("leg_losses", "finding_codes", "error_codes"):
        column = sa.Column(name, postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False)
        op.add_column("analyses", column)
    op.execute(COUNT)
    op.execute(CODES)


def downgrade() -> None:
    for name in ("error_codes", "finding_codes", "leg_losses"):
        op.drop_column("analyses", name)
