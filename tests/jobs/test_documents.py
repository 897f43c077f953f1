"""Documents through the queue and a real worker process: made, canceled, killed, and gone with their analysis."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.core.analysis import CaseAnalysis
from app.db.handover import EVIDENCE, REPORT, Document
from app.db.models import Blob, Case
from app.db.removal import delete_case
from app.db.save import save_analysis
from app.demo import write_bundle
from app.intake import AnalysisSettings, analyze_paths
from app.jobs.documents import (
    MOST_KEPT,
    DocumentOptions,
    cancel_document,
    documents_of,
    fail_abandoned_documents,
    remove_stale_documents,
    request_document,
)
from app.storage import FolderStorage
from tests.jobs.test_jobs import worker

WAIT_S = 120


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(DATABASE_URL=database_url, var=tmp_path / "var")  # type: ignore[call-arg]


@pytest.fixture
def storage(settings: Settings) -> FolderStorage:
    made = FolderStorage(settings.storage)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> CaseAnalysis:
    folder = tmp_path_factory.mktemp("article")
    write_bundle("article", folder)
    return analyze_paths([folder], AnalysisSettings(processes=1))


@pytest.fixture
def case(sessions: sessionmaker[Session], storage: FolderStorage, analysis: CaseAnalysis) -> Iterator[int]:
    with sessions() as session, session.begin():
        session.add(made := Case(title="ticket"))
        session.flush()
        save_analysis(session, made.id, analysis)
    yield made.id
    with sessions() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))
        session.execute(text("DELETE FROM procrastinate_workers"))
        delete_case(session, storage, made.id)


def ask(
    sessions: sessionmaker[Session], storage: FolderStorage, case: int, kind: str = REPORT, author: str = ""
) -> int:
    with sessions() as session, session.begin():
        options = DocumentOptions(kind, "en", author=author)
        return request_document(session, storage, session.get_one(Case, case), options).id


def wait_for(sessions: sessionmaker[Session], number: int, is_it: Callable[[Document], bool]) -> Document:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with sessions() as session:
            document = session.get_one(Document, number)
            if is_it(document):
                return document
        time.sleep(0.02)
    pytest.fail(f"still {document.state} {document.step}")


def is_over(document: Document) -> bool:
    return document.state not in ("queued", "running")


def maker(process: psutil.Popen) -> psutil.Process:
    """The process that makes a document, once the worker has started it."""
    deadline = time.monotonic() + WAIT_S
    while True:
        for child in process.children(recursive=True):
            if child.name() == "document_run":
                return child
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_worker_makes_what_was_asked_for(
    sessions: sessionmaker[Session], settings: Settings, storage: FolderStorage, case: int
) -> None:
    report, packet = ask(sessions, storage, case), ask(sessions, storage, case, EVIDENCE)
    with worker(settings):
        done = [wait_for(sessions, number, is_over) for number in (report, packet)]
    assert [document.state for document in done] == ["done", "done"]
    for document, beginning in zip(done, (b"%PDF-", b"PK"), strict=True):
        assert document.sha256 is not None
        with storage.open(document.sha256) as file:
            assert file.read(len(beginning)) == beginning
            file.seek(0, 2)
            assert file.tell() == document.size_bytes


def test_a_document_whose_process_is_killed_is_made_anyway(
    sessions: sessionmaker[Session], settings: Settings, storage: FolderStorage, case: int
) -> None:
    number = ask(sessions, storage, case)
    with worker(settings) as process:
        maker(process).send_signal(signal.SIGKILL)
        document = wait_for(sessions, number, is_over)
    assert (document.state, document.run) == ("done", 2)


def test_a_document_whose_process_always_dies_says_so(
    sessions: sessionmaker[Session], settings: Settings, storage: FolderStorage, case: int
) -> None:
    number = ask(sessions, storage, case)
    with worker(settings, EADSCOPE_MAX_TRIES="1") as process:
        maker(process).send_signal(signal.SIGKILL)
        document = wait_for(sessions, number, is_over)
    assert document.state == "failed"
    assert "SIGKILL" in document.error_en
    assert "内存不足" in document.error_zh


def test_a_canceled_document_stops_and_can_be_asked_for_again(
    sessions: sessionmaker[Session], settings: Settings, storage: FolderStorage, case: int
) -> None:
    number = ask(sessions, storage, case)
    with worker(settings) as process:
        child = maker(process)
        with sessions() as session, session.begin():
            assert cancel_document(session, number)
            assert not cancel_document(session, number)
        psutil.wait_procs([child], WAIT_S)
        assert wait_for(sessions, number, is_over).state == "canceled"
        assert ask(sessions, storage, case) == number
        assert wait_for(sessions, number, is_over).state == "done"


def test_asking_twice_is_one_job(sessions: sessionmaker[Session], storage: FolderStorage, case: int) -> None:
    assert ask(sessions, storage, case) == ask(sessions, storage, case)
    with sessions() as session:
        waiting = session.scalars(text("SELECT id FROM procrastinate_jobs WHERE task_name = 'make_document'")).all()
    assert len(waiting) == 1


def finish(sessions: sessionmaker[Session], storage: FolderStorage, number: int, content: bytes) -> str:
    """As the worker's process leaves it."""
    stored = storage.put([content])
    with sessions() as session, session.begin():
        session.add(Blob(sha256=stored.sha256, size_bytes=stored.size_bytes))
        document = session.get_one(Document, number)
        document.state, document.sha256, document.size_bytes = "done", stored.sha256, stored.size_bytes
    return stored.sha256


