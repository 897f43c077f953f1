"""What nobody asks for is done: once an hour, by one worker, and never to what is young, in use or on hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.orm import Session, sessionmaker

from app.access import NOBODY
from app.accounts import audit
from app.db import bundle_queries, case_queries, site
from app.db.models import Blob, Case, PartialUpload, SiteSetting
from app.jobs.upkeep import keep_up_when_due, run_upkeep
from app.storage import FolderStorage

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=10)


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    made = FolderStorage(tmp_path)
    made.prepare()
    return made


@pytest.fixture(autouse=True)
def clean(sessions: sessionmaker[Session]) -> Iterator[None]:
    yield
    with sessions() as session, session.begin():
        session.execute(delete(Case))
        session.execute(delete(Blob))
        session.execute(delete(SiteSetting))


def add_case(sessions: sessionmaker[Session], storage: FolderStorage, age: timedelta, **values: object) -> int:
    with sessions() as session, session.begin():
        case = case_queries.add_case(session, "x", "en", NOBODY)
        stored = storage.put([str(case.id).encode()])
        bundle_queries.add_upload(
            session, bundle_queries.add_bundle(session, case.id).id, "f", stored.sha256, stored.size_bytes
        )
        session.flush()
        session.execute(update(Case).where(Case.id == case.id).values(updated_at=NOW - age, **values))
        return case.id


def age(path: Path) -> None:
    """As if it had been written ten days ago. A content's age is its change time, which nobody can set: it is left."""
    os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))


def test_cases_go_when_their_time_is_over_unless_they_are_held(
    sessions: sessionmaker[Session], storage: FolderStorage
) -> None:
    old, held, example, young = (
        add_case(sessions, storage, timedelta(days=31)),
        add_case(sessions, storage, timedelta(days=31), hold_reason="court"),
        add_case(sessions, storage, timedelta(days=31), is_example=True),
        add_case(sessions, storage, timedelta(days=29)),
    )
    assert run_upkeep(sessions, storage, NOW).cases == 0  # nothing was set
    with sessions() as session, session.begin():
        site.set_retention_days(session, 30)
    assert run_upkeep(sessions, storage, NOW).cases == 1
    with sessions() as session:
        assert [session.get(Case, case) is None for case in (old, held, example, young)] == [True, False, False, False]
        told = [(entry.actor, entry.action) for entry in audit.list_entries(session, case_id=old)]
        assert told == [("retention", "deleted")]
    assert len(list(storage.contents())) == 3


def test_uploads_that_nothing_was_added_to_for_a_week_are_given_up(
    sessions: sessionmaker[Session], storage: FolderStorage
) -> None:
    case = add_case(sessions, storage, timedelta(0))
    for upload_id, touched in (("a" * 32, LONG_AGO), ("b" * 32, NOW)):
        with storage.pieces.appending(upload_id, 0) as end:
            end.write(b"x")
        age(storage.pieces.path(upload_id))
        with sessions() as session, session.begin():
            session.add(PartialUpload(id=upload_id, case_id=case, path="f", size_bytes=9, touched_at=touched))
    assert run_upkeep(sessions, storage, NOW).uploads == 1
    assert [name for name, _ in storage.pieces.all()] == ["b" * 32]


def test_files_that_no_row_knows_go_after_a_day(sessions: sessionmaker[Session], storage: FolderStorage) -> None:
    add_case(sessions, storage, timedelta(0))
    storage.put([b"orphan"])
    assert run_upkeep(sessions, storage, NOW).contents == 0
    assert run_upkeep(sessions, storage, NOW + timedelta(days=2)).contents == 1
    assert len(list(storage.contents())) == 1


def test_jobs_that_are_long_done_are_forgotten(sessions: sessionmaker[Session], storage: FolderStorage) -> None:
    with sessions() as session, session.begin():
        insert = "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('q', 't', '{}') RETURNING id"
        old, young, waiting = (session.scalar(text(insert)) for _ in range(3))
        for status in ("doing", "succeeded"):  # the queue notes each step with its time
            done = text(f"UPDATE procrastinate_jobs SET status = '{status}' WHERE id IN (:old, :young)")
            session.execute(done, {"old": old, "young": young})
        session.execute(
            text("UPDATE procrastinate_events SET at = now() - interval '40 days' WHERE job_id IN (:old, :waiting)"),
            {"old": old, "waiting": waiting},
        )
    assert run_upkeep(sessions, storage, NOW).jobs == 1
    with sessions() as session, session.begin():
        left = set(session.scalars(text("SELECT id FROM procrastinate_jobs")))
        assert left == {young, waiting}
        session.execute(text("DELETE FROM procrastinate_jobs"))


def test_it_is_done_once_an_hour_by_whoever_comes_first(
    sessions: sessionmaker[Session], storage: FolderStorage
) -> None:
    assert keep_up_when_due(sessions, storage) is not None
    assert keep_up_when_due(sessions, storage) is None
    with sessions() as session, session.begin():
        site.set_upkeep_done(session, NOW - timedelta(hours=2))
    assert keep_up_when_due(sessions, storage) is not None
