"""An analysis into its tables, by COPY, beside the one that it replaces; readers see it once the case points to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from psycopg import sql
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session as DatabaseSession

from app.core.analysis import CaseAnalysis, Finding, Outcome, Severity
from app.db.base import Base
from app.db.models import DONE, QUEUED, RUNNING, Analysis, Case
from app.db.numbering import Numbering
from app.db.results import TABLES
from app.db.rows import Row, rows_by_table
from app.db.session import driver_connection
from app.db.texts import text_rows

Progress = Callable[[float], None]


def save_analysis(
    session: DatabaseSession,
    case_id: int,
    analysis: CaseAnalysis,
    analysis_id: int | None = None,
    progress: Progress = lambda fraction: None,
    confirm: Callable[[], None] = lambda: None,
) -> int:
    """Write `analysis` as the current one of the case, inside the session's transaction; the caller commits.

    `analysis_id` is the run that made it; without one a finished run is entered. The rows of the analysis that it
    replaces stay until `prune` takes them. `confirm` is asked when all rows are in, before the run is marked as done;
    it raises where they shall not count. Returns the id.
    """
    run = _run(session, case_id, analysis_id)
    numbering = Numbering(analysis)
    for number, (table, rows) in enumerate(rows_by_table(numbering)):
        _copy(session, table, run.id, rows)
        progress((number + 1) / len(TABLES))
    confirm()
    run.state, run.finished_at, run.fraction, run.step = DONE, datetime.now(UTC), 1.0, "save"
    run.notes = text_rows(analysis.notes)
    run.terminal_count = len(analysis.terminals)
    run.failed_count = sum(terminal.outcome is Outcome.FAILED for terminal in analysis.terminals)
    main = main_finding(analysis)
    run.main_finding = None if main is None else main.code
    run.leg_losses = leg_losses(analysis)
    findings = [*analysis.findings, *(finding for terminal in analysis.terminals for finding in terminal.findings)]
    run.finding_codes = sorted({finding.code for finding in findings})
    run.error_codes = sorted({finding.code for finding in findings if finding.severity is Severity.ERROR})
    session.flush()
    session.execute(
        update(Case).where(Case.id == case_id).values(current_analysis_id=run.id, updated_at=run.finished_at)
    )
    return run.id


def prune(session: DatabaseSession, case_id: int) -> None:
    """Delete the results of every analysis of the case but the current one; the runs themselves stay as its history.

    Children go first, so that no cascade has to look for them row by row.
    """
    current = select(Case.current_analysis_id).where(Case.id == case_id).scalar_subquery()
    stale = session.scalars(
        select(Analysis.id).where(
            Analysis.case_id == case_id, Analysis.id.is_distinct_from(current), Analysis.state.not_in((QUEUED, RUNNING))
        )
    ).all()
    delete_results(session, list(stale))


def delete_results(session: DatabaseSession, analysis_ids: list[int]) -> None:
    for table in reversed(TABLES):
        column = table.__table__.c.analysis_id
        session.execute(delete(table).where(column.in_(analysis_ids)).execution_options(synchronize_session=False))


_SEVERITIES = ("error", "warning", "info")


def main_finding(analysis: CaseAnalysis) -> Finding | None:
    """What the list of cases says of a case: the gravest finding.

    Among equals an error or warning of the case comes before one of a terminal, since it speaks of many; but what most
    terminals have first ("no fault") tells more than a remark about the captures.
    """
    firsts = [terminal.findings[0] for terminal in analysis.terminals if terminal.findings]
    counts = Counter(finding.code for finding in firsts)
    ranked = [
        (_SEVERITIES.index(finding.severity), finding.severity == "info", 0, finding) for finding in analysis.findings
    ]
    ranked += [
        (_SEVERITIES.index(finding.severity), finding.severity != "info", -counts[finding.code], finding)
        for finding in firsts
    ]
    return min(ranked, key=lambda rank: rank[:3])[3] if ranked else None


def leg_losses(analysis: CaseAnalysis) -> list[list[Any]]:
    """[from, to, message, datagrams of it that were lost there, datagrams of it in all], ordered."""
    sent: Counter[int] = Counter()
    lost: Counter[tuple[str, str, int]] = Counter()
    for terminal in analysis.terminals:
        for session in terminal.sessions:
            for message in session.messages:
                datagrams = [attempt.datagram for attempt in message.attempts if attempt.datagram is not None]
                sent[message.number] += len(datagrams)
                lost.update((*d.lost_between, message.number) for d in datagrams if d.lost_between is not None)
    return [[*leg, number, count, sent[number]] for (*leg, number), count in sorted(lost.items())]


def _run(session: DatabaseSession, case_id: int, analysis_id: int | None) -> Analysis:
    if analysis_id is not None:
        run = session.get_one(Analysis, analysis_id)
        delete_results(session, [run.id])
        return run
    run = Analysis(case_id=case_id, state=RUNNING, started_at=datetime.now(UTC))
    session.add(run)
    session.flush()
    return run


def _copy(session: DatabaseSession, table: type[Base], analysis_id: int, rows: Iterable[Row]) -> None:
    """Rows hold the table's columns in their order, without the analysis, which is the first of them."""
    columns = sql.SQL(",").join(sql.Identifier(column.name) for column in table.__table__.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.__tablename__), columns)
    with driver_connection(session).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row((analysis_id, *row))
