"""Tables of terminals and of what happened to them, from the session down to a fragment at one capture point."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKeyConstraint, Index, SmallInteger, String
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.analysis import Outcome, Seen
from app.core.records import Direction
from app.db.base import Base, one_of
from app.db.result_rows import Numbered, part_of, values_of


class TerminalRow(Numbered, Base):
    """`search` is user, MAC and addresses in lower case; what follows sums up the sessions for lists and charts."""

    __tablename__ = "terminals"
    __table_args__ = (
        one_of("outcome", values_of(Outcome)),
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


class SessionRow(Numbered, Base):
    __tablename__ = "sessions"
    __table_args__ = (
        part_of("terminals", "terminal_no"),
        one_of("outcome", values_of(Outcome)),
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
    __table_args__ = (part_of("sessions", "session_no"), part_of("sources", "source_no"))

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


class MessageRow(Numbered, Base):
    __tablename__ = "messages"
    __table_args__ = (
        part_of("sessions", "session_no"),
        one_of("direction", values_of(Direction)),
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


class AttemptRow(Numbered, Base):
    __tablename__ = "attempts"
    __table_args__ = (
        part_of("messages", "message_no"),
        part_of("phrases", "tied_by_no"),
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
        part_of("attempts", "attempt_no"),
        part_of("phrases", "match_reason_no"),
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
        part_of("capture_points", "point_no"),
        part_of("sources", "source_no"),
        part_of("phrases", "reason_no"),
        one_of("state", values_of(Seen)),
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
