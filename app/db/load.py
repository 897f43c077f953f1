"""From the tables back to the model: one terminal for its page, or the whole analysis for JSON and PDF.

What comes back equals what was saved, except that logs come without their events, which are in the stored files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session as DatabaseSession

from app.core.analysis import (
    CapturePoint,
    CaseAnalysis,
    Check,
    Clock,
    Finding,
    Outcome,
    Role,
    Session,
    Source,
    SourceKind,
    Terminal,
)  # fmt: skip
from app.core.records import CaptureFacts, Locator, LogFacts, Rejected, Text
from app.db.claims import load_all_claims, load_claims
from app.db.exchanges import load_sessions
from app.db.models import Analysis, Case
from app.db.results import (
    CapturePointRow,
    RejectedRow,
    SourceRow,
    TerminalRow,
)  # fmt: skip
from app.db.texts import built, texts
from app.errors import NotFound

NO_ANALYSIS = Text("This case has no finished analysis yet.", "该案例尚无已完成的分析。")
NO_TERMINAL = Text("This case has no such terminal.", "该案例中没有这个终端。")


def current_analysis_id(session: DatabaseSession, case_id: int) -> int:
    """The analysis that readers see. Raises NotFound where there is none (yet)."""
    current = session.scalar(select(Case.current_analysis_id).where(Case.id == case_id))
    if current is None:
        raise NotFound(NO_ANALYSIS)
    return current


def load_analysis(session: DatabaseSession, case_id: int) -> CaseAnalysis:
    """The whole current analysis. Raises NotFound."""
    analysis_id = current_analysis_id(session, case_id)
    run = session.get_one(Analysis, analysis_id)
    rows = _all(session, select(TerminalRow).where(TerminalRow.analysis_id == analysis_id).order_by(TerminalRow.no))
    findings, checks = load_claims(session, analysis_id, None)
    return CaseAnalysis(
        sources=load_sources(session, analysis_id),
        capture_points=load_capture_points(session, analysis_id),
        terminals=_terminals(session, analysis_id, rows),
        findings=findings,
        checks=checks,
        notes=texts(run.notes),
    )


def load_terminal(session: DatabaseSession, case_id: int, key: str) -> Terminal:
    """One terminal of the current analysis, with its sessions, findings and checks. Raises NotFound."""
    analysis_id = current_analysis_id(session, case_id)
    row = session.scalar(select(TerminalRow).where(TerminalRow.analysis_id == analysis_id, TerminalRow.key == key))
    if row is None:
        raise NotFound(NO_TERMINAL)
    sessions = load_sessions(session, analysis_id, [row.no])
    return _terminal(row, sessions.get(row.no, ()), *load_claims(session, analysis_id, row.no))


def load_sources(session: DatabaseSession, analysis_id: int, *, with_rejected: bool = True) -> tuple[Source, ...]:
    """Every file of the bundle, in the order of the analysis."""
    rejected = _rejected(session, analysis_id) if with_rejected else {}
    rows = _all(session, select(SourceRow).where(SourceRow.analysis_id == analysis_id).order_by(SourceRow.no))
    return tuple(_source(row, rejected.get(row.no, ())) for row in rows)


def load_capture_points(session: DatabaseSession, analysis_id: int) -> tuple[CapturePoint, ...]:
    """In path order, client first."""
    query = select(CapturePointRow).where(CapturePointRow.analysis_id == analysis_id).order_by(CapturePointRow.no)
    return tuple(_capture_point(row) for row in _all(session, query))


def _terminals(session: DatabaseSession, analysis_id: int, rows: Sequence[TerminalRow]) -> tuple[Terminal, ...]:
    sessions = load_sessions(session, analysis_id)
    findings, checks = load_all_claims(session, analysis_id)
    return tuple(_terminal(row, sessions.get(row.no, ()), findings[row.no], checks[row.no]) for row in rows)


def _terminal(
    row: TerminalRow, sessions: tuple[Session, ...], findings: tuple[Finding, ...], checks: tuple[Check, ...]
) -> Terminal:
    return Terminal(
        user=row.user, mac=row.mac, ip=tuple(row.ip), outcome=Outcome(row.outcome), sessions=sessions,
        findings=findings, checks=checks, key=row.key, client_version=row.client_version,
    )  # fmt: skip


def _source(row: SourceRow, rejected: tuple[Rejected, ...]) -> Source:
    log = None if row.log is None else replace(built(LogFacts, row.log), events=(), rejected=rejected)
    return Source(
        path=row.path, sha256=row.sha256, size_bytes=row.size_bytes, kind=SourceKind(row.kind),
        capture_point=row.capture_point, records=row.records, rejected=row.rejected, first_ns=row.first_ns,
        last_ns=row.last_ns, clock_offset_s=row.clock_offset_s, encoding=row.encoding, log_format=row.log_format,
        log_format_score=row.log_format_score, zone_offset_s=row.zone_offset_s, notes=texts(row.notes), log=log,
        capture=None if row.capture is None else built(CaptureFacts, row.capture),
    )  # fmt: skip


def _rejected(session: DatabaseSession, analysis_id: int) -> dict[int, tuple[Rejected, ...]]:
    query = (
        select(RejectedRow, SourceRow.path)
        .join(SourceRow, (SourceRow.analysis_id == RejectedRow.analysis_id) & (SourceRow.no == RejectedRow.source_no))
        .where(RejectedRow.analysis_id == analysis_id)
        .order_by(RejectedRow.source_no, RejectedRow.position)
    )
    lines: dict[int, list[Rejected]] = defaultdict(list)
    for row, path in session.execute(query):
        where = Locator(path, line=row.line, byte_start=row.byte_start, byte_end=row.byte_end)
        lines[row.source_no].append(Rejected(where, Text(row.reason_en, row.reason_zh), row.lines, row.sample))
    return {number: tuple(rejected) for number, rejected in lines.items()}


def _capture_point(row: CapturePointRow) -> CapturePoint:
    return CapturePoint(
        name=row.name, role=Role(row.role), order=row.order_no, order_by=row.order_by, sources=tuple(row.sources),
        clock=built(Clock, row.clock),
        source_clocks={source: built(Clock, clock) for source, clock in row.source_clocks.items()},
        observed_ns=tuple((start, end) for start, end in row.observed_ns), notes=texts(row.notes),
    )  # fmt: skip


def _all(session: DatabaseSession, query: Select[Any]) -> Sequence[Any]:
    return session.scalars(query).all()
