"""The worker process: takes jobs from the queue in PostgreSQL and runs each analysis in a child process.

The child keeps this process free to say that it is alive. A worker that says nothing for a while is taken for dead,
and its jobs start again elsewhere; a job that killed its process too often fails and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys

from procrastinate import App, Blueprint, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from psycopg_pool import PoolTimeout
from sqlalchemy import func, update
from sqlalchemy.orm import Session, sessionmaker

from app.config import ROOT, Settings
from app.core.records import Text
from app.db.models import QUEUED, RUNNING, Analysis
from app.db.session import make_engine, make_sessions
from app.db.url import libpq_url
from app.jobs import QUEUE, TASK, TRY_AGAIN, fail_abandoned, record_failure

log = logging.getLogger("eadscope.worker")

GRACE_S = 5.0  # what a running analysis gets to finish when the worker is asked to stop; it starts again otherwise
LEAVE_S = 3.0  # what it takes to say goodbye to the database after that
RECONNECT_S = 2.0


class AnalysisDied(Exception):
    """The analysis' process ended without a word: killed, out of memory, or the database was away."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


class _RetryLater(BaseRetryStrategy):
    """Deaths and shutdowns are tried again, with a growing pause; a failure that the analysis wrote down is not."""

    def __init__(self, max_tries: int) -> None:
        self._max_tries = max_tries

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        if not isinstance(exception, AnalysisDied) or job.attempts + 1 >= self._max_tries:
            return None
        return RetryDecision(retry_in={"seconds": 2 ** (job.attempts + 1)})


def make_queue(options: Settings) -> App:
    """The queue's application with our one task; not open yet."""
    assert options.database_url is not None
    queue = App(connector=PsycopgConnector(conninfo=libpq_url(options.database_url), min_size=1, max_size=4))
    tasks = Blueprint()

    @tasks.task(name=TASK, queue=QUEUE, pass_context=True, retry=_RetryLater(options.max_tries))
    async def analyze_case(context: JobContext, analysis_id: int) -> None:
        sessions: sessionmaker[Session] = context.additional_context["sessions"]
        await _analyze(sessions, options, context.job, analysis_id)

    queue.tasks[TASK] = tasks.tasks[TASK]
    queue.tasks[TASK].blueprint = queue
    return queue


async def _analyze(sessions: sessionmaker[Session], options: Settings, job: Job, analysis_id: int) -> None:
    run = await asyncio.to_thread(_start, sessions, analysis_id)
    if run is None:
        return  # canceled or deleted while it waited
    status = await _run_child(options, analysis_id, run)
    if status == 0:
        return
    if job.attempts + 1 >= options.max_tries:
        await asyncio.to_thread(record_failure, sessions, analysis_id, run, _death(status))
    raise AnalysisDied(status)


def _start(sessions: sessionmaker[Session], analysis_id: int) -> int | None:
    """Mark the run as under way; its new number shuts out a process that may still work on an earlier try."""
    begin = update(Analysis).where(Analysis.id == analysis_id, Analysis.state.in_((QUEUED, RUNNING)))
    values = {"state": RUNNING, "run": Analysis.run + 1, "started_at": func.now(), "step": "unpack", "fraction": 0.0}
    with sessions() as session:
        run = session.scalar(begin.values(**values).returning(Analysis.run))
        session.commit()
    return run


async def _run_child(options: Settings, analysis_id: int, run: int) -> int:
    """The exit status of the analysis' process; negative: a signal ended it. Canceled, it takes the process along."""
    environment = {
        **os.environ,
        "DATABASE_URL": options.database_url or "",
        "EADSCOPE_VAR": str(options.var),
        "PYTHONPATH": str(ROOT),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "app.analysis_run", str(analysis_id), str(run),
        stdin=asyncio.subprocess.PIPE, start_new_session=True, env=environment,
    )  # fmt: skip
    try:
        return await child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()


def _death(status: int) -> Text:
    if status == TRY_AGAIN:
        return Text("The database was away for too long.", "数据库长时间不可用。")
    name = signal.Signals(-status).name if status < 0 else str(status)
    return Text(
        f"The analysis was ended by the system several times ({name}); most likely there is not enough memory.",
        f"分析多次被系统终止（{name}），很可能是内存不足。",
    )


async def _recover(queue: App, sessions: sessionmaker[Session], options: Settings) -> None:
    """Again and again: jobs of workers that are silent start again, or fail if they have been tried often enough."""
    while True:
        try:
            await queue.job_manager.prune_stalled_workers(options.stalled_after_s)
            stalled = await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=options.stalled_after_s)
            for job in stalled:
                await _restart(queue, sessions, options, job)
            await asyncio.to_thread(_abandoned, sessions)
            if options.alive_file is not None:
                options.alive_file.touch()
        except Exception:
            log.exception("looking for stalled jobs failed")
        await asyncio.sleep(options.heartbeat_s)


async def _restart(queue: App, sessions: sessionmaker[Session], options: Settings, job: Job) -> None:
    log.warning("job %s was left by a worker that died", job.id)
    with contextlib.suppress(ConnectorException):  # another worker was quicker
        if job.attempts + 1 >= options.max_tries:
            await asyncio.to_thread(_give_up, sessions, int(str(job.task_kwargs["analysis_id"])))
            await queue.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
        else:
            await queue.job_manager.retry_job(job)


def _give_up(sessions: sessionmaker[Session], analysis_id: int) -> None:
    with sessions() as session:
        run = session.get(Analysis, analysis_id)
    if run is not None:
        record_failure(sessions, analysis_id, run.run, _death(-signal.SIGKILL))


def _abandoned(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        fail_abandoned(session)
        session.commit()


async def _work(options: Settings, stop: asyncio.Event) -> None:
    """Until `stop`, or until the connection to the database is lost: then it raises or returns early."""
    assert options.database_url is not None
    engine = make_engine(options.database_url, pool_size=2)
    queue = make_queue(options)
    sessions = make_sessions(engine)
    try:
        async with queue.open_async():
            side = [asyncio.create_task(_recover(queue, sessions, options))]
            working = asyncio.create_task(_take_jobs(queue, sessions, options))
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (*side, stopping, working):
                    task.cancel()
                results = await asyncio.gather(working, *side, stopping, return_exceptions=True)
            if isinstance(results[0], Exception):
                raise results[0]
    finally:
        engine.dispose()


async def _take_jobs(queue: App, sessions: sessionmaker[Session], options: Settings) -> None:
    await queue.run_worker_async(
        queues=[QUEUE],
        name="eadscope",
        concurrency=1,
        install_signal_handlers=False,
        update_heartbeat_interval=options.heartbeat_s,
        stalled_worker_timeout=options.stalled_after_s,
        shutdown_graceful_timeout=GRACE_S,
        fetch_job_polling_interval=2.0,
        abort_job_polling_interval=1.0,
        additional_context={"sessions": sessions},
        delete_jobs="never",
    )


async def _serve(options: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _leave, loop, stop)
    while not stop.is_set():
        try:
            await _work(options, stop)
        except (ConnectorException, PoolTimeout, OSError) as error:
            log.warning("the database is away (%s); trying again", type(error).__name__)
        if not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RECONNECT_S)


def _leave(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop in an orderly way; but a goodbye to a database that is away would wait for it long after everybody left.

    Ending without one loses nothing: the analysis' process ends with us, and other workers take the job over.
    """
    stop.set()
    loop.call_later(GRACE_S + LEAVE_S, os._exit, 1)


def run_worker(options: Settings) -> None:
    """Work until SIGINT or SIGTERM."""
    asyncio.run(_serve(options))
