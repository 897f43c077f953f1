"""Cases, what was uploaded, and what was found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.String(length=8), server_default="en", nullable=False),
        sa.Column("ports", postgresql.ARRAY(sa.Integer()), server_default="{}", nullable=False),
        sa.Column("is_example", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("current_analysis_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'solved')", name=op.f("ck_cases_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_index(op.f("ix_cases_current_analysis_id"), "cases", ["current_analysis_id"], unique=False)
    op.create_index("ix_cases_state_updated_at", "cases", ["state", sa.literal_column("updated_at DESC")], unique=False)
    op.create_index("ix_cases_updated_at", "cases", [sa.literal_column("updated_at DESC")], unique=False)
    op.create_table(
        "analyses",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("step", sa.Text(), server_default="", nullable=False),
        sa.Column("fraction", sa.Float(), server_default="0", nullable=False),
        sa.Column("error_en", sa.Text(), server_default="", nullable=False),
        sa.Column("error_zh", sa.Text(), server_default="", nullable=False),
        sa.Column("traceback", sa.Text(), server_default="", nullable=False),
        sa.Column("run", sa.Integer(), server_default="0", nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("terminal_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("main_finding", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'canceled')", name=op.f("ck_analyses_state")
        ),
        sa.CheckConstraint("fraction >= 0 AND fraction <= 1", name=op.f("ck_analyses_fraction")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_analyses_case_id_cases"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyses")),
    )
    op.create_index("ix_analyses_case_id_id", "analyses", ["case_id", "id"], unique=False)
    op.create_index(
        "uq_analyses_waiting", "analyses", ["case_id"], unique=True, postgresql_where=sa.text("state = 'queued'")
    )
    op.create_table(
        "bundles",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("unpacked_uploads", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_bundles_case_id_cases"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundles")),
    )
    op.create_index(op.f("ix_bundles_case_id"), "bundles", ["case_id"], unique=False)
    op.create_table(
        "milestones",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("reached_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_milestones_case_id_cases"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestones")),
        sa.UniqueConstraint("name", name=op.f("uq_milestones_name")),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_notes_case_id_cases"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index("ix_notes_case_id_subject", "notes", ["case_id", "subject"], unique=False)
    op.create_table(
        "point_settings",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_point_settings_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "name", name=op.f("pk_point_settings")),
    )
    op.create_table(
        "source_settings",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("capture_point", sa.Text(), nullable=True),
        sa.Column("clock_offset_s", sa.Float(), nullable=True),
        sa.Column("zone_offset_s", sa.Integer(), nullable=True),
        sa.Column("encoding", sa.Text(), nullable=True),
        sa.Column("log_format", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_source_settings_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "sha256", name=op.f("pk_source_settings")),
    )
    op.create_table(
        "bundle_files",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("bundle_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.CheckConstraint("sha256 IS NOT NULL OR notes <> '[]'", name=op.f("ck_bundle_files_content_or_reason")),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["bundles.id"], name=op.f("fk_bundle_files_bundle_id_bundles"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_bundle_files_sha256_blobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundle_files")),
    )
    op.create_index("ix_bundle_files_bundle_id_path", "bundle_files", ["bundle_id", "path"], unique=False)
    op.create_index(op.f("ix_bundle_files_sha256"), "bundle_files", ["sha256"], unique=False)
    op.create_table(
        "capture_points",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Integer(), nullable=False),
        sa.Column("order_by", sa.Text(), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("clock", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source_clocks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("observed_ns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("role IN ('client', 'middle', 'server')", name=op.f("ck_capture_points_role")),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_capture_points_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_capture_points")),
    )
    op.create_index("uq_capture_points_name", "capture_points", ["analysis_id", "name"], unique=True)
    op.create_table(
        "phrases",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_phrases_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_phrases")),
    )
    op.create_table(
        "sources",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("capture_point", sa.Text(), nullable=True),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("first_ns", sa.BigInteger(), nullable=True),
        sa.Column("last_ns", sa.BigInteger(), nullable=True),
        sa.Column("clock_offset_s", sa.Float(), nullable=True),
        sa.Column("encoding", sa.Text(), nullable=True),
        sa.Column("log_format", sa.Text(), nullable=True),
        sa.Column("log_format_score", sa.Float(), nullable=True),
        sa.Column("zone_offset_s", sa.Integer(), nullable=True),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("log", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("capture", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "kind IN ('inode_log', 'server_log', 'capture', 'device', 'other')", name=op.f("ck_sources_kind")
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_sources_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_sources")),
    )
    op.create_index("ix_sources_path", "sources", ["analysis_id", "path"], unique=False)
    op.create_index("ix_sources_sha256", "sources", ["sha256"], unique=False)
    op.create_table(
        "terminals",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("mac", sa.Text(), nullable=True),
        sa.Column("ip", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("client_version", sa.Text(), nullable=True),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("session_count", sa.Integer(), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=True),
        sa.Column("end_ns", sa.BigInteger(), nullable=True),
        sa.Column("message3_plain_bytes", sa.BigInteger(), nullable=True),
        sa.Column("message3_wire_bytes", sa.BigInteger(), nullable=True),
        sa.Column("lost_from", sa.Text(), nullable=True),
        sa.Column("lost_to", sa.Text(), nullable=True),
        sa.Column("main_finding", sa.Text(), nullable=True),
        sa.Column("main_severity", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('passed', 'failed', 'incomplete', 'unknown')", name=op.f("ck_terminals_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_terminals_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_terminals")),
    )
    op.create_index(
        "ix_terminals_message3_plain_bytes", "terminals", ["analysis_id", "message3_plain_bytes", "no"], unique=False
    )
    op.create_index("ix_terminals_outcome", "terminals", ["analysis_id", "outcome", "no"], unique=False)
    op.create_index("ix_terminals_start_ns", "terminals", ["analysis_id", "start_ns", "no"], unique=False)
    op.create_index("ix_terminals_user", "terminals", ["analysis_id", "user", "no"], unique=False)
    op.create_index("uq_terminals_key", "terminals", ["analysis_id", "key"], unique=True)
    op.create_table(
        "uploads",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("bundle_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["bundles.id"], name=op.f("fk_uploads_bundle_id_bundles"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_uploads_sha256_blobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_bundle_id"), "uploads", ["bundle_id"], unique=False)
    op.create_index(op.f("ix_uploads_sha256"), "uploads", ["sha256"], unique=False)
    op.create_table(
        "checks",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("terminal_no", sa.Integer(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("missing", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id", "terminal_no"],
            ["terminals.analysis_id", "terminals.no"],
            name=op.f("fk_checks_analysis_id_terminal_no_terminals"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_checks_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_checks")),
    )
    op.create_index("ix_checks_terminal_no", "checks", ["analysis_id", "terminal_no", "no"], unique=False)
    op.create_table(
        "findings",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("terminal_no", sa.Integer(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("message", sa.BigInteger(), nullable=True),
        sa.Column("between_from", sa.Text(), nullable=True),
        sa.Column("between_to", sa.Text(), nullable=True),
        sa.Column("summary_en", sa.Text(), nullable=False),
        sa.Column("summary_zh", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("against", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("next_steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("confidence IN ('certain', 'likely', 'possible')", name=op.f("ck_findings_confidence")),
        sa.CheckConstraint("severity IN ('error', 'warning', 'info')", name=op.f("ck_findings_severity")),
        sa.ForeignKeyConstraint(
            ["analysis_id", "terminal_no"],
            ["terminals.analysis_id", "terminals.no"],
            name=op.f("fk_findings_analysis_id_terminal_no_terminals"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_findings_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_code", "findings", ["analysis_id", "code", "severity"], unique=False)
    op.create_index("ix_findings_terminal_no", "findings", ["analysis_id", "terminal_no", "no"], unique=False)
    op.create_table(
        "rejected_lines",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("source_no", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("byte_start", sa.BigInteger(), nullable=True),
        sa.Column("byte_end", sa.BigInteger(), nullable=True),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("reason_en", sa.Text(), nullable=False),
        sa.Column("reason_zh", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id", "source_no"],
            ["sources.analysis_id", "sources.no"],
            name=op.f("fk_rejected_lines_analysis_id_source_no_sources"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("analysis_id", "source_no", "position", name=op.f("pk_rejected_lines")),
    )
    op.create_table(
        "sessions",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("terminal_no", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=True),
        sa.Column("end_ns", sa.BigInteger(), nullable=True),
        sa.Column("server_ip", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("zone_known", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('passed', 'failed', 'incomplete', 'unknown')", name=op.f("ck_sessions_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id", "terminal_no"],
            ["terminals.analysis_id", "terminals.no"],
            name=op.f("fk_sessions_analysis_id_terminal_no_terminals"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_sessions_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_start_ns", "sessions", ["analysis_id", "start_ns"], unique=False)
    op.create_index("ix_sessions_terminal_no", "sessions", ["analysis_id", "terminal_no", "no"], unique=False)
    op.create_table(
        "marks",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("session_no", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("time_ns", sa.BigInteger(), nullable=False),
        sa.Column("raw_time_ns", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=True),
        sa.Column("source_no", sa.Integer(), nullable=True),
        sa.Column("source_path", sa.Text(), nullable=True),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("frame", sa.BigInteger(), nullable=True),
        sa.Column("evidence_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id", "session_no"],
            ["sessions.analysis_id", "sessions.no"],
            name=op.f("fk_marks_analysis_id_session_no_sessions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id", "source_no"],
            ["sources.analysis_id", "sources.no"],
            name=op.f("fk_marks_analysis_id_source_no_sources"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("analysis_id", "session_no", "position", name=op.f("pk_marks")),
    )
    op.create_table(
        "messages",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("session_no", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("plain_bytes", sa.BigInteger(), nullable=True),
        sa.Column("deflated_bytes", sa.BigInteger(), nullable=True),
        sa.Column("check_result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("direction IN ('to_server', 'to_client')", name=op.f("ck_messages_direction")),
        sa.ForeignKeyConstraint(
            ["analysis_id", "session_no"],
            ["sessions.analysis_id", "sessions.no"],
            name=op.f("fk_messages_analysis_id_session_no_sessions"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_messages_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_messages")),
    )
    op.create_index("ix_messages_number", "messages", ["analysis_id", "number"], unique=False)
    op.create_index("ix_messages_session_no", "messages", ["analysis_id", "session_no"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message_no", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("time_ns", sa.BigInteger(), nullable=True),
        sa.Column("gap_s", sa.Float(), nullable=True),
        sa.Column("plain_bytes", sa.BigInteger(), nullable=True),
        sa.Column("wire_bytes", sa.BigInteger(), nullable=True),
        sa.Column("log_time_ns", sa.BigInteger(), nullable=True),
        sa.Column("server_log_time_ns", sa.BigInteger(), nullable=True),
        sa.Column("tied_by_no", sa.Integer(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["analysis_id", "message_no"],
            ["messages.analysis_id", "messages.no"],
            name=op.f("fk_attempts_analysis_id_message_no_messages"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id", "tied_by_no"],
            ["phrases.analysis_id", "phrases.no"],
            name=op.f("fk_attempts_analysis_id_tied_by_no_phrases"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_attempts_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_message_no", "attempts", ["analysis_id", "message_no"], unique=False)
    op.create_index("ix_attempts_time_ns", "attempts", ["analysis_id", "time_ns"], unique=False)
    op.create_table(
        "datagrams",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("attempt_no", sa.Integer(), nullable=False),
        sa.Column("identification", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("ip_version", sa.SmallInteger(), nullable=False),
        sa.Column("wire_bytes", sa.BigInteger(), nullable=True),
        sa.Column("fate", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lost_from", sa.Text(), nullable=True),
        sa.Column("lost_to", sa.Text(), nullable=True),
        sa.Column("coding", sa.Text(), nullable=True),
        sa.Column("match_reason_no", sa.Integer(), nullable=True),
        sa.Column("match_confidence", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id", "attempt_no"],
            ["attempts.analysis_id", "attempts.no"],
            name=op.f("fk_datagrams_analysis_id_attempt_no_attempts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id", "match_reason_no"],
            ["phrases.analysis_id", "phrases.no"],
            name=op.f("fk_datagrams_analysis_id_match_reason_no_phrases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("analysis_id", "attempt_no", name=op.f("pk_datagrams")),
    )
    op.create_index("ix_datagrams_lost", "datagrams", ["analysis_id", "lost_from", "lost_to"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt_no", sa.Integer(), nullable=True),
        sa.Column("finding_no", sa.Integer(), nullable=True),
        sa.Column("source_no", sa.Integer(), nullable=True),
        sa.Column("source_path", sa.Text(), nullable=True),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("frame", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id", "attempt_no"],
            ["attempts.analysis_id", "attempts.no"],
            name=op.f("fk_evidence_analysis_id_attempt_no_attempts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id", "finding_no"],
            ["findings.analysis_id", "findings.no"],
            name=op.f("fk_evidence_analysis_id_finding_no_findings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id", "source_no"],
            ["sources.analysis_id", "sources.no"],
            name=op.f("fk_evidence_analysis_id_source_no_sources"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_evidence_analysis_id_analyses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "no", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_attempt_no", "evidence", ["analysis_id", "attempt_no"], unique=False)
    op.create_index("ix_evidence_finding_no", "evidence", ["analysis_id", "finding_no"], unique=False)
    op.create_table(
        "fragments",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("attempt_no", sa.Integer(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("offset_bytes", sa.Integer(), nullable=False),
        sa.Column("length_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id", "attempt_no"],
            ["datagrams.analysis_id", "datagrams.attempt_no"],
            name=op.f("fk_fragments_analysis_id_attempt_no_datagrams"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("analysis_id", "attempt_no", "position", name=op.f("pk_fragments")),
    )
    op.create_table(
        "sightings",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("attempt_no", sa.Integer(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("point_no", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source_no", sa.Integer(), nullable=True),
        sa.Column("frames", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("raw_time_ns", sa.BigInteger(), nullable=True),
        sa.Column("time_ns", sa.BigInteger(), nullable=True),
        sa.Column("reason_no", sa.Integer(), nullable=True),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('seen', 'missing', 'unknown')", name=op.f("ck_sightings_state")),
        sa.ForeignKeyConstraint(
            ["analysis_id", "attempt_no", "position"],
            ["fragments.analysis_id", "fragments.attempt_no", "fragments.position"],
            name=op.f("fk_sightings_analysis_id_attempt_no_position_fragments"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id", "point_no"],
            ["capture_points.analysis_id", "capture_points.no"],
            name=op.f("fk_sightings_analysis_id_point_no_capture_points"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id", "reason_no"],
            ["phrases.analysis_id", "phrases.no"],
            name=op.f("fk_sightings_analysis_id_reason_no_phrases"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id", "source_no"],
            ["sources.analysis_id", "sources.no"],
            name=op.f("fk_sightings_analysis_id_source_no_sources"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("analysis_id", "attempt_no", "position", "point_no", name=op.f("pk_sightings")),
    )
    # The case points to its current analysis, and the analysis to its case: one of the two comes after both tables.
    op.create_foreign_key(
        "fk_cases_current_analysis_id_analyses",
        "cases",
        "analyses",
        ["current_analysis_id"],
        ["id"],
        ondelete="SET NULL",
    )


def downgrade() -> None:
    op.drop_constraint("fk_cases_current_analysis_id_analyses", "cases")
    op.drop_table("sightings")
    op.drop_table("fragments")
    op.drop_index("ix_evidence_finding_no", table_name="evidence")
    op.drop_index("ix_evidence_attempt_no", table_name="evidence")
    op.drop_table("evidence")
    op.drop_index("ix_datagrams_lost", table_name="datagrams")
    op.drop_table("datagrams")
    op.drop_index("ix_attempts_time_ns", table_name="attempts")
    op.drop_index("ix_attempts_message_no", table_name="attempts")
    op.drop_table("attempts")
    op.drop_index("ix_messages_session_no", table_name="messages")
    op.drop_index("ix_messages_number", table_name="messages")
    op.drop_table("messages")
    op.drop_table("marks")
    op.drop_index("ix_sessions_terminal_no", table_name="sessions")
    op.drop_index("ix_sessions_start_ns", table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("rejected_lines")
    op.drop_index("ix_findings_terminal_no", table_name="findings")
    op.drop_index("ix_findings_code", table_name="findings")
    op.drop_table("findings")
    op.drop_index("ix_checks_terminal_no", table_name="checks")
    op.drop_table("checks")
    op.drop_index(op.f("ix_uploads_sha256"), table_name="uploads")
    op.drop_index(op.f("ix_uploads_bundle_id"), table_name="uploads")
    op.drop_table("uploads")
    op.drop_index("uq_terminals_key", table_name="terminals")
    op.drop_index("ix_terminals_user", table_name="terminals")
    op.drop_index("ix_terminals_start_ns", table_name="terminals")
    op.drop_index("ix_terminals_outcome", table_name="terminals")
    op.drop_index("ix_terminals_message3_plain_bytes", table_name="terminals")
    op.drop_table("terminals")
    op.drop_index("ix_sources_sha256", table_name="sources")
    op.drop_index("ix_sources_path", table_name="sources")
    op.drop_table("sources")
    op.drop_table("phrases")
    op.drop_index("uq_capture_points_name", table_name="capture_points")
    op.drop_table("capture_points")
    op.drop_index(op.f("ix_bundle_files_sha256"), table_name="bundle_files")
    op.drop_index("ix_bundle_files_bundle_id_path", table_name="bundle_files")
    op.drop_table("bundle_files")
    op.drop_table("source_settings")
    op.drop_table("point_settings")
    op.drop_index("ix_notes_case_id_subject", table_name="notes")
    op.drop_table("notes")
    op.drop_table("milestones")
    op.drop_index(op.f("ix_bundles_case_id"), table_name="bundles")
    op.drop_table("bundles")
    op.drop_index("uq_analyses_waiting", table_name="analyses", postgresql_where=sa.text("state = 'queued'"))
    op.drop_index("ix_analyses_case_id_id", table_name="analyses")
    op.drop_table("analyses")
    op.drop_index("ix_cases_updated_at", table_name="cases")
    op.drop_index("ix_cases_state_updated_at", table_name="cases")
    op.drop_index(op.f("ix_cases_current_analysis_id"), table_name="cases")
    op.drop_table("cases")
    op.drop_table("blobs")
