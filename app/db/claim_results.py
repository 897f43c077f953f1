"""Tables of findings and checks, and of the evidence behind findings and attempts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.core.analysis import Severity
from app.core.records import Confidence
from app.db.base import Base, one_of
from app.db.result_rows import Numbered, part_of, values_of


class FindingRow(Numbered, Base):
    """Of a terminal, or of the whole case where `terminal_no` is null; numbered by importance within each."""

    __tablename__ = "findings"
    __table_args__ = (
        part_of("terminals", "terminal_no"),
        one_of("severity", values_of(Severity)),
        one_of("confidence", values_of(Confidence)),
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


class EvidenceRow(Numbered, Base):
    """A log line or a frame behind an attempt or a finding: exactly one of the two.

    `source_path` is set only where the analysis lists no such source, instead of `source_no`.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        part_of("attempts", "attempt_no"),
        part_of("findings", "finding_no"),
        part_of("sources", "source_no"),
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


class CheckRow(Numbered, Base):
    """What became of one rule for a terminal, or for the case where `terminal_no` is null."""

    __tablename__ = "checks"
    __table_args__ = (
        part_of("terminals", "terminal_no"),
        Index("ix_checks_terminal_no", "analysis_id", "terminal_no", "no"),
    )

    terminal_no: Mapped[int | None]
    code: Mapped[str]
    result: Mapped[str]
    missing: Mapped[list[Any]]
