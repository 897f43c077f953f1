"""What must be done from time to time though nobody asks: cases whose time is over, uploads that were given up, files
that a crash left behind, jobs that are long done. Every worker looks; one at a time does it, once an hour."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from app.accounts import audit
from app.db import site
from app.db.models import Blob, Case, PartialUpload
from app.db.removal import delete_case, remove_unused, unused_contents
from app.errors import AppError
from app.logs import get_log
from app.partial_uploads import KEPT
from app.storage import Storage

log = get_log("eadscope.upkeep")

EVERY = timedelta(hours=1)
LOOK_S = 60.0
# Whatever is younger may belong to a request that has not committed yet.
SETTLED_S = 86400.0
JOBS_KEPT_DAYS = 30
AT_ONCE = 100  # cases of one round: the rest has time until the next one
_LOCK = 0x45414454


@dataclass(frozen=True, slots=True)
class Done:
    cases: int = 0
    uploads: int = 0
    contents: int = 0
    jobs: int = 0


async def keep_up(sessions: sessionmaker[Session], storage: Storage) -> None:
    """For ever. What fails now is tried in the next round."""
    while True:
        try:
            done = await asyncio.to_thread(keep_up_when_due, sessions, storage)
            if done is not None and done != Done():
                log.info("upkeep done", **asdict(done))
        except (AppError, DBAPIError) as error:
            log.warning("upkeep did not end", error=type(error).__name__)
        await asyncio.sleep(LOOK_S)


def keep_up_when_due(sessions: sessionmaker[Session], storage: Storage) -> Done | None:
    """None where another worker is at it, or was within the hour."""
    with sessions() as lock:
        if not lock.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
            return None
        try:
            now = datetime.now(UTC)
            if now - site.upkeep_done_at(lock) < EVERY:
                return None
            done = run_upkeep(sessions, storage, now)
            site.set_upkeep_done(lock, now)
            lock.commit()
            return done
        finally:
            with suppress(DBAPIError):
                lock.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})


def run_upkeep(sessions: sessionmaker[Session], storage: Storage, now: datetime) -> Done:
    storage.tidy(now.timestamp() - SETTLED_S)
    return Done(
        cases=_delete_old_cases(sessions, storage, now),
        uploads=_give_up_uploads(sessions, storage, now),
        contents=_remove_orphans(sessions, storage, now),
        jobs=_forget_jobs(sessions),
    )


def overdue_cases(session: Session, days: int | None, now: datetime) -> list[Case]:
    """Cases that nobody touched for so many days, without those on hold and the example; the oldest first."""
    if days is None:
        return []
    over = select(Case).where(Case.updated_at < now - timedelta(days=days), Case.hold_reason == "", ~Case.is_example)
    return list(session.scalars(over.order_by(Case.updated_at)))


def _delete_old_cases(sessions: sessionmaker[Session], storage: Storage, now: datetime) -> int:
    with sessions() as session:
        overdue = [case.id for case in overdue_cases(session, site.retention_days(session), now)]
        for case_id in overdue[:AT_ONCE]:
            audit.record(session, "retention", "deleted", case_id)
            delete_case(session, storage, case_id)
    return len(overdue[:AT_ONCE])


def _give_up_uploads(sessions: sessionmaker[Session], storage: Storage, now: datetime) -> int:
    """Rows that nothing was added to for long, and pieces without a row: of those, or of a case that was deleted."""
    with sessions() as session:
        session.execute(delete(PartialUpload).where(PartialUpload.touched_at < now - KEPT))
        session.commit()
        known = set(session.scalars(select(PartialUpload.id).where(PartialUpload.sha256.is_(None))))
    settled = now.timestamp() - SETTLED_S
    stale = [upload_id for upload_id, grown in storage.pieces.all() if upload_id not in known and grown < settled]
    for upload_id in stale:
        storage.pieces.remove(upload_id)
    return len(stale)


def _remove_orphans(sessions: sessionmaker[Session], storage: Storage, now: datetime) -> int:
    settled = now.timestamp() - SETTLED_S
    with sessions() as session:
        removed = remove_unused(session, storage, unused_contents(session))
        batch: list[str] = []
        for sha256, since in storage.contents():
            if since < settled:
                batch.append(sha256)
            if len(batch) == 1000:
                removed += _remove_unknown(session, storage, batch)
                batch = []
        return removed + _remove_unknown(session, storage, batch)


def _remove_unknown(session: Session, storage: Storage, contents: list[str]) -> int:
    known = set(session.scalars(select(Blob.sha256).where(Blob.sha256.in_(contents))))
    session.rollback()
    return remove_unused(session, storage, [sha256 for sha256 in contents if sha256 not in known])


def _forget_jobs(sessions: sessionmaker[Session]) -> int:
    """The queue keeps every job; what it did is in the analyses."""
    with sessions() as session:
        gone = session.execute(
            text(
                """
                DELETE FROM procrastinate_jobs job WHERE status IN ('succeeded', 'failed', 'cancelled', 'aborted')
                AND NOT EXISTS (SELECT 1 FROM procrastinate_events event WHERE event.job_id = job.id
                                AND event.at > now() - make_interval(days => :days))
                RETURNING id
                """
            ),
            {"days": JOBS_KEPT_DAYS},
        ).all()
        session.commit()
    return len(gone)
