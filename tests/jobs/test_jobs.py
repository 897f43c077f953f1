"""From an uploaded bundle to saved results, through the queue and a real worker process, whatever dies on the way."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from app.config import ROOT, Settings
from app.core.analysis import Outcome
from app.db.load import load_analysis
from app.db.models import Analysis, Blob, Bundle, BundleFile, Case, PointSetting, SourceSetting, Upload
from app.db.removal import delete_case
from app.demo import write_bundle
from app.jobs.asking import cancel_analysis, fail_abandoned, request_analysis
from app.storage import FolderStorage
from app.storage.folder_mark import MARK
from tests.conftest import _clean_environment

WAIT_S = 300
FAST = {"EADSCOPE_HEARTBEAT_S": "0.3", "EADSCOPE_STALLED_AFTER_S": "1.5"}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    made = Settings(DATABASE_URL=database_url, var=tmp_path / "var")  # type: ignore[call-arg]
    FolderStorage(made.storage).prepare()
    return made


@pytest.fixture(scope="module")
def article(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("article") / "article"
    write_bundle("article", folder)
    return folder


@pytest.fixture
def case_id(sessions: sessionmaker[Session], settings: Settings) -> Iterator[int]:
    with sessions() as session:
        case = Case(title="x")
        session.add(case)
        session.commit()
        made = case.id
    yield made
    with sessions() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))
        session.execute(text("DELETE FROM procrastinate_workers"))
        delete_case(session, FolderStorage(settings.storage), made)
        session.commit()


def upload(sessions: sessionmaker[Session], settings: Settings, case_id: int, files: dict[str, bytes]) -> int:
    """Store files as one bundle of the case and ask for the analysis; returns the run."""
    storage = FolderStorage(settings.storage)
    with sessions() as session:
        bundle = Bundle(case_id=case_id)
        session.add(bundle)
        session.flush()
        for path, content in files.items():
            stored = storage.put([content])
            if session.get(Blob, stored.sha256) is None:
                session.add(Blob(sha256=stored.sha256, size_bytes=stored.size_bytes))
                session.flush()
            session.add(Upload(bundle_id=bundle.id, path=path, sha256=stored.sha256, size_bytes=stored.size_bytes))
        analysis_id = request_analysis(session, case_id)
        session.commit()
    return analysis_id


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@contextmanager
def worker(settings: Settings, **environment: str) -> Iterator[psutil.Popen]:
    """A worker process as `eadscope serve` starts it."""
    started = psutil.Popen(
        [sys.executable, "-P", "-m", "app.cli", "worker"],
        env={
            **_clean_environment(), **FAST, "DATABASE_URL": settings.database_url or "",
            "EADSCOPE_VAR": str(settings.var), "PYTHONPATH": str(ROOT), **environment,
        },
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
            started.wait(30)


def wait_for(session: Session, analysis_id: int, is_it: Callable[[Analysis], bool]) -> Analysis:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        session.rollback()
        run = session.get(Analysis, analysis_id, populate_existing=True)
        assert run is not None
        if is_it(run):
            return run
        time.sleep(0.02)
    pytest.fail(f"still {run.state} {run.step} after {WAIT_S} s")


def kill_analysis(worker: psutil.Popen) -> None:
    """Kill the process that analyses, once the worker has started it."""
    deadline = time.monotonic() + WAIT_S
    while True:
        for child in worker.children(recursive=True):
            if child.name() == "analysis_run":
                child.send_signal(signal.SIGKILL)
                return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_over(run: Analysis) -> bool:
    return run.state not in ("queued", "running")


def test_a_folder_that_was_uploaded_is_analysed(
    sessions: sessionmaker[Session], settings: Settings, case_id: int, article: Path
) -> None:
    analysis_id = upload(sessions, settings, case_id, files_of(article))
    with worker(settings), sessions() as session:
        assert wait_for(session, analysis_id, is_over).error_en == ""
        analysis = load_analysis(session, case_id)
    assert Outcome.FAILED in {terminal.outcome for terminal in analysis.terminals}
    assert {source.path.split("/")[0] for source in analysis.sources} != {"article"}


def test_an_archive_gives_the_same_analysis_as_the_folder(
    sessions: sessionmaker[Session], settings: Settings, case_id: int, article: Path
) -> None:
    inside = {path.removeprefix("article/"): content for path, content in files_of(article).items()}
    first = upload(sessions, settings, case_id, files_of(article))
    with worker(settings), sessions() as session:
        wait_for(session, first, is_over)
        of_folder = load_analysis(session, case_id)
        other = Case(title="y")
        session.add(other)
        session.commit()
        second = upload(sessions, settings, other.id, {"bundle.zip": zipped(inside)})
        wait_for(session, second, is_over)
        of_archive = load_analysis(session, other.id)
        delete_case(session, FolderStorage(settings.storage), other.id)
        session.commit()
    assert {source.path for source in of_archive.sources} == {source.path for source in of_folder.sources}
    assert {finding.code for finding in of_archive.findings} == {finding.code for finding in of_folder.findings}
    assert {terminal.user: terminal.outcome for terminal in of_archive.terminals} == {
        terminal.user: terminal.outcome for terminal in of_folder.terminals
    }


def test_what_cannot_be_used_is_listed_with_the_reason(
    sessions: sessionmaker[Session], settings: Settings, case_id: int
) -> None:
    files = {"a/empty.log": b"", "a/broken.zip": b"PK\x03\x04rubbish", "a/.DS_Store": b"x", "a/notes.txt": b"hello\n"}
    analysis_id = upload(sessions, settings, case_id, files)
    with worker(settings), sessions() as session:
        assert wait_for(session, analysis_id, is_over).state == "done"
        analysis = load_analysis(session, case_id)
    assert {source.path for source in analysis.sources} == {"empty.log", "broken.zip", ".DS_Store", "notes.txt"}
    assert all(source.notes for source in analysis.sources)


def test_the_same_file_uploaded_again_counts_once(
    sessions: sessionmaker[Session], settings: Settings, case_id: int
) -> None:
    upload(sessions, settings, case_id, {"a.txt": b"hello"})
    analysis_id = upload(sessions, settings, case_id, {"b.txt": b"hello"})
    with worker(settings), sessions() as session:
        wait_for(session, analysis_id, is_over)
        sources = load_analysis(session, case_id).sources
    assert [source.path for source in sources] == ["a.txt", "b.txt"]
    assert "a.txt" in sources[1].notes[-1].en


def test_files_that_come_later_are_analysed_with_the_others(
    sessions: sessionmaker[Session], settings: Settings, case_id: int
) -> None:
    first = upload(sessions, settings, case_id, {"a.txt": b"hello"})
    with worker(settings), sessions() as session:
        wait_for(session, first, is_over)
        second = upload(sessions, settings, case_id, {"b.txt": b"world"})
        wait_for(session, second, is_over)
        assert [source.path for source in load_analysis(session, case_id).sources] == ["a.txt", "b.txt"]


def test_what_a_person_said_of_a_capture_point_outlives_the_analysis(
    sessions: sessionmaker[Session], settings: Settings, case_id: int, article: Path
) -> None:
    first = upload(sessions, settings, case_id, files_of(article))
    with worker(settings), sessions() as session:
        wait_for(session, first, is_over)
        before = load_analysis(session, case_id)
        middle = next(point for point in before.capture_points if point.role == "middle")
        source = next(source for source in before.sources if source.path == middle.sources[0])
        session.add(SourceSetting(case_id=case_id, sha256=source.sha256, capture_point="core switch"))
        names = ["core switch" if point is middle else point.name for point in before.capture_points]
        session.add_all(PointSetting(case_id=case_id, name=name, position=place) for place, name in enumerate(names))
        second = request_analysis(session, case_id)
        session.commit()
        wait_for(session, second, is_over)
        assert [point.name for point in load_analysis(session, case_id).capture_points] == names


def test_asking_twice_before_it_starts_makes_one_run(sessions: sessionmaker[Session], case_id: int) -> None:
    with sessions() as session:
        assert request_analysis(session, case_id) == request_analysis(session, case_id)
        session.commit()


def test_what_is_rolled_back_was_never_asked_for(sessions: sessionmaker[Session], case_id: int) -> None:
    with sessions() as session:
        request_analysis(session, case_id)
        session.rollback()
        assert session.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 0


def test_a_canceled_run_stays_canceled(sessions: sessionmaker[Session], settings: Settings, case_id: int) -> None:
    analysis_id = upload(sessions, settings, case_id, {"a.txt": b"hello"})
    with sessions() as session:
        assert cancel_analysis(session, analysis_id)
        session.commit()
        other = upload(sessions, settings, case_id, {"b.txt": b"world"})
        with worker(settings):
            wait_for(session, other, is_over)
        assert wait_for(session, analysis_id, is_over).state == "canceled"
        assert not cancel_analysis(session, analysis_id)


def test_a_run_under_way_is_canceled_and_its_process_ends(
    sessions: sessionmaker[Session], settings: Settings, case_id: int, article: Path
) -> None:
    analysis_id = upload(sessions, settings, case_id, files_of(article))
    with worker(settings) as process, sessions() as session:
        wait_for(session, analysis_id, lambda run: run.step not in ("", "unpack"))
        (analysis,) = (child for child in process.children(recursive=True) if child.name() == "analysis_run")
        children = [analysis, *analysis.children(recursive=True)]
        cancel_analysis(session, analysis_id)
        session.commit()
        assert wait_for(session, analysis_id, is_over).state == "canceled"
        _gone, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
    with sessions() as session:
        assert session.get_one(Case, case_id).current_analysis_id is None


def test_a_run_whose_job_is_gone_says_so(sessions: sessionmaker[Session], case_id: int) -> None:
    with sessions() as session:
        analysis_id = request_analysis(session, case_id)
        session.execute(text("DELETE FROM procrastinate_jobs"))
        assert fail_abandoned(session) == 1
        session.commit()
        run = session.get_one(Analysis, analysis_id, populate_existing=True)
        assert run.state == "failed"
        assert "中断" in run.error_zh


def test_a_missing_file_in_storage_is_said_and_does_not_retry(
    sessions: sessionmaker[Session], settings: Settings, case_id: int
) -> None:
    analysis_id = upload(sessions, settings, case_id, {"a.txt": b"hello"})
    with sessions() as session:
        for blob in session.scalars(select(Blob)):
            FolderStorage(settings.storage).delete(blob.sha256)
        with worker(settings):
            run = wait_for(session, analysis_id, is_over)
    assert run.state == "failed"
    assert "missing" in run.error_en
    assert run.run == 1


def test_an_analysis_that_is_killed_starts_again(
    sessions: sessionmaker[Session], settings: Settings, case_id: int, article: Path
) -> None:
    analysis_id = upload(sessions, settings, case_id, files_of(article))
    with worker(settings) as process, sessions() as session:
        wait_for(session, analysis_id, lambda run: run.state == "running")
        kill_analysis(process)
        run = wait_for(session, analysis_id, is_over)
    assert (run.state, run.run) == ("done", 2)


def test_an_analysis_that_dies_every_time_fails_and_says_why(
    sessions: sessionmaker[Session], settings: Settings, case_id: int, article: Path
) -> None:
    analysis_id = upload(sessions, settings, case_id, files_of(article))
    with worker(settings, EADSCOPE_MAX_TRIES="1") as process, sessions() as session:
        wait_for(session, analysis_id, lambda run: run.state == "running")
        kill_analysis(process)
        run = wait_for(session, analysis_id, is_over)
    assert run.state == "failed"
    assert "SIGKILL" in run.error_en
    assert "内存" in run.error_zh


@pytest.mark.parametrize("moment", range(4))
def test_a_worker_that_is_killed_loses_nothing(
    sessions: sessionmaker[Session], settings: Settings, case_id: int, article: Path, moment: int
) -> None:
    """Killed at another moment each time, its analysis dies with it, and the next worker finishes the work."""
    analysis_id = upload(sessions, settings, case_id, files_of(article))
    with worker(settings) as process, sessions() as session:
        wait_for(session, analysis_id, lambda run: run.state == "running")
        time.sleep(random.Random(moment).uniform(0, 1.5))
        children = process.children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        _gone, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
    with worker(settings), sessions() as session:
        assert wait_for(session, analysis_id, is_over).state == "done"
        assert load_analysis(session, case_id).terminals


def test_a_worker_that_is_stopped_gives_its_job_back(
    sessions: sessionmaker[Session], settings: Settings, case_id: int, article: Path
) -> None:
    analysis_id = upload(sessions, settings, case_id, files_of(article))
    with sessions() as session:
        with worker(settings) as process:
            wait_for(session, analysis_id, lambda run: run.state == "running")
            process.terminate()
            assert process.wait(30) == 0
        with worker(settings):
            assert wait_for(session, analysis_id, is_over).state == "done"


def test_unpacked_files_are_kept_once_and_by_content(
    sessions: sessionmaker[Session], settings: Settings, case_id: int
) -> None:
    analysis_id = upload(sessions, settings, case_id, {"x.zip": zipped({"a.txt": b"hello", "b/c.txt": b"world"})})
    with worker(settings), sessions() as session:
        wait_for(session, analysis_id, is_over)
        rows = session.scalars(select(BundleFile).join(Bundle).where(Bundle.case_id == case_id)).all()
        storage = FolderStorage(settings.storage)
        contents = {row.path: storage.local(row.sha256 or "").read_bytes() for row in rows}
    assert contents == {"a.txt": b"hello", "b/c.txt": b"world"}
    assert list(settings.scratch.iterdir()) == []


def test_a_deleted_case_leaves_neither_rows_nor_files(
    sessions: sessionmaker[Session], settings: Settings, case_id: int, article: Path
) -> None:
    storage = FolderStorage(settings.storage)
    with worker(settings), sessions() as session:
        other = Case(title="y")
        session.add(other)
        session.commit()
        shared = upload(sessions, settings, case_id, {"shared.txt": b"shared"})
        deleted = upload(sessions, settings, other.id, {**files_of(article), "article/shared.txt": b"shared"})
        wait_for(session, shared, is_over)
        wait_for(session, deleted, is_over)
        delete_case(session, storage, other.id)
        session.commit()
        left = session.scalars(select(Blob)).all()
        assert [storage.local(blob.sha256).read_bytes() for blob in left] == [b"shared"]
        kept = [path for path in settings.storage.rglob("*") if path.is_file() and path.name != MARK]
        assert [path.read_bytes() for path in kept] == [b"shared"]
        assert session.scalar(text("SELECT count(*) FROM sightings")) == 0
