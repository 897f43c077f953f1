"""What operators want to know: the queue, the workers, what failed and why. Each function is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, aliased

from app.db.models import CANCELED, DONE, FAILED, QUEUED, RUNNING, Analysis, Blob, Case

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Ended:
    id: int
    state: str
    finished_at: datetime
    duration_s: float | None  # None: it never began


@dataclass(frozen=True, slots=True)
class Lane:
    """One queue that a process serves."""

    name: str  # empty: of an earlier version, which did not tell
    silent_s: float  # since its last sign of life
    case_id: int | None  # what it works on


@dataclass(frozen=True, slots=True)
class Worker:
    """A process."""

    name: str  # host and process number
    lanes: tuple[Lane, ...]

    @property
    def silent_s(self) -> float:
        """Of the lane that has been silent for longest: each says by itself that it is alive."""
        return max(lane.silent_s for lane in self.lanes)

    @property
    def case_id(self) -> int | None:
        return next((lane.case_id for lane in self.lanes if lane.case_id is not None), None)


@dataclass(frozen=True, slots=True)
class Stored:
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a case's analysis, for the page of administrators."""

    analysis: Analysis
    title: str
    is_newest: bool  # of its case: an older failure has been overtaken


def database_now(db: Session) -> datetime:
    now: datetime = db.execute(select(func.clock_timestamp())).scalar_one()
    return now


def queue_lengths(db: Session) -> dict[str, int]:
    """How many wait and how many run; zeros too."""
    counts = select(Analysis.state, func.count()).where(Analysis.state.in_((QUEUED, RUNNING))).group_by(Analysis.state)
    lengths = {QUEUED: 0, RUNNING: 0}
    for state, number in db.execute(counts):
        lengths[state] = number
    return lengths


def queue_wait_s(db: Session) -> float:
    """Since when the oldest waits; 0 where none does."""
    oldest = func.extract("epoch", func.now() - func.min(Analysis.requested_at))
    return float(db.scalar(select(oldest).where(Analysis.state == QUEUED)) or 0.0)


def ended_since(db: Session, since: datetime) -> Sequence[Ended]:
    took = func.extract("epoch", Analysis.finished_at - Analysis.started_at)
    rows = db.execute(
        select(Analysis.id, Analysis.state, Analysis.finished_at, took).where(
            Analysis.finished_at >= since, Analysis.state.in_((DONE, FAILED, CANCELED))
        )
    )
    return [
        Ended(number, state, at, None if seconds is None else float(seconds))
        for number, state, at, seconds in rows
        if at is not None
    ]


def workers(db: Session) -> Sequence[Worker]:
    """Those that are registered; one that was killed stays so until another notices."""
    rows = db.execute(
        text(
            """
            SELECT coalesce(known.process, '#' || worker.id), coalesce(known.lane, ''),
              -- After a lost connection the lane is there once more, until the older one is noticed to be dead.
              extract(epoch FROM clock_timestamp() - max(worker.last_heartbeat)), min(analyses.case_id)
            FROM procrastinate_workers worker
            LEFT JOIN worker_lanes known ON known.worker_id = worker.id
            LEFT JOIN procrastinate_jobs job ON job.worker_id = worker.id AND job.status = 'doing'
            LEFT JOIN analyses ON analyses.job_id = job.id
            GROUP BY 1, 2 ORDER BY 1, 2
            """
        )
    )
    found: dict[str, list[Lane]] = {}
    for process, name, silent, case_id in rows:
        found.setdefault(process, []).append(Lane(name, max(0.0, float(silent)), case_id))
    return [Worker(process, tuple(lanes)) for process, lanes in found.items()]


def stored(db: Session) -> Stored:
    number, size = db.execute(select(func.count(), func.coalesce(func.sum(Blob.size_bytes), 0))).one()
    return Stored(int(number), int(size))


def runs(db: Session, states: Sequence[str], limit: int = SHOWN) -> Sequence[Run]:
    """The newest first."""
    other = aliased(Analysis)
    newest = select(func.max(other.id)).where(other.case_id == Case.id).correlate(Case).scalar_subquery()
    rows = db.execute(
        select(Analysis, Case.title, newest)
        .join(Case, Case.id == Analysis.case_id)
        .where(Analysis.state.in_(states))
        .order_by(Analysis.id.desc())
        .limit(limit)
    )
    return [Run(analysis, title, analysis.id == last) for analysis, title, last in rows]
