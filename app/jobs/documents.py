"""Documents of an analysis: asking for one, and what becomes of it. The worker makes them (`app.jobs.document_run`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from app import __version__
from app.core.records import Text
from app.db.handover import REPORT, Document
from app.db.models import CANCELED, DONE, FAILED, QUEUED, RUNNING, Case
from app.db.removal import forget_unused
from app.jobs.queue import cancel_job, put_job
from app.storage import Storage

HANDOVER = "handover"  # a queue of its own: a document does not wait for somebody's long analysis
MAKE_DOCUMENT = "make_document"
MOST_KEPT = 20  # documents of one analysis; the oldest finished ones make room

CANCELED_TEXT = Text("It was canceled.", "已取消。")
INTERRUPTED = Text("Making it was interrupted. Ask for it again.", "生成过程被中断，请重新生成。")


@dataclass(frozen=True, slots=True)
class DocumentOptions:
    """What a document is made with. `terminals` (keys, users, MACs or addresses; none: all) and `anonymise` are for an
    evidence packet. `zone` is a name of the time zone database."""

    kind: str
    language: str
    title: str = ""
    site: str = ""
    author: str = ""
    zone: str = "UTC"
    terminals: tuple[str, ...] = ()
    anonymise: bool = False

    @property
    def media_type(self) -> str:
        return "application/pdf" if self.kind == REPORT else "application/zip"

    def file_name(self, case_id: int) -> str:
        if self.kind == REPORT:
            return f"case-{case_id}-{self.language}.pdf"
        return f"case-{case_id}-{'anonymised' if self.anonymise else 'evidence'}.zip"


def options_of(document: Document) -> DocumentOptions:
    values = dict(document.options)
    return DocumentOptions(**{**values, "terminals": tuple(values["terminals"])})


def request_document(session: Session, storage: Storage, case: Case, options: DocumentOptions) -> Document:
    """The document of these options for the case's current analysis: the one that there is, or a new one with its job.

    One that failed, was canceled, or whose content is gone is made anew.
    """
    analysis_id = case.current_analysis_id
    assert analysis_id is not None
    values = {"case_id": case.id, "analysis_id": analysis_id, "kind": options.kind}
    digest = _digest(options)
    new = insert(Document).values(options=asdict(options), digest=digest, **values)
    is_new = session.scalar(new.on_conflict_do_nothing().returning(Document.id)) is not None
    same = (Document.analysis_id == analysis_id) & (Document.digest == digest)
    document = session.scalars(select(Document).where(same).with_for_update()).one()
    if is_new or not _is_good(document, storage):
        _queue(session, document)
    if is_new:
        _make_room(session, storage, analysis_id)
    session.refresh(document)
    return document


def _is_good(document: Document, storage: Storage) -> bool:
    if document.state == DONE:
        return document.sha256 is not None and storage.has(document.sha256)
    return document.state in (QUEUED, RUNNING)


def _digest(options: DocumentOptions) -> str:
    """What decides the content, the program's version included."""
    told = json.dumps([__version__, asdict(options)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


def _queue(session: Session, document: Document) -> None:
    # One document of a case at a time: two anonymised ones must agree on what stands for what.
    job_id = put_job(session, HANDOVER, MAKE_DOCUMENT, lock=f"documents-{document.case_id}", document_id=document.id)
    again = {"state": QUEUED, "step": "", "fraction": 0.0, "error_en": "", "error_zh": "", "traceback": ""}
    fresh = {**again, "notes": [], "sha256": None, "size_bytes": 0, "finished_at": None}
    changed = update(Document).where(Document.id == document.id)
    forgotten = document.sha256
    session.execute(changed.values(job_id=job_id, requested_at=func.now(), **fresh))
    if forgotten is not None:
        forget_unused(session, {forgotten})  # its file is gone already


def _make_room(session: Session, storage: Storage, analysis_id: int) -> None:
    over = select(Document.id).where(Document.analysis_id == analysis_id, Document.state.not_in((QUEUED, RUNNING)))
    remove_documents(session, storage, session.scalars(over.order_by(Document.id.desc()).offset(MOST_KEPT)).all())


def remove_documents(session: Session, storage: Storage, ids: Sequence[int]) -> None:
    """Rows, jobs and content; the caller commits at once."""
    if not ids:
        return
    gone = delete(Document).where(Document.id.in_(ids)).returning(Document.job_id, Document.sha256)
    rows = session.execute(gone).all()
    for job_id, _ in rows:
        cancel_job(session, job_id)
    for sha256 in forget_unused(session, {sha256 for _, sha256 in rows if sha256 is not None}):
        storage.delete(sha256)


def remove_stale_documents(session: Session, storage: Storage, case_id: int) -> None:
    """Those of every analysis of the case but the current one."""
    current = select(Case.current_analysis_id).where(Case.id == case_id).scalar_subquery()
    stale = select(Document.id).where(Document.case_id == case_id, Document.analysis_id.is_distinct_from(current))
    remove_documents(session, storage, session.scalars(stale).all())


def cancel_document(session: Session, document_id: int) -> bool:
    """Stop one that waits or is being made; False where it is over already."""
    stop = update(Document).where(Document.id == document_id, Document.state.in_((QUEUED, RUNNING)))
    told = {"error_en": CANCELED_TEXT.en, "error_zh": CANCELED_TEXT.zh}
    stopped = stop.values(state=CANCELED, finished_at=func.now(), **told).returning(Document.job_id)
    row = session.execute(stopped).first()
    if row is None:
        return False
    cancel_job(session, row[0])
    return True


def start_document(sessions: sessionmaker[Session], document_id: int) -> int | None:
    """Mark it as being made; its new number shuts out a process that may still work on an earlier try."""
    begin = update(Document).where(Document.id == document_id, Document.state.in_((QUEUED, RUNNING)))
    with sessions() as session:
        values = {"state": RUNNING, "run": Document.run + 1, "step": "", "fraction": 0.0}
        run = session.scalar(begin.values(**values).returning(Document.run))
        session.commit()
    return run


def fail_document(
    sessions: sessionmaker[Session], document_id: int, run: int | None, why: Text, trace: str = ""
) -> None:
    """Say why it failed. `run` None: whichever try it was."""
    mine = update(Document).where(Document.id == document_id, Document.state == RUNNING)
    if run is not None:
        mine = mine.where(Document.run == run)
    with sessions() as session:
        session.execute(
            mine.values(state=FAILED, finished_at=func.now(), error_en=why.en, error_zh=why.zh, traceback=trace)
        )
        session.commit()


def fail_abandoned_documents(session: Session) -> int:
    """Documents whose job is gone or over, though they are not, say so; returns how many."""
    result = session.execute(
        text(
            """
            UPDATE documents SET state = :failed, finished_at = now(), error_en = :en, error_zh = :zh
            WHERE state IN ('queued', 'running') AND job_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM procrastinate_jobs job
                WHERE job.id = documents.job_id AND job.status IN ('todo', 'doing'))
            RETURNING id
            """
        ),
        {"failed": FAILED, "en": INTERRUPTED.en, "zh": INTERRUPTED.zh},
    )
    return len(result.all())


def find_document(session: Session, case_id: int, document_id: int) -> Document | None:
    return session.scalar(select(Document).where(Document.id == document_id, Document.case_id == case_id))


def documents_of(session: Session, case_id: int) -> Sequence[Document]:
    """Newest first."""
    return session.scalars(select(Document).where(Document.case_id == case_id).order_by(Document.id.desc())).all()
