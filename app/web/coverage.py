"""What a case holds of the four kinds of evidence, for its page: judged from a few of its failures."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.analysis import Outcome, Source, Terminal
from app.core.coverage import Holding, judge_coverage
from app.db.claims import load_claims
from app.db.exchanges import load_sessions
from app.db.load import load_capture_points, load_sources
from app.db.results import TerminalRow

MOST_TERMINALS = 8  # loading more would make the page wait, and they would say the same
MOST_FILES = 2


@dataclass(frozen=True, slots=True)
class File:
    """How it was read; its page lets a person change that."""

    path: str
    sha256: str
    encoding: str | None
    zone_offset_s: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A kind of evidence with the first of its files."""

    holding: Holding
    files: tuple[File, ...]
    more_files: int


def coverage_of(db: Session, analysis_id: int) -> tuple[Shown, ...]:
    sources = load_sources(db, analysis_id, with_rejected=False)
    points, checks = load_capture_points(db, analysis_id), load_claims(db, analysis_id, None)[1]
    files = {source.path: source for source in sources}
    return tuple(
        Shown(holding, tuple(_file(files[path]) for path in holding.sources[:MOST_FILES]),
              max(0, len(holding.sources) - MOST_FILES))
        for holding in judge_coverage(sources, points, _failing(db, analysis_id), checks)
    )  # fmt: skip


def _file(source: Source) -> File:
    return File(source.path, source.sha256, source.encoding, source.zone_offset_s)


def _failing(db: Session, analysis_id: int) -> list[Terminal]:
    """The first terminals, failing ones before others, with their sessions alone."""
    is_failed = TerminalRow.outcome == Outcome.FAILED.value
    query = select(TerminalRow).where(TerminalRow.analysis_id == analysis_id)
    rows = db.scalars(query.order_by(is_failed.desc(), TerminalRow.no).limit(MOST_TERMINALS)).all()
    sessions = load_sessions(db, analysis_id, [row.no for row in rows])
    return [Terminal(row.user, row.mac, tuple(row.ip), Outcome(row.outcome), sessions.get(row.no, ())) for row in rows]
