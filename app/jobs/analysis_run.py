"""One analysis of one case, from stored uploads to saved results; the body of the job, in a process of its own.

Forked for the worker by `child`, and ended with it.
"""

from __future__ import annotations

import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings, settings
from app.core.records import Text
from app.db.models import RUNNING, Analysis
from app.db.save import prune, save_analysis
from app.db.session import is_away, make_engine, make_sessions
from app.db.source_queries import write_formats
from app.errors import AppError
from app.intake import analyze_files
from app.jobs.asking import TRY_AGAIN, record_failure
from app.jobs.documents import remove_stale_documents
from app.jobs.webhooks import announce
from app.logs import get_log, start_log
from app.storage import Storage, open_storage
from app.stored_bundles import analysis_settings, case_files, unpack_waiting

REPORT_EVERY_S = 0.3
log = get_log("eadscope.analysis")


class Superseded(Exception):
    """This run was canceled, deleted, or taken for dead and started again; it must not write any more."""


def run_analysis(
    sessions: sessionmaker[Session], storage: Storage, options: Settings, analysis_id: int, run: int
) -> None:
    """Analyse the case of `analysis_id` and make the result its current one.

    Raises Superseded, AppError (a sentence for the user), or whatever a fault of the program raises.
    """
    report = Reporter(sessions, analysis_id, run)
    report("unpack", 0.0)
    with sessions() as session:
        case_id = session.get_one(Analysis, analysis_id).case_id
    options.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="unpack-") as folder:
        unpack_waiting(sessions, storage, case_id, Path(folder), options, lambda fraction: report("unpack", fraction))
    with sessions() as session:
        files = case_files(session, storage, case_id)
        chosen = analysis_settings(session, case_id, files, options)
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="formats-") as folder:
        with sessions() as session:
            write_formats(session, case_id, Path(folder))
        chosen = replace(chosen, formats_folders=(*chosen.formats_folders, Path(folder)))
        analysis = analyze_files(files, chosen, report)
    report("save", 0.0)
    with sessions() as session:
        save_analysis(
            session,
            case_id,
            analysis,
            analysis_id,
            lambda fraction: report("save", fraction),
            # The lock comes last: who tells how far it is writes to the same row, on another connection.
            lambda: _still_ours(session, analysis_id, run),
        )
        announce(session, analysis_id)
        session.commit()
    # Readers have the new results; the old ones go in a transaction of their own, since that takes a while.
    with sessions() as session:
        prune(session, case_id)
        remove_stale_documents(session, storage, case_id)
        session.commit()


class Reporter:
    """Writes step and fraction where the page reads them, a few times a second at most."""

    def __init__(self, sessions: sessionmaker[Session], analysis_id: int, run: int) -> None:
        self._sessions = sessions
        self._analysis_id, self._run = analysis_id, run
        self._step, self._at = "", 0.0

    def __call__(self, step: str, fraction: float) -> None:
        now = time.monotonic()
        if step == self._step and now - self._at < REPORT_EVERY_S:
            return
        self._step, self._at = step, now
        mine = update(Analysis).where(
            Analysis.id == self._analysis_id, Analysis.run == self._run, Analysis.state == RUNNING
        )
        with self._sessions() as session:
            row = session.execute(mine.values(step=step, fraction=min(1.0, max(0.0, fraction))).returning(Analysis.id))
            if row.first() is None:
                raise Superseded
            session.commit()


def _still_ours(session: Session, analysis_id: int, run: int) -> None:
    """Lock the run's row until the results are in, or find that somebody else has it."""
    mine = select(Analysis.id).where(Analysis.id == analysis_id, Analysis.run == run, Analysis.state == RUNNING)
    if session.scalar(mine.with_for_update()) is None:
        raise Superseded


def _fault(error: BaseException) -> Text:
    name = type(error).__name__
    return Text(
        f"The analysis stopped at a fault of the program ({name}). The uploaded files are safe; please report it.",
        f"分析因程序错误（{name}）而停止。上传的文件完好，请反馈此问题。",
    )


def _attempt(sessions: sessionmaker[Session], storage: Storage, options: Settings, analysis_id: int, run: int) -> int:
    """The exit status: 0 for everything that was written down, TRY_AGAIN where the database was away."""
    try:
        run_analysis(sessions, storage, options, analysis_id, run)
    except Superseded:
        return 0
    except AppError as error:
        record_failure(sessions, analysis_id, run, error.text)
    except Exception as error:
        log.exception("analysis failed", analysis=analysis_id, run=run)
        if is_away(error):
            return TRY_AGAIN
        record_failure(sessions, analysis_id, run, _fault(error), traceback.format_exc())
    return 0


def main(analysis_id: int, run: int) -> int:
    options = settings()
    start_log(options.log_format, options.log_level)
    assert options.database_url is not None, "the worker hands it over"
    engine = make_engine(options.database_url, pool_size=2)
    try:
        return _attempt(make_sessions(engine), open_storage(options), options, analysis_id, run)
    except OperationalError:
        return TRY_AGAIN  # not even the failure could be written down
    finally:
        engine.dispose()
