"""One document of one case, from the saved analysis to its stored content; the body of the job, in its own process.

Forked for the worker by `child`, and ended with it.
"""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from app import __version__
from app.config import Settings, settings
from app.core.analysis import CaseAnalysis
from app.core.case_report import bundle_hash
from app.core.evidence.choice import NoSuchTerminal
from app.core.records import Text
from app.db import bundle_queries
from app.db.handover import REPORT, AnonymisationMap, Document
from app.db.load import load_analysis
from app.db.models import DONE, RUNNING, Blob, Case
from app.db.removal import forget_unused
from app.db.session import is_away, make_engine, make_sessions, read_one_moment
from app.db.source_queries import write_formats
from app.db.texts import text_rows
from app.errors import AppError, NotFound
from app.evidence.packet import EvidenceOptions, write_evidence
from app.evidence.secrets import Secrets
from app.jobs.analysis_run import Superseded
from app.jobs.asking import TRY_AGAIN
from app.jobs.documents import DocumentOptions, fail_document, options_of
from app.logs import get_log, start_log
from app.reports.report import ReportMeta, write_report
from app.storage import BLOCK, Storage, Stored, open_storage
from app.stored_bundles import analysis_settings, case_files

log = get_log("eadscope.document")
TELL_EVERY_S = 0.3
# Of the whole time, where each step of an evidence packet begins and how long it takes.
SHARES = {"extract": (0.0, 0.3), "analyse": (0.3, 0.3), "report": (0.6, 0.4)}
Progress = Callable[[str, float], None]


def make_document(
    sessions: sessionmaker[Session], storage: Storage, options: Settings, document_id: int, run: int
) -> None:
    """Make the document and store it. Raises Superseded, AppError, or whatever a fault of the program raises."""
    tell = Teller(sessions, document_id, run)
    with sessions() as session:
        read_one_moment(session)
        document = session.get(Document, document_id)
        if document is None:
            raise Superseded
        case = session.get_one(Case, document.case_id)
        if case.current_analysis_id != document.analysis_id:
            raise Superseded  # a newer analysis took its place; its documents are removed
        analysis = load_analysis(session, case.id)
        meta = _meta(session, case.id, options_of(document), analysis)
    chosen = options_of(document)
    options.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=options.scratch) as file:
        notes: Sequence[Text] = ()
        if chosen.kind == REPORT:
            file.write(write_report(analysis, chosen.language, meta, lambda done: tell("report", done)))
        else:
            notes = _write_evidence(file, sessions, storage, options, document, analysis, meta, tell)
        _finish(sessions, storage, file, notes, document_id, run)


def _finish(
    sessions: sessionmaker[Session],
    storage: Storage,
    file: IO[bytes],
    notes: Sequence[Text],
    document_id: int,
    run: int,
) -> None:
    stored = _put(storage, file)
    with sessions() as session:
        known = insert(Blob).values(sha256=stored.sha256, size_bytes=stored.size_bytes)
        # Taking the row locks it; whoever deleted the last use of the same content meanwhile took the file along.
        session.execute(known.on_conflict_do_update(index_elements=["sha256"], set_={"size_bytes": stored.size_bytes}))
        if not storage.has(stored.sha256):
            _put(storage, file)
        row = session.scalar(select(Document).where(_mine(document_id, run)).with_for_update())
        if row is None:
            for sha256 in forget_unused(session, {stored.sha256}):
                storage.delete(sha256)
            session.commit()
            raise Superseded
        row.state, row.fraction, row.finished_at = DONE, 1.0, datetime.now(UTC)
        row.sha256, row.size_bytes, row.notes = stored.sha256, stored.size_bytes, text_rows(tuple(notes))
        session.commit()


def _put(storage: Storage, file: IO[bytes]) -> Stored:
    file.seek(0)
    return storage.put(iter(lambda: file.read(BLOCK), b""))


def _mine(document_id: int, run: int) -> ColumnElement[bool]:
    return (Document.id == document_id) & (Document.run == run) & (Document.state == RUNNING)


