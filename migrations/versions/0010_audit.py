"""The audit trail: a schema of its own, written through one function, and never changed afterwards.

Two walls. Triggers refuse every change, whoever asks. And `app.db.walls` gives the schema to a role that nobody can
sign in as, so that the application's role cannot take the triggers away; see docs/decisions.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UP = """
CREATE SCHEMA audit;
CREATE TABLE audit.entries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL,
  case_id integer,
  subject text NOT NULL DEFAULT ''
);
CREATE INDEX ix_entries_case_id ON audit.entries (case_id, id) WHERE case_id IS NOT NULL;
CREATE INDEX ix_entries_actor ON audit.entries (actor, action, id);

CREATE FUNCTION audit.record(actor text, action text, case_id integer, subject text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO audit.entries (actor, action, case_id, subject)
      VALUES (left(actor, 200), left(action, 60), case_id, left(subject, 300)) $$;

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$ BEGIN
  RAISE EXCEPTION 'the audit trail is only ever added to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.entries
FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER no_change;

REVOKE ALL ON FUNCTION audit.record(text, text, integer, text) FROM PUBLIC;
REVOKE UPDATE, DELETE, TRUNCATE ON audit.entries FROM CURRENT_USER;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute("DROP SCHEMA audit CASCADE")
