"""Deleting a case for good: its rows, and the stored files that nobody else uses.

Rows go first, in one transaction. Then each content is removed by itself, under the lock of its row: whoever stores the
same content at that moment waits, and stores it anew. A crash between the two leaves files without a case, which the
hourly upkeep finds; never a case without its files.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy import delete, exists, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.records import Text
from app.db.handover import Document
from app.db.models import Analysis, Blob, Bundle, BundleFile, Case, PartialUpload, Upload
from app.db.save import delete_results
from app.errors import Conflict, Unavailable
from app.storage import Storage

# Whatever refers to a stored content.
USES = (Upload.sha256, BundleFile.sha256, Document.sha256)


def delete_case(session: Session, storage: Storage, case_id: int) -> None:
    """Delete the case and commit; a run that is under way notices and ends. Raises Conflict for a case on hold."""
    case = session.get(Case, case_id, with_for_update=True, populate_existing=True)
    if case is None:
        return
    if case.hold_reason:
        raise Conflict(
            Text(
                f"Case {case_id} is on hold and cannot be deleted: {case.hold_reason}",
                f"案例 {case_id} 已被保留，不能删除：{case.hold_reason}",
            )
        )
    runs = list(session.scalars(select(Analysis.id).where(Analysis.case_id == case_id)))
    analyses, documents = (select(table.job_id).where(table.case_id == case_id) for table in (Analysis, Document))
    for job_id in session.scalars(analyses.union_all(documents)).all():
        session.execute(text("SELECT procrastinate_cancel_job_v1(:job_id, true, true)"), {"job_id": job_id})
    contents = _contents(session, case_id)
    delete_results(session, runs)
    session.execute(delete(Case).where(Case.id == case_id))
    session.commit()
    with suppress(Unavailable):  # the upkeep will try again
        remove_unused(session, storage, contents)


def is_given_up(session: Session, case_id: int, user_id: int) -> bool:
    """Whether this person began the case and nothing has come of it: no file, of nobody, and no word. The case is
    locked then, so that no file comes to it any more before it is deleted."""
    # In the order in which a file that is just whole takes them: it is waited for, and found.
    session.execute(select(PartialUpload.id).where(PartialUpload.case_id == case_id).with_for_update())
    session.execute(select(Case.id).where(Case.id == case_id).with_for_update())
    bundles = session.scalars(select(Bundle.id).where(Bundle.case_id == case_id).with_for_update()).all()
    others = PartialUpload.user_id.is_distinct_from(user_id)
    return bool(
        session.scalar(
            select(Case.id).where(
                Case.id == case_id,
                Case.owner_id == user_id,
                Case.note == "",
                Case.hold_reason == "",
                ~exists().where(Upload.bundle_id.in_(bundles)),
                ~exists().where(PartialUpload.case_id == case_id, others),
                ~exists().where(Analysis.case_id == case_id),
            )
        )
    )


def _contents(session: Session, case_id: int) -> set[str]:
    uploads = select(Upload.sha256).join(Bundle, Bundle.id == Upload.bundle_id).where(Bundle.case_id == case_id)
    files = select(BundleFile.sha256).join(Bundle, Bundle.id == BundleFile.bundle_id).where(Bundle.case_id == case_id)
    made = select(Document.sha256).where(Document.case_id == case_id)
    found = (*session.scalars(uploads), *session.scalars(files), *session.scalars(made))
    return {sha256 for sha256 in found if sha256 is not None}


def remove_unused(session: Session, storage: Storage, contents: Iterable[str]) -> int:
    """Remove those of the contents that nothing refers to, each in a transaction of its own; returns how many."""
    removed = 0
    for sha256 in contents:
        # A row that is there already is locked; one that is not is made for the time being, and locks as well.
        mine = insert(Blob).values(sha256=sha256, size_bytes=0)
        session.execute(mine.on_conflict_do_update(index_elements=["sha256"], set_={"size_bytes": Blob.size_bytes}))
        if session.scalar(select(or_(*(exists().where(use == sha256) for use in USES)))):
            session.rollback()
            continue
        session.execute(delete(Blob).where(Blob.sha256 == sha256))
        storage.delete(sha256)
        session.commit()
        removed += 1
    return removed


def forget_unused(session: Session, contents: set[str]) -> list[str]:
    """Delete the rows of those contents that nothing refers to; they stay locked until the commit, so that whoever
    stores the same content waits for it. For what can be made again: its file may go before the commit."""
    unused = (Blob.sha256.in_(contents), *(~exists().where(use == Blob.sha256) for use in USES))
    return list(session.scalars(delete(Blob).where(*unused).returning(Blob.sha256)))


def unused_contents(session: Session) -> list[str]:
    """What has a row though nothing refers to it: left by a crash."""
    return list(session.scalars(select(Blob.sha256).where(*(~exists().where(use == Blob.sha256) for use in USES))))