def _meta(session: Session, case_id: int, chosen: DocumentOptions, analysis: CaseAnalysis) -> ReportMeta:
    uploads = bundle_queries.uploads_of(session, case_id)
    return ReportMeta(
        title=chosen.title,
        site=chosen.site,
        author=chosen.author,
        # One archive is known by its own hash; what came in parts, by that of the list of them.
        bundle_hash=uploads[0].sha256 if len(uploads) == 1 else bundle_hash(analysis.sources),
        tool_version=__version__,
        zone=ZoneInfo(chosen.zone),
    )


def _write_evidence(
    file: IO[bytes],
    sessions: sessionmaker[Session],
    storage: Storage,
    options: Settings,
    document: Document,
    analysis: CaseAnalysis,
    meta: ReportMeta,
    tell: Progress,
) -> Sequence[Text]:
    chosen, case_id = options_of(document), document.case_id
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="formats-") as folder, sessions() as session:
        files = case_files(session, storage, case_id)
        said = analysis_settings(session, case_id, files, options)
        write_formats(session, case_id, Path(folder))
        said = replace(said, formats_folders=(*said.formats_folders, Path(folder)))
        known = _secrets(session, case_id) if chosen.anonymise else None
        session.rollback()  # what follows takes a while and needs no transaction
        name = chosen.file_name(case_id)
        wanted = EvidenceOptions(chosen.terminals, chosen.language, meta, name, known)
        try:
            notes = write_evidence(file, analysis, files, said, wanted, tell)
        except NoSuchTerminal as error:
            named = error.name[:100]
            raise NotFound(
                Text(f"No terminal of this case is named {named}.", f"案例中没有名为 {named} 的终端。")
            ) from error
        if known is not None:
            row = insert(AnonymisationMap).values(case_id=case_id, content=known.to_document())
            content = {"content": row.excluded.content}
            session.execute(row.on_conflict_do_update(index_elements=["case_id"], set_=content))
            session.commit()
    return notes


def _secrets(session: Session, case_id: int) -> Secrets:
    kept = session.get(AnonymisationMap, case_id)
    return Secrets() if kept is None else Secrets.from_document(kept.content)


class Teller:
    """Writes step and fraction (of the whole) where readers look for them, a few times a second at most."""

    def __init__(self, sessions: sessionmaker[Session], document_id: int, run: int) -> None:
        self._sessions = sessions
        self._document_id, self._run = document_id, run
        self._step, self._at = "", 0.0

    def __call__(self, step: str, fraction: float) -> None:
        """Raises Superseded where the document was canceled or removed, or another process makes it."""
        now = time.monotonic()
        if step == self._step and now - self._at < TELL_EVERY_S:
            return
        self._step, self._at = step, now
        start, share = SHARES.get(step, (0.0, 1.0))
        whole = min(1.0, max(0.0, start + share * fraction))
        with self._sessions() as session:
            mine = update(Document).where(_mine(self._document_id, self._run)).values(step=step, fraction=whole)
            if session.execute(mine.returning(Document.id)).first() is None:
                raise Superseded
            session.commit()


def _fault(error: BaseException) -> Text:
    name = type(error).__name__
    return Text(
        f"Making it stopped at a fault of the program ({name}). The case is unharmed; please report it.",
        f"生成过程因程序错误（{name}）而停止。案例数据完好，请反馈此问题。",
    )


def attempt(sessions: sessionmaker[Session], storage: Storage, options: Settings, document_id: int, run: int) -> int:
    """The exit status: 0 for everything that was written down, TRY_AGAIN where the database was away."""
    try:
        make_document(sessions, storage, options, document_id, run)
    except Superseded:
        return 0
    except AppError as error:
        fail_document(sessions, document_id, run, error.text)
    except Exception as error:
        log.exception("document failed", document=document_id, run=run)
        if is_away(error):
            return TRY_AGAIN
        fail_document(sessions, document_id, run, _fault(error), traceback.format_exc())
    return 0


def main(document_id: int, run: int) -> int:
    options = settings()
    start_log(options.log_format, options.log_level)
    assert options.database_url is not None
    engine = make_engine(options.database_url, pool_size=1)
    try:
        return attempt(make_sessions(engine), open_storage(options), options, document_id, run)
    except OperationalError:
        return TRY_AGAIN
    finally:
        engine.dispose()
