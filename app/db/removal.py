"""Deleting a case for good: its rows, and the stored files that nobody else uses."""

from __future__ import annotations

from sqlalchemy import delete, exists, select, text
from sqlalchemy.orm import Session

from app.db.handover import Document
from app.db.models import Analysis, Blob, Bundle, BundleFile, Case, Upload
from app.db.save import delete_results
from app.storage import Storage


def delete_case(session: Session, storage: Storage, case_id: int) -> None:
    """Delete the case inside the session's transaction; the caller commits at once.

    A run that is under way notices and ends. Files go last: a crash before the commit then leaves a case without
    files, which can be deleted again, and never files that nothing refers to.
    """
    runs = list(session.scalars(select(Analysis.id).where(Analysis.case_id == case_id)))
    analyses, documents = (select(table.job_id).where(table.case_id == case_id) for table in (Analysis, Document))
    for job_id in session.scalars(analyses.union_all(documents)).all():
        session.execute(text("SELECT procrastinate_cancel_job_v1(:job_id, true, true)"), {"job_id": job_id})
    contents = _contents(session, case_id)
    delete_results(session, runs)
    session.execute(delete(Case).where(Case.id == case_id))
    for sha256 in forget_unused(session, contents):
        storage.delete(sha256)


def _contents(session: Session, case_id: int) -> set[str]:
    uploads = select(Upload.sha256).join(Bundle, Bundle.id == Upload.bundle_id).where(Bundle.case_id == case_id)
    files = select(BundleFile.sha256).join(Bundle, Bundle.id == BundleFile.bundle_id).where(Bundle.case_id == case_id)
    made = select(Document.sha256).where(Document.case_id == case_id)
    found = (*session.scalars(uploads), *session.scalars(files), *session.scalars(made))
    return {sha256 for sha256 in found if sha256 is not None}


def forget_unused(session: Session, contents: set[str]) -> list[str]:
    """Rows of blobs that nothing refers to any more. They stay locked until the commit, so that an upload of the same
    content waits for it and then stores the file anew."""
    unused = (
        Blob.sha256.in_(contents),
        ~exists().where(Upload.sha256 == Blob.sha256),
        ~exists().where(BundleFile.sha256 == Blob.sha256),
        ~exists().where(Document.sha256 == Blob.sha256),
    )
    return list(session.scalars(delete(Blob).where(*unused).returning(Blob.sha256)))
