"""Work that is not done in a web request: asking for it, in the same transaction as the rows that it is about."""

from __future__ import annotations

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app.core.records import Text
from app.db.models import CANCELED, FAILED, QUEUED, RUNNING, Analysis
from app.jobs.queue import cancel_job, put_job
from app.jobs.webhooks import announce

QUEUE = "analysis"
TASK = "analyze_case"
TRY_AGAIN = 75  # what an analysis' process exits with when the database was away: sysexits.h, temporary failure

INTERRUPTED = Text(
    "The analysis was interrupted and will not go on by itself. Start it again.",
    "分析被中断且不会自动继续，请重新开始分析。",
)
CANCELED_TEXT = Text("The analysis was canceled.", "分析已取消。")


def request_analysis(session: Session, case_id: int) -> int:
    """Ask for an analysis of the case as it is when a worker gets to it; returns the id of the run.

    A run that still waits is not doubled: it will see what was added in the meantime. Runs of one case never overlap.
    """
    values = insert(Analysis).values(case_id=case_id, state=QUEUED)
    waiting = values.on_conflict_do_nothing(index_elements=["case_id"], index_where=text("state = 'queued'"))
    analysis_id: int | None = session.scalar(waiting.returning(Analysis.id))
    if analysis_id is None:
        is_waiting = (Analysis.case_id == case_id) & (Analysis.state == QUEUED)
        found = session.scalar(select(Analysis.id).where(is_waiting))
        # Between the two statements a worker may have started it: then ask again.
        return found if found is not None else request_analysis(session, case_id)
    job_id = put_job(session, QUEUE, TASK, lock=f"case-{case_id}", analysis_id=analysis_id)
    session.execute(update(Analysis).where(Analysis.id == analysis_id).values(job_id=job_id))
    return analysis_id


def cancel_analysis(session: Session, analysis_id: int) -> bool:
    """Stop a run that waits or is under way; False where it is over already. What readers see does not change."""
    stop = update(Analysis).where(Analysis.id == analysis_id, Analysis.state.in_((QUEUED, RUNNING)))
    stopped = session.execute(
        stop.values(
            state=CANCELED, finished_at=func.now(), error_en=CANCELED_TEXT.en, error_zh=CANCELED_TEXT.zh
        ).returning(Analysis.job_id)
    ).first()
    if stopped is None:
        return False
    cancel_job(session, stopped.job_id)
    announce(session, analysis_id)
    return True


def fail_abandoned(session: Session) -> int:
    """Runs whose job is gone or over, though they are not, say so; returns how many.

    Nothing in ordinary life makes such a run; a database restored from a backup, or a job deleted by hand, does.
    """
    result = session.execute(
        text(
            """
            UPDATE analyses SET state = :failed, finished_at = now(), error_en = :en, error_zh = :zh
            WHERE state IN ('queued', 'running') AND NOT EXISTS (
                SELECT 1 FROM procrastinate_jobs job
                WHERE job.id = analyses.job_id AND job.status IN ('todo', 'doing'))
            AND job_id IS NOT NULL
            RETURNING id
            """
        ),
        {"failed": FAILED, "en": INTERRUPTED.en, "zh": INTERRUPTED.zh},
    )
    ended = list(result.scalars())
    for analysis_id in ended:
        announce(session, analysis_id)
    return len(ended)


def record_failure(sessions: sessionmaker[Session], analysis_id: int, run: int, text: Text, trace: str = "") -> None:
    """Say on the case's page why its analysis failed; what was there before stays."""
    mine = update(Analysis).where(Analysis.id == analysis_id, Analysis.run == run, Analysis.state == RUNNING)
    with sessions() as session:
        failed = mine.values(
            state=FAILED, finished_at=func.now(), error_en=text.en, error_zh=text.zh, traceback=trace
        ).returning(Analysis.id)
        if session.execute(failed).first() is not None:
            announce(session, analysis_id)
        session.commit()
