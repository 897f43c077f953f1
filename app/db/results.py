"""Tables of what an analysis found.

Every row is addressed by its analysis and a number that counts within it, from 0, in the order of the model (depth
first). So a whole analysis is written by COPY without asking the database for one key, it lies beside the one that it
replaces until the case's pointer moves, and every table can be partitioned by analysis without a change of key.

Sentences that repeat (why a sighting is unknown, why a match holds) are `phrases`, written once an analysis.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, ForeignKeyConstraint, Index, Integer, SmallInteger, String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.analysis import Fate, Outcome, Role, Seen, Severity, SourceKind
from app.core.records import Confidence, Direction
from app.db.base import Base, one_of

__all__ = [
    "TABLES",
    "AttemptRow",
    "CapturePointRow",
    "CheckRow",
    "DatagramRow",
    "EvidenceRow",
    "FindingRow",
    "FragmentRow",
    "MarkRow",
    "MessageRow",
    "PhraseRow",
    "RejectedRow",
    "SessionRow",
    "SightingRow",
    "SourceRow",
    "TerminalRow",
]  # fmt: skip


def _values(
    enum: type[Fate | Outcome | Role | Seen | Severity | SourceKind | Confidence | Direction],
) -> tuple[str, ...]:
    return tuple(member.value for member in enum)


def _part_of(table: str, column: str) -> ForeignKeyConstraint:
    """A key to row `column` of `table` in the same analysis."""
    return ForeignKeyConstraint(["analysis_id", column], [f"{table}.analysis_id", f"{table}.no"], ondelete="CASCADE")


class _Numbered:
    """A row that others of the same analysis refer to. The two come first, as they do in every table here."""

    analysis_id: Mapped[int] = mapped_column(
        ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True, sort_order=-2
    )
    no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, sort_order=-1)


class PhraseRow(_Numbered, Base):
    __tablename__ = "phrases"

    en: Mapped[str]
    zh: Mapped[str]


class SourceRow(_Numbered, Base):
    """A file of the bundle, used or not. `log` and `capture` are what the file says of itself, without its events."""

    __tablename__ = "sources"
    __table_args__ = (
        one_of("kind", _values(SourceKind)),
        Index("ix_sources_sha256", "sha256"),
        Index("ix_sources_path", "analysis_id", "path"),
    )

    path: Mapped[str]
    # Empty for a file that could not be taken out of its archive. No key to blobs: files may be analysed in place.
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    capture_point: Mapped[str | None]
    records: Mapped[int] = mapped_column(BigInteger)
    rejected: Mapped[int] = mapped_column(BigInteger)
    first_ns: Mapped[int | None] = mapped_column(BigInteger)
    last_ns: Mapped[int | None] = mapped_column(BigInteger)
    clock_offset_s: Mapped[float | None] = mapped_column(Float)
    encoding: Mapped[str | None]
    log_format: Mapped[str | None]
    log_format_score: Mapped[float | None] = mapped_column(Float)
    zone_offset_s: Mapped[int | None]
    notes: Mapped[list[Any]]
    log: Mapped[dict[str, Any] | None]
    capture: Mapped[dict[str, Any] | None]


class RejectedRow(Base):
    """Lines of a log that could not be read, with the reason; the file has the text."""

    __tablename__ = "rejected_lines"
    __table_args__ = (_part_of("sources", "source_no"),)

    analysis_id: Mapped[int] = mapped_column(primary_key=True)
    source_no: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int | None] = mapped_column(BigInteger)
    byte_start: Mapped[int | None] = mapped_column(BigInteger)
    byte_end: Mapped[int | None] = mapped_column(BigInteger)
    lines: Mapped[int] = mapped_column(BigInteger)
    reason_en: Mapped[str]
    reason_zh: Mapped[str]
    sample: Mapped[str]


class CapturePointRow(_Numbered, Base):
    """`no` is the place in the path; `order_no` the number that the model gives it."""

    __tablename__ = "capture_points"
    __table_args__ = (
        one_of("role", _values(Role)),
        Index("uq_capture_points_name", "analysis_id", "name", unique=True),
    )

    name: Mapped[str]
    role: Mapped[str]
    order_no: Mapped[int]
    order_by: Mapped[str]
    sources: Mapped[list[str]] = mapped_column(ARRAY(String))
    clock: Mapped[dict[str, Any]]
    source_clocks: Mapped[dict[str, Any]]
    observed_ns: Mapped[list[Any]]  # [[from, to], …], reference clock
    notes: Mapped[list[Any]]


class TerminalRow(_Numbered, Base):
    """`search` is user, MAC and addresses in lower case; what follows sums up the sessions for lists and charts."""

    __tablename__ = "terminals"
    __table_args__ = (
        one_of("outcome", _values(Outcome)),
        Index("uq_terminals_key", "analysis_id", "key", unique=True),
        Index("ix_terminals_outcome", "analysis_id", "outcome", "no"),
        Index("ix_terminals_user", "analysis_id", "user", "no"),
        Index("ix_terminals_start_ns", "analysis_id", "start_ns", "no"),
        Index("ix_terminals_message3_plain_bytes", "analysis_id", "message3_plain_bytes", "no"),
        # Any part of a name or an address, over all cases at once.
        Index("ix_terminals_search", "search", postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}),
    )

    key: Mapped[str]
    user: Mapped[str | None]
    mac: Mapped[str | None]
    ip: Mapped[list[str]] = mapped_column(ARRAY(String))
    outcome: Mapped[str]
    client_version: Mapped[str | None]
    search: Mapped[str]
    session_count: Mapped[int]
    failed_count: Mapped[int]  # of its sessions
    start_ns: Mapped[int | None] = mapped_column(BigInteger)
    end_ns: Mapped[int | None] = mapped_column(BigInteger)
    message3_plain_bytes: Mapped[int | None] = mapped_column(BigInteger)  # the largest
    message3_wire_bytes: Mapped[int | None] = mapped_column(BigInteger)
    lost_from: Mapped[str | None]  # the leg of the first lost datagram of a failed session
    lost_to: Mapped[str | None]
    main_finding: Mapped[str | None]
    main_severity: Mapped[str | None]


class SessionRow(_Numbered, Base):
    __tablename__ = "sessions"
    __table_args__ = (
        _part_of("terminals", "terminal_no"),
        one_of("outcome", _values(Outcome)),
        Index("ix_sessions_terminal_no", "analysis_id", "terminal_no", "no"),
        Index("ix_sessions_start_ns", "analysis_id", "start_ns"),
        Index("ix_sessions_event_id", "event_id", "analysis_id"),
    )

    terminal_no: Mapped[int]
    key: Mapped[str]
    event_id: Mapped[str | None]
    outcome: Mapped[str]
    start_ns: Mapped[int | None] = mapped_column(BigInteger)
    end_ns: Mapped[int | None] = mapped_column(BigInteger)
    server_ip: Mapped[list[str]] = mapped_column(ARRAY(String))
    zone_known: Mapped[bool]


class MarkRow(Base):
    """A log record of a session that is no message, with the line behind it."""

    __tablename__ = "marks"
    __table_args__ = (_part_of("sessions", "session_no"), _part_of("sources", "source_no"))

    analysis_id: Mapped[int] = mapped_column(primary_key=True)
    session_no: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    side: Mapped[str]
    time_ns: Mapped[int] = mapped_column(BigInteger)
    raw_time_ns: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str]
    code: Mapped[int | None] = mapped_column(BigInteger)
    source_no: Mapped[int | None]
    source_path: Mapped[str | None]
    line: Mapped[int | None] = mapped_column(BigInteger)
    frame: Mapped[int | None] = mapped_column(BigInteger)
    evidence_text: Mapped[str]


class MessageRow(_Numbered, Base):
    __tablename__ = "messages"
    __table_args__ = (
        _part_of("sessions", "session_no"),
        one_of("direction", _values(Direction)),
        Index("ix_messages_session_no", "analysis_id", "session_no"),
        Index("ix_messages_number", "analysis_id", "number"),
    )

    session_no: Mapped[int]
    number: Mapped[int] = mapped_column(BigInteger)
    direction: Mapped[str]
    plain_bytes: Mapped[int | None] = mapped_column(BigInteger)
    deflated_bytes: Mapped[int | None] = mapped_column(BigInteger)
    check: Mapped[dict[str, Any] | None] = mapped_column("check_result", JSONB)
    fields: Mapped[list[Any]]  # [[name, value], …] in order, names may repeat


class AttemptRow(_Numbered, Base):
    __tablename__ = "attempts"
    __table_args__ = (
        _part_of("messages", "message_no"),
        _part_of("phrases", "tied_by_no"),
        Index("ix_attempts_message_no", "analysis_id", "message_no"),
        Index("ix_attempts_time_ns", "analysis_id", "time_ns"),
    )

    message_no: Mapped[int]
    attempt: Mapped[int]
    time_ns: Mapped[int | None] = mapped_column(BigInteger)
    gap_s: Mapped[float | None] = mapped_column(Float)
    plain_bytes: Mapped[int | None] = mapped_column(BigInteger)
    wire_bytes: Mapped[int | None] = mapped_column(BigInteger)
    log_time_ns: Mapped[int | None] = mapped_column(BigInteger)
    server_log_time_ns: Mapped[int | None] = mapped_column(BigInteger)
    tied_by_no: Mapped[int | None]
    message_id: Mapped[int | None] = mapped_column(BigInteger)


class DatagramRow(Base):
    """The datagram of an attempt, over all capture points.

    `fate` is {point: fate}; `details` holds what most datagrams lack: translations, duplicates, splits, anomalies,
    tunnels, each by point, and the TTLs.
    """

    __tablename__ = "datagrams"
    __table_args__ = (
        _part_of("attempts", "attempt_no"),
        _part_of("phrases", "match_reason_no"),
        Index("ix_datagrams_lost", "analysis_id", "lost_from", "lost_to"),
    )

    analysis_id: Mapped[int] = mapped_column(primary_key=True)
    attempt_no: Mapped[int] = mapped_column(primary_key=True)
    identification: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[str]
    destination: Mapped[str]
    ip_version: Mapped[int] = mapped_column(SmallInteger)
    wire_bytes: Mapped[int | None] = mapped_column(BigInteger)
    fate: Mapped[dict[str, Any]]
    lost_from: Mapped[str | None]
    lost_to: Mapped[str | None]
    coding: Mapped[str | None]
    match_reason_no: Mapped[int | None]
    match_confidence: Mapped[str | None]
    details: Mapped[dict[str, Any]]


class FragmentRow(Base):
    __tablename__ = "fragments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["analysis_id", "attempt_no"], ["datagrams.analysis_id", "datagrams.attempt_no"], ondelete="CASCADE"
        ),
    )

    analysis_id: Mapped[int] = mapped_column(primary_key=True)
    attempt_no: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    offset_bytes: Mapped[int]
    length_bytes: Mapped[int]


class SightingRow(Base):
    """One fragment at one capture point."""

    __tablename__ = "sightings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["analysis_id", "attempt_no", "position"],
            ["fragments.analysis_id", "fragments.attempt_no", "fragments.position"],
            ondelete="CASCADE",
        ),
        _part_of("capture_points", "point_no"),
        _part_of("sources", "source_no"),
        _part_of("phrases", "reason_no"),
        one_of("state", _values(Seen)),
    )

    analysis_id: Mapped[int] = mapped_column(primary_key=True)
    attempt_no: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    point_no: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]
    source_no: Mapped[int | None]
    frames: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    raw_time_ns: Mapped[int | None] = mapped_column(BigInteger)
    time_ns: Mapped[int | None] = mapped_column(BigInteger)
    reason_no: Mapped[int | None]
    reason_code: Mapped[str]
    line: Mapped[int | None] = mapped_column(BigInteger)


class FindingRow(_Numbered, Base):
    """Of a terminal, or of the whole case where `terminal_no` is null; numbered by importance within each."""

    __tablename__ = "findings"
    __table_args__ = (
        _part_of("terminals", "terminal_no"),
        one_of("severity", _values(Severity)),
        one_of("confidence", _values(Confidence)),
        Index("ix_findings_terminal_no", "analysis_id", "terminal_no", "no"),
        Index("ix_findings_code", "analysis_id", "code", "severity"),
        Index("ix_findings_any_code", "code", "analysis_id"),
    )

    terminal_no: Mapped[int | None]
    code: Mapped[str]
    severity: Mapped[str]
    confidence: Mapped[str]
    message: Mapped[int | None] = mapped_column(BigInteger)
    between_from: Mapped[str | None]
    between_to: Mapped[str | None]
    summary_en: Mapped[str]
    summary_zh: Mapped[str]
    counts: Mapped[dict[str, Any]]
    against: Mapped[list[Any]]
    next_steps: Mapped[list[Any]]
    details: Mapped[dict[str, Any]]


class EvidenceRow(_Numbered, Base):
    """A log line or a frame behind an attempt or a finding: exactly one of the two.

    `source_path` is set only where the analysis lists no such source, instead of `source_no`.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        _part_of("attempts", "attempt_no"),
        _part_of("findings", "finding_no"),
        _part_of("sources", "source_no"),
        Index("ix_evidence_attempt_no", "analysis_id", "attempt_no"),
        Index("ix_evidence_finding_no", "analysis_id", "finding_no"),
    )

    attempt_no: Mapped[int | None]
    finding_no: Mapped[int | None]
    source_no: Mapped[int | None]
    source_path: Mapped[str | None]
    line: Mapped[int | None] = mapped_column(BigInteger)
    frame: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str]


class CheckRow(_Numbered, Base):
    """What became of one rule for a terminal, or for the case where `terminal_no` is null."""

    __tablename__ = "checks"
    __table_args__ = (
        _part_of("terminals", "terminal_no"),
        Index("ix_checks_terminal_no", "analysis_id", "terminal_no", "no"),
    )

    terminal_no: Mapped[int | None]
    code: Mapped[str]
    result: Mapped[str]
    missing: Mapped[list[Any]]


# Parents before children: the order of writing; the reverse is the order of deleting.
TABLES: tuple[type[Base], ...] = (
    PhraseRow, SourceRow, RejectedRow, CapturePointRow, TerminalRow, SessionRow, MarkRow, MessageRow, AttemptRow,
    DatagramRow, FragmentRow, SightingRow, FindingRow, EvidenceRow, CheckRow,
)  # fmt: skip
