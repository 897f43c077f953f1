"""A case goes with its rows and files; what another case shares stays; a crash leaves nothing for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.access import NOBODY
from app.db import bundle_queries, case_queries
from app.db.models import Base, Blob, Case
from app.db.removal import delete_case, remove_unused, unused_contents
from app.db.save import save_analysis
from app.errors import Conflict
from app.storage import FolderStorage
from tests.db.analyses import analysis


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    made = FolderStorage(tmp_path)
    made.prepare()
    return made


def add_case(session: Session, storage: FolderStorage, *contents: bytes) -> int:
    case = case_queries.add_case(session, "x", "en", NOBODY)
    bundle = bundle_queries.add_bundle(session, case.id)
    for content in contents:
        stored = storage.put([content])
        bundle_queries.add_upload(session, bundle.id, "f", stored.sha256, stored.size_bytes)
    save_analysis(session, case.id, analysis(3))
    session.commit()
    return case.id


def counts(session: Session) -> dict[str, int]:
    return {
        name: session.scalar(select(func.count()).select_from(table)) or 0
        for name, table in Base.metadata.tables.items()
    }


def names(storage: FolderStorage) -> set[str]:
    return {name for name, _ in storage.contents()}


def test_a_deleted_case_leaves_no_row_and_no_file(session: Session, storage: FolderStorage) -> None:
    before = counts(session)
    case = add_case(session, storage, b"one", b"two")
    assert counts(session)["sightings"] > before["sightings"]
    delete_case(session, storage, case)
    assert counts(session) == before
    assert names(storage) == set()


def test_a_file_that_another_case_shares_stays(session: Session, storage: FolderStorage) -> None:
    first, second = add_case(session, storage, b"mine", b"both"), add_case(session, storage, b"both")
    both = storage.put([b"both"]).sha256
    delete_case(session, storage, first)
    assert names(storage) == {both}
    delete_case(session, storage, second)
    assert names(storage) == set()


def test_a_case_on_hold_is_not_deleted(session: Session, storage: FolderStorage) -> None:
    case = add_case(session, storage, b"held")
    session.get_one(Case, case).hold_reason = "ticket 12"
    session.commit()
    with pytest.raises(Conflict, match="ticket 12"):
        delete_case(session, storage, case)
    session.rollback()
    assert session.get(Case, case) is not None and names(storage) != set()
    session.get_one(Case, case).hold_reason = ""
    delete_case(session, storage, case)


def test_what_a_crash_between_rows_and_files_leaves_is_found(
    session: Session, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = add_case(session, storage, b"left")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "delete", lambda _sha256: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            delete_case(session, storage, case)
    session.rollback()
    assert session.get(Case, case) is None and len(names(storage)) == 1
    assert set(unused_contents(session)) == names(storage)
    assert remove_unused(session, storage, unused_contents(session)) == 1
    assert names(storage) == set()


def test_content_that_is_stored_again_while_it_is_removed_is_not_lost(
    sessions: sessionmaker[Session], session: Session, storage: FolderStorage
) -> None:
    """The upload takes the row's lock first; then the removal waits, and finds that the content is in use again."""
    stored = storage.put([b"again"])
    case = add_case(session, storage)
    with sessions() as uploading:
        bundle_queries.add_upload(uploading, bundle_queries.add_bundle(uploading, case).id, "f", stored.sha256, 5)
        uploading.commit()
    assert remove_unused(session, storage, [stored.sha256]) == 0
    assert storage.has(stored.sha256)
    delete_case(session, storage, case)
    assert session.scalar(select(Blob).where(Blob.sha256 == stored.sha256)) is None


def test_removing_what_was_never_there_leaves_no_row(session: Session, storage: FolderStorage) -> None:
    assert remove_unused(session, storage, ["0" * 64]) == 1
    assert session.get(Blob, "0" * 64) is None
