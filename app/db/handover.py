"""Tables of what leaves the house: documents made of an analysis, and who is told when one ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Identity, Index, Integer, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, one_of
from app.db.models import ANALYSIS_STATES, QUEUED

REPORT, EVIDENCE = "report", "evidence"
DOCUMENT_KINDS = (REPORT, EVIDENCE)
WAITING, DELIVERED, GIVEN_UP = "waiting", "delivered", "given-up"
DELIVERY_STATES = (WAITING, DELIVERED, GIVEN_UP)


class Document(Base):
    """A report or an evidence packet: asked for, being made (`fraction`, 0 to 1), and where its content lies.

    The same options for the same analysis are the same document: `digest` says what it is made of. `run` counts starts,
    as it does for an analysis.
    """

    __tablename__ = "documents"
    __table_args__ = (
        one_of("kind", DOCUMENT_KINDS),
        one_of("state", ANALYSIS_STATES),
        CheckConstraint("fraction >= 0 AND fraction <= 1", name="fraction"),
        Index("uq_documents_analysis_id_digest", "analysis_id", "digest", unique=True),
        Index("ix_documents_case_id_id", "case_id", "id"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"))
    analysis_id: Mapped[int] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"))
    kind: Mapped[str]
    options: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(server_default=QUEUED)
    step: Mapped[str] = mapped_column(server_default="")
    fraction: Mapped[float] = mapped_column(Float, server_default="0")
    error_en: Mapped[str] = mapped_column(server_default="")
    error_zh: Mapped[str] = mapped_column(server_default="")
    traceback: Mapped[str] = mapped_column(server_default="")  # for the admins' page only
    notes: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))  # what its reader should know: [{"en", "zh"}]
    run: Mapped[int] = mapped_column(server_default="0")
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class AnonymisationMap(Base):
    """What stands for what in the anonymised packets of a case. It never leaves with them."""

    __tablename__ = "anonymisation_maps"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[dict[str, Any]]


class Webhook(Base):
    """An address that is told when an analysis ends. `secret` signs what is sent, so it is kept as it is."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    url: Mapped[str]
    secret: Mapped[str]
    created_by: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Delivery(Base):
    """One message to one webhook, and how the last try went."""

    __tablename__ = "deliveries"
    __table_args__ = (one_of("state", DELIVERY_STATES), Index("ix_deliveries_webhook_id_id", "webhook_id", "id"))

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default=WAITING)
    tries: Mapped[int] = mapped_column(server_default="0")
    status: Mapped[int | None]  # of HTTP, of the last answer
    error: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    tried_at: Mapped[datetime | None]
