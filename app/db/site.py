"""What administrators set for the whole installation, and what it remembers of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.models import SiteSetting

RETENTION_DAYS, QUOTA_BYTES, UPKEEP_DONE = "retention_days", "quota_bytes", "upkeep_done_at"


def retention_days(session: Session) -> int | None:
    """After how many days without a change a case is deleted; None: never."""
    days = _get(session, RETENTION_DAYS)
    return days if isinstance(days, int) else None


def set_retention_days(session: Session, days: int | None) -> None:
    _set(session, RETENTION_DAYS, days)


def quota_bytes(session: Session) -> int | None:
    """How much each person may keep in uploads; None: as much as the disk holds."""
    limit = _get(session, QUOTA_BYTES)
    return limit if isinstance(limit, int) else None


def set_quota_bytes(session: Session, limit: int | None) -> None:
    _set(session, QUOTA_BYTES, limit)


def upkeep_done_at(session: Session) -> datetime:
    done = _get(session, UPKEEP_DONE)
    return datetime.fromisoformat(done) if isinstance(done, str) else datetime.fromtimestamp(0, UTC)


def set_upkeep_done(session: Session, at: datetime) -> None:
    _set(session, UPKEEP_DONE, at.isoformat())


def _get(session: Session, name: str) -> Any:
    return session.scalar(select(SiteSetting.value).where(SiteSetting.name == name))


def _set(session: Session, name: str, value: Any) -> None:
    new = insert(SiteSetting).values(name=name, value=value)
    session.execute(new.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