def test_documents_go_with_their_analysis(sessions: sessionmaker[Session], storage: FolderStorage, case: int) -> None:
    number = ask(sessions, storage, case)
    sha256 = finish(sessions, storage, number, b"old")
    with sessions() as session, session.begin():
        remove_stale_documents(session, storage, case)
        assert session.get(Document, number) is not None
    with sessions() as session, session.begin():
        session.get_one(Case, case).current_analysis_id = None
        session.flush()
        remove_stale_documents(session, storage, case)
    assert not storage.has(sha256)
    with sessions() as session:
        assert session.get(Document, number) is None
        assert session.get(Blob, sha256) is None


def test_a_deleted_case_takes_its_documents_along(
    sessions: sessionmaker[Session], storage: FolderStorage, analysis: CaseAnalysis
) -> None:
    with sessions() as session, session.begin():
        session.add(case := Case(title="short"))
        session.flush()
        save_analysis(session, case.id, analysis)
    number = ask(sessions, storage, case.id)
    sha256 = finish(sessions, storage, number, b"short")
    with sessions() as session:
        delete_case(session, storage, case.id)
    assert not storage.has(sha256)
    with sessions() as session:
        assert session.get(Document, number) is None
        job = session.scalar(text("SELECT status FROM procrastinate_jobs ORDER BY id DESC LIMIT 1"))
        assert job in (None, "cancelled")


def test_a_document_whose_content_is_gone_is_made_anew(
    sessions: sessionmaker[Session], storage: FolderStorage, case: int
) -> None:
    number = ask(sessions, storage, case)
    storage.delete(finish(sessions, storage, number, b"lost"))
    assert ask(sessions, storage, case) == number
    with sessions() as session:
        assert session.get_one(Document, number).state == "queued"


def test_only_so_many_are_kept(sessions: sessionmaker[Session], storage: FolderStorage, case: int) -> None:
    for index in range(MOST_KEPT + 3):
        number = ask(sessions, storage, case, author=f"{index}")
        finish(sessions, storage, number, b"%d" % index)
    with sessions() as session:
        kept = documents_of(session, case)
        assert len(kept) == MOST_KEPT + 1
        assert kept[0].options["author"] == f"{MOST_KEPT + 2}"
        assert len(session.scalars(select(Blob)).all()) == MOST_KEPT + 1


def test_a_document_without_a_job_says_so(sessions: sessionmaker[Session], storage: FolderStorage, case: int) -> None:
    number = ask(sessions, storage, case)
    with sessions() as session, session.begin():
        assert fail_abandoned_documents(session) == 0
        session.execute(text("DELETE FROM procrastinate_jobs"))
        assert fail_abandoned_documents(session) == 1
    with sessions() as session:
        assert session.get_one(Document, number).state == "failed"
