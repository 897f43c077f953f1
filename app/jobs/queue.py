"""Jobs in the queue, put there and taken back in the transaction of the rows that they are about."""

from __future__ import annotations

from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.sync_psycopg_connector import SyncPsycopgConnector
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.session import driver_connection

# It never connects by itself: every statement goes over the connection of a session.
_manager = JobManager(SyncPsycopgConnector())


def put_job(session: Session, queue: str, task: str, lock: str | None = None, **arguments: int) -> int:
    """Returns the job's number. Jobs of one `lock` never overlap."""
    job = Job(queue=queue, lock=lock, queueing_lock=None, task_name=task, task_kwargs=dict(arguments))
    number = _manager.defer_job(job, connection=driver_connection(session)).id
    assert number is not None
    return number


def cancel_job(session: Session, number: int | None) -> None:
    """One that waits is not begun, one that runs is asked to stop."""
    if number is not None:
        session.execute(text("SELECT procrastinate_cancel_job_v1(:job_id, true, false)"), {"job_id": number})
