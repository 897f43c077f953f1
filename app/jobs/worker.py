"""The worker process: takes jobs from the queue in PostgreSQL and runs each analysis in a child process.

The child keeps this process free to say that it is alive. A worker that says nothing for a while is taken for dead,
and its jobs start again elsewhere; a job that killed its process too often fails and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time

from procrastinate import App, Blueprint, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from psycopg_pool import PoolTimeout
from sqlalchemy import func, update
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db.models import QUEUED, RUNNING, Analysis
from app.db.session import make_engine, make_sessions
from app.db.url import libpq_url
from app.jobs.asking import QUEUE, TASK, fail_abandoned, record_failure
from app.jobs.child import ProcessDied, describe_death, prepare_children, run_child
from app.jobs.documents import MAKE_DOCUMENT, fail_abandoned_documents, fail_document
from app.jobs.handover_tasks import handover_tasks
from app.jobs.lanes import LANES, LaneManager, current_lane
from app.jobs.retries import AfterDeath
from app.jobs.upkeep import keep_up
from app.jobs.webhooks import DELIVER
from app.logs import get_log
from app.sandbox import WEAKER, walls
from app.storage import open_storage

log = get_log("eadscope.worker")

GRACE_S = 5.0  # what a running analysis gets to finish when the worker is asked to stop; it starts again otherwise
LEAVE_S = 3.0  # what it takes to say goodbye to the database after that
RECONNECT_S = 2.0


def make_queue(options: Settings) -> App:
    """The queue's application with our tasks; not open yet."""
    assert options.database_url is not None
    queue = App(connector=PsycopgConnector(conninfo=libpq_url(options.database_url), min_size=1, max_size=8))
    queue.job_manager = LaneManager(queue.connector)
    tasks = Blueprint()

    @tasks.task(name=TASK, queue=QUEUE, pass_context=True, retry=AfterDeath(options.max_tries))
    async def analyze_case(context: JobContext, analysis_id: int) -> None:
        sessions: sessionmaker[Session] = context.additional_context["sessions"]
        await _analyze(sessions, options, context.job, analysis_id)

    tasks.tasks |= handover_tasks(options, AfterDeath(options.max_tries)).tasks
    for name, task in tasks.tasks.items():
        queue.tasks[name] = task
        task.blueprint = queue
    return queue


async def _analyze(sessions: sessionmaker[Session], options: Settings, job: Job, analysis_id: int) -> None:
    run = await asyncio.to_thread(_start, sessions, analysis_id)
    if run is None:
        return  # canceled or deleted while it waited
    begin = time.monotonic()
    status = await run_child(options, "app.jobs.analysis_run", analysis_id, run)
    log.info("analysis", analysis=analysis_id, run=run, exit=status, s=round(time.monotonic() - begin, 2))
    if status == 0:
        return
    if job.attempts + 1 >= options.max_tries:
        await asyncio.to_thread(record_failure, sessions, analysis_id, run, describe_death(status))
    raise ProcessDied(status)


def _start(sessions: sessionmaker[Session], analysis_id: int) -> int | None:
    """Mark the run as under way; its new number shuts out a process that may still work on an earlier try."""
    begin = update(Analysis).where(Analysis.id == analysis_id, Analysis.state.in_((QUEUED, RUNNING)))
    values = {"state": RUNNING, "run": Analysis.run + 1, "started_at": func.now(), "step": "unpack", "fraction": 0.0}
    with sessions() as session:
        run = session.scalar(begin.values(**values).returning(Analysis.run))
        session.commit()
    return run


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
            log.exception("recovery failed")
        await asyncio.sleep(options.heartbeat_s)


async def _restart(queue: App, sessions: sessionmaker[Session], options: Settings, job: Job) -> None:
    log.warning("job left by a dead worker", job=job.id)
    with contextlib.suppress(ConnectorException):  # another worker was quicker
        if job.attempts + 1 >= options.max_tries and job.task_name != DELIVER:
            await asyncio.to_thread(_give_up, sessions, job)
            await queue.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
        else:
            await queue.job_manager.retry_job(job)


def _give_up(sessions: sessionmaker[Session], job: Job) -> None:
    number = int(str(next(iter(job.task_kwargs.values()))))
    if job.task_name == MAKE_DOCUMENT:
        fail_document(sessions, number, None, describe_death(-signal.SIGKILL))
        return
    analysis_id = number
    with sessions() as session:
        run = session.get(Analysis, analysis_id)
    if run is not None:
        record_failure(sessions, analysis_id, run.run, describe_death(-signal.SIGKILL))


def _abandoned(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        fail_abandoned(session)
        fail_abandoned_documents(session)
        session.commit()


async def _work(options: Settings, stop: asyncio.Event) -> None:
    """Until `stop`, or until the connection to the database is lost: then it raises or returns early."""
    assert options.database_url is not None
    engine = make_engine(options.database_url, pool_size=4)
    queue = make_queue(options)
    sessions = make_sessions(engine)
    try:
        async with queue.open_async():
            side = [
                asyncio.create_task(_recover(queue, sessions, options)),
                asyncio.create_task(keep_up(sessions, open_storage(options))),
            ]
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
    """From every lane at once, so that a report does not wait for a long analysis, nor either for a slow receiver.

    Where one ends, all do. The queue may be closed only when each has given its jobs back; gather would not wait.
    """
    lanes = [asyncio.create_task(_take_from(queue, sessions, options, *lane)) for lane in LANES]
    try:
        await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for lane in lanes:
            lane.cancel()
        results = await asyncio.gather(*lanes, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _take_from(queue: App, sessions: sessionmaker[Session], options: Settings, name: str, at_once: int) -> None:
    current_lane.set(name)
    await queue.run_worker_async(
        queues=[name],
        name=f"eadscope-{name}",
        concurrency=at_once,
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
            log.warning("database away", error=type(error).__name__, again_in_s=RECONNECT_S)
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
    if walls() in WEAKER:
        log.warning("tool walls", kind=walls().value, meaning=WEAKER[walls()].en)
    prepare_children()
    asyncio.run(_serve(options))
