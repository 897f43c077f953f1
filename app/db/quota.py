"""How much each person may keep in uploads, and has."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core.records import Text
from app.db import site
from app.db.models import PartialUpload, Upload
from app.errors import TooLarge


@dataclass(frozen=True, slots=True)
class Quota:
    """In bytes. What is still arriving counts whole."""

    used: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


def quota_of(session: Session, user_id: int | None) -> Quota | None:
    """None where nothing limits this person."""
    limit = site.quota_bytes(session)
    if limit is None or user_id is None:
        return None
    kept = select(func.coalesce(func.sum(Upload.size_bytes), 0)).where(Upload.user_id == user_id)
    arriving = select(func.coalesce(func.sum(PartialUpload.size_bytes), 0)).where(
        PartialUpload.user_id == user_id, PartialUpload.sha256.is_(None)
    )
    return Quota(int(session.scalar(kept) or 0) + int(session.scalar(arriving) or 0), limit)


def require_room(session: Session, user_id: int | None, wanted_bytes: int) -> None:
    """Raises TooLarge with what is used and left. Two requests of one person wait for each other until the commit."""
    session.execute(text("SELECT pg_advisory_xact_lock(4541, :user)"), {"user": user_id or 0})
    quota = quota_of(session, user_id)
    if quota is None or wanted_bytes <= quota.left:
        return
    limit, used, left, wanted = (_size(value) for value in (quota.limit, quota.used, quota.left, wanted_bytes))
    raise TooLarge(
        Text(
            f"Your uploads may take {limit}; {used} are used and {left} are left, but this file has {wanted}. "
            "Delete a case that is no longer needed, or ask an administrator for more.",
            f"您的上传配额为 {limit}，已用 {used}，剩余 {left}，而此文件大小为 {wanted}。"
            "请删除不再需要的案例，或请管理员提高配额。",
        )
    )


def _size(value: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= factor:
            return f"{value / factor:.1f} {unit}"
    return f"{value} B"
