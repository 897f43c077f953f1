"""Tables of what people put in: cases, uploads, files, settings, notes, and the analyses that they ask for.

What an analysis found lies in `results`; those rows belong to an analysis and go when a newer one replaces it. Nothing
here is touched by an analysis, so names and orders given by a person stay.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.accounts import Group, User
from app.db.base import Base, one_of

QUEUED, RUNNING, DONE, FAILED, CANCELED = "queued", "running", "done", "failed", "canceled"
JUDGEMENTS = ("open", "confirmed", "dismissed")
ANALYSIS_STATES = (QUEUED, RUNNING, DONE, FAILED, CANCELED)
STEPS = ("unpack", "logs", "captures", "matching", "diagnosis", "save")


class Case(Base):
    """The ticket. Its `current_analysis_id` is the one analysis whose results readers see."""

    __tablename__ = "cases"
    __table_args__ = (
        one_of("state", ("open", "solved")),
        Index("ix_cases_state_updated_at", "state", text("updated_at DESC"), text("id DESC")),
        Index("ix_cases_updated_at", text("updated_at DESC"), text("id DESC")),
        Index(
            "ix_cases_text",
            literal_column("lower(title || ' ' || site || ' ' || note)").label("words"),
            postgresql_using="gin",
            postgresql_ops={"words": "gin_trgm_ops"},
            postgresql_with={"fastupdate": "off"},
        ),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    title: Mapped[str]
    site: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="open")
    note: Mapped[str] = mapped_column(server_default="")
    language: Mapped[str] = mapped_column(String(8), server_default="en")
    ports: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")  # beside the usual ones
    hold_reason: Mapped[str] = mapped_column(server_default="")  # not empty: it may not be deleted, by nobody
    is_example: Mapped[bool] = mapped_column(server_default=text("false"))
    # Those of the group see it; without one, its owner and who sees all.
    owner_id: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey(Group.id, ondelete="SET NULL"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    current_analysis_id: Mapped[int | None] = mapped_column(
        ForeignKey("analyses.id", ondelete="SET NULL", use_alter=True), index=True
    )


class Blob(Base):
    """A stored file, known by its content. Rows go, and then the file, when nothing refers to it any more."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Bundle(Base):
    """One upload: what was dropped on the page in one go.

    `unpacked_uploads` is how many of its files were there when it was unpacked; more since then, and it is done again.
    """

    __tablename__ = "bundles"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    unpacked_uploads: Mapped[int] = mapped_column(server_default="0")


class Upload(Base):
    """One file of an upload as the browser sent it: an archive or a loose file, with its path in a dropped folder."""

    __tablename__ = "uploads"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    bundle_id: Mapped[int] = mapped_column(ForeignKey("bundles.id", ondelete="CASCADE"), index=True)
    path: Mapped[str]
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"), index=True)  # who sent it


class PartialUpload(Base):
    """A file that is still arriving, or has arrived lately (then with its `sha256`). How far it is, the storage tells.

    Without `bundle_id` it joins the newest bundle of the case. `expected_sha256` is what the sender says of the whole.
    """

    __tablename__ = "partial_uploads"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    bundle_id: Mapped[int | None]
    path: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"), index=True)
    expected_sha256: Mapped[str | None] = mapped_column(String(64))
    sha256: Mapped[str | None] = mapped_column(String(64))
    touched_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class BundleFile(Base):
    """One file that unpacking a bundle gave, or could not give: then it has no content, and a reason."""

    __tablename__ = "bundle_files"
    __table_args__ = (
        Index("ix_bundle_files_bundle_id_path", "bundle_id", "path"),
        CheckConstraint("sha256 IS NOT NULL OR notes <> '[]'", name="content_or_reason"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    bundle_id: Mapped[int] = mapped_column(ForeignKey("bundles.id", ondelete="CASCADE"))
    path: Mapped[str]
    sha256: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    notes: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))  # [{"en", "zh"}]


class SourceSetting(Base):
    """What a person says of a file, kept by its content: its capture point, clock, zone or log format."""

    __tablename__ = "source_settings"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    capture_point: Mapped[str | None]
    clock_offset_s: Mapped[float | None] = mapped_column(Float)
    zone_offset_s: Mapped[int | None]
    encoding: Mapped[str | None]
    log_format: Mapped[str | None]


class CaseFormat(Base):
    """A server-log format that a person taught for one case; `toml` is its file, `name` the name in it."""

    __tablename__ = "case_formats"
    __table_args__ = (UniqueConstraint("case_id", "name"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    name: Mapped[str]
    toml: Mapped[str]


class PointSetting(Base):
    """The place in the path that a person gave a capture point, by its name; names are given to its sources."""

    __tablename__ = "point_settings"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]


class FindingJudgement(Base):
    """What a person thinks of one finding of a case, known by its code, so that it outlives the next analysis."""

    __tablename__ = "finding_judgements"
    __table_args__ = (one_of("state", JUDGEMENTS),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    author: Mapped[str] = mapped_column(server_default="")
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Analysis(Base):
    """One run over a case: asked for, running with a step and a fraction (0 to 1 of that step), and how it ended.

    `run` counts starts; a process may only write while `run` is the number that it started with, so one that was
    taken for dead cannot overwrite its successor.
    """

    __tablename__ = "analyses"
    __table_args__ = (
        one_of("state", ANALYSIS_STATES),
        CheckConstraint("fraction >= 0 AND fraction <= 1", name="fraction"),
        # At most one waits: it will see whatever was added in the meantime.
        Index("uq_analyses_waiting", "case_id", unique=True, postgresql_where=text("state = 'queued'")),
        Index("ix_analyses_case_id_id", "case_id", "id"),
        Index("ix_analyses_finding_codes", "finding_codes", postgresql_using="gin"),
        Index("ix_analyses_error_codes", "error_codes", postgresql_using="hash"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(server_default=QUEUED)
    step: Mapped[str] = mapped_column(server_default="")
    fraction: Mapped[float] = mapped_column(Float, server_default="0")
    error_en: Mapped[str] = mapped_column(server_default="")
    error_zh: Mapped[str] = mapped_column(server_default="")
    traceback: Mapped[str] = mapped_column(server_default="")  # for the admins' page only
    run: Mapped[int] = mapped_column(server_default="0")
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    notes: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))  # of the whole case: [{"en", "zh"}]
    terminal_count: Mapped[int] = mapped_column(server_default="0")
    failed_count: Mapped[int] = mapped_column(server_default="0")
    main_finding: Mapped[str | None]  # code of the most important finding, for the list of cases
    # [from, to, message, datagrams of it that were lost there, datagrams of it in all]
    leg_losses: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    finding_codes: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))  # of the case and its terminals
    error_codes: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))  # ordered; tells similar cases


class SavedFilter(Base):
    """A filter of the list of cases that somebody named; `query` is the query string of the page.

    One without an owner was kept before there were accounts: everybody has it.
    """

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("owner_id", "name", postgresql_nulls_not_distinct=True),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    name: Mapped[str]
    query: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SiteSetting(Base):
    """One thing that holds for the whole installation."""

    __tablename__ = "site_settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)


class WorkerLane(Base):
    """Which process, and which of its lanes, one of the queue's workers is."""

    __tablename__ = "worker_lanes"

    worker_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    process: Mapped[str]  # host:number
    lane: Mapped[str]


class Milestone(Base):
    """Something that this installation did once and must not do again, such as loading the example case."""

    __tablename__ = "milestones"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id", ondelete="SET NULL"))
    reached_at: Mapped[datetime] = mapped_column(server_default=func.now())
