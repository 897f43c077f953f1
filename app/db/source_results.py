"""Tables of the files of an analysis, of its capture points, and of sentences that repeat."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Float, Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.analysis import Role, SourceKind
from app.db.base import Base, one_of
from app.db.result_rows import Numbered, part_of, values_of


class PhraseRow(Numbered, Base):
    __tablename__ = "phrases"

    en: Mapped[str]
    zh: Mapped[str]


class SourceRow(Numbered, Base):
    """A file of the bundle, used or not. `log` and `capture` are what the file says of itself, without its events."""

    __tablename__ = "sources"
    __table_args__ = (
        one_of("kind", values_of(SourceKind)),
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
    __table_args__ = (part_of("sources", "source_no"),)

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


class CapturePointRow(Numbered, Base):
    """`no` is the place in the path; `order_no` the number that the model gives it."""

    __tablename__ = "capture_points"
    __table_args__ = (
        one_of("role", values_of(Role)),
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
