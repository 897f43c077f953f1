"""The uploads of a case."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.models import Blob, Bundle, Upload


def has_bundle(db: Session, case_id: int, bundle_id: int) -> bool:
    return db.scalar(select(Bundle.id).where(Bundle.id == bundle_id, Bundle.case_id == case_id)) is not None


def uploads_of(db: Session, case_id: int) -> Sequence[Upload]:
    return db.scalars(
        select(Upload).join(Bundle, Bundle.id == Upload.bundle_id).where(Bundle.case_id == case_id).order_by(Upload.id)
    ).all()


def add_bundle(db: Session, case_id: int) -> Bundle:
    bundle = Bundle(case_id=case_id)
    db.add(bundle)
    db.flush()
    return bundle


def open_bundle(db: Session, case_id: int) -> Bundle:
    """The upload of a case that files can still join: its newest one while nothing of it has been unpacked."""
    newest = db.scalar(select(Bundle).where(Bundle.case_id == case_id).order_by(Bundle.id.desc()).limit(1))
    return newest if newest is not None and not newest.unpacked_uploads else add_bundle(db, case_id)


def add_upload(
    db: Session, bundle_id: int, path: str, sha256: str, size_bytes: int, user_id: int | None = None
) -> None:
    """Remember a stored file as part of an upload; the same content may be known already."""
    known = insert(Blob).values(sha256=sha256, size_bytes=size_bytes)
    # Taking the row locks it: whoever removes the last use of this content waits, and finds a new one.
    db.execute(known.on_conflict_do_update(index_elements=["sha256"], set_={"size_bytes": size_bytes}))
    db.add(Upload(bundle_id=bundle_id, path=path, sha256=sha256, size_bytes=size_bytes, user_id=user_id))
