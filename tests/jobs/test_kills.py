"""Worker, web process and PostgreSQL, each killed twenty times at random moments; what is lost is counted: nothing.

The heavy variant of a mix under load is `python -m bench.service soak`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.config import ROOT, Settings
from app.db.load import load_analysis
from app.db.migrate import migrate
from app.db.models import Analysis, Bundle, Case, Upload
from app.db.session import make_engine, make_sessions
from app.demo import write_bundle
from app.embedded import EmbeddedPostgres
from app.main import create_app
from app.storage import FolderStorage
from tests.conftest import _clean_environment
from tests.jobs.test_jobs import FAST, files_of, is_over, upload, wait_for
from tests.people import bearer

KILLS = 20
CASES = 3
WAIT_S = 120
PIECE = 256 * 1024


@pytest.fixture(scope="module")
def article(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("article") / "article"
    write_bundle("article", folder)
    return files_of(folder)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    made = Settings(DATABASE_URL=database_url, var=tmp_path / "var")  # type: ignore[call-arg]
    FolderStorage(made.storage).prepare()
    return made


@contextlib.contextmanager
def lives(what: str, options: Settings, port: int = 0) -> Iterator[Iterator[int]]:
    """The numbers of the processes, one after the other; the next is there when the one before was killed."""
    environment = {
        **_clean_environment(), **FAST, "DATABASE_URL": options.database_url or "", "EADSCOPE_VAR": str(options.var),
        "EADSCOPE_MAX_TRIES": "1000", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.prefork", what, str(port)],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        try:
            yield (int(line) for line in parent.stdout)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def add_cases(sessions: sessionmaker[Session], options: Settings, article: dict[str, bytes]) -> dict[int, int]:
    """Cases that wait to be analysed: their numbers → their runs."""
    runs = {}
    for number in range(CASES):
        with sessions() as session:
            case = Case(title=f"case {number}")
            session.add(case)
            session.commit()
        # One file differs, so that no two cases share all their contents.
        runs[case.id] = upload(sessions, options, case.id, {**article, "article/n.txt": b"%d" % case.id})
    return runs


def lost(sessions: sessionmaker[Session], options: Settings, runs: dict[int, int], article: dict[str, bytes]) -> int:
    """Cases that lack a file, a result or a terminal, once all runs are over."""
    storage = FolderStorage(options.storage)
    missing = 0
    with sessions() as session:
        for case_id, number in runs.items():
            run = wait_for(session, number, is_over)
            of_case = select(Upload).join(Bundle, Bundle.id == Upload.bundle_id).where(Bundle.case_id == case_id)
            files = session.scalars(of_case).all()
            analysis = load_analysis(session, case_id)
            whole = run.state == "done" and bool(analysis.terminals) and len(analysis.sources) == len(article) + 1
            whole = whole and all(storage.has(file.sha256) for file in files)
            missing += not whole
    return missing


def test_a_worker_that_is_killed_twenty_times_loses_nothing(
    sessions: sessionmaker[Session], settings: Settings, article: dict[str, bytes]
) -> None:
    dice = random.Random(1)
    runs = add_cases(sessions, settings, article)
    with lives("worker", settings) as numbers:
        for kill, number in enumerate(numbers):
            if kill == KILLS:
                break
            time.sleep(dice.uniform(0.05, 2.5))
            os.kill(number, signal.SIGKILL)
        assert lost(sessions, settings, runs, article) == 0
    with sessions() as session:
        starts = sum(session.get_one(Analysis, number).run for number in runs.values())
    assert starts > CASES, "no kill hit an analysis"


def test_a_web_process_that_is_killed_twenty_times_loses_no_byte_of_an_upload(
    sessions: sessionmaker[Session], settings: Settings
) -> None:
    dice = random.Random(2)
    content = dice.randbytes(40 * PIECE)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    signed = bearer(create_app(settings))
    with lives("web", settings, port) as numbers, httpx.Client(headers=signed, trust_env=False, timeout=20) as client:
        number, killed = next(numbers), 0
        api = f"http://127.0.0.1:{port}/api/v1"
        case = until_answered(client, "POST", f"{api}/cases", json={"title": "big"}).json()["id"]
        asked = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(content)), "Upload-Metadata": "filename YS5wY2Fw"}
        place = until_answered(client, "POST", f"{api}/cases/{case}/uploads", headers=asked).headers["location"]
        place = httpx.URL(api).join(place)
        offset = 0
        while offset < len(content):
            if killed < KILLS:
                killer = threading.Timer(dice.uniform(0, 0.05), os.kill, (number, signal.SIGKILL))
                killer.start()
            with contextlib.suppress(httpx.TransportError):  # we ask how far it got
                client.patch(
                    place, content=content[offset : offset + 2 * PIECE],
                    headers={"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset),
                             "Content-Type": "application/offset+octet-stream"},
                )  # fmt: skip
            if killed < KILLS:
                killer.join()
                number, killed = next(numbers), killed + 1
            answer = until_answered(client, "HEAD", str(place), headers={"Tus-Resumable": "1.0.0"})
            assert int(answer.headers["upload-offset"]) >= offset
            offset = int(answer.headers["upload-offset"])
        assert killed == KILLS
    with sessions() as session:
        (stored,) = session.scalars(select(Upload).where(Upload.path == "a.pcap")).all()
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert FolderStorage(settings.storage).local(stored.sha256).read_bytes() == content


def until_answered(client: httpx.Client, method: str, url: str, **more: object) -> httpx.Response:
    """Asked again while the process is away or still locks what its dead predecessor wrote to."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            answer = client.request(method, url, **more)  # type: ignore[arg-type]
            if answer.status_code < 400:
                return answer
        except httpx.TransportError:
            answer = None
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)


def test_a_database_that_is_killed_twenty_times_loses_nothing(
    service_folder: Path, tmp_path: Path, article: dict[str, bytes]
) -> None:
    dice = random.Random(3)
    server = EmbeddedPostgres(service_folder / "killed")
    options = Settings(DATABASE_URL=server.url, var=tmp_path / "var")  # type: ignore[call-arg]
    FolderStorage(options.storage).prepare()
    migrate(server.url)
    engine = make_engine(server.url)
    try:
        sessions = make_sessions(engine)
        runs = add_cases(sessions, options, article)
        with lives("worker", options) as numbers, writing(server.url) as kept:
            next(numbers)
            for _ in range(KILLS):
                time.sleep(dice.uniform(0.1, 0.8))
                kill(server)
                server.revive()
            assert lost(sessions, options, runs, article) == 0
        with psycopg.connect(server.url) as connection:
            there = {number for (number,) in connection.execute("SELECT n FROM kept")}
        assert len(kept) > KILLS
        assert set(kept) <= there
    finally:
        engine.dispose()
        server.stop()


def kill(server: EmbeddedPostgres) -> None:
    """As a crash does it: the server and all that it started at once, without a word."""
    number = int((server.folder / "postmaster.pid").read_text().split("\n", 1)[0])
    processes = [psutil.Process(number), *psutil.Process(number).children(recursive=True)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=WAIT_S)


@contextlib.contextmanager
def writing(url: str) -> Iterator[list[int]]:
    """Somebody who writes all the time: the numbers whose commit was answered."""
    answered: list[int] = []
    stop = threading.Event()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")

    def write() -> None:
        number = 0
        while not stop.is_set():
            try:
                with psycopg.connect(url, connect_timeout=5) as connection:
                    while not stop.is_set():
                        number += 1
                        connection.execute("INSERT INTO kept VALUES (%s)", [number])
                        connection.commit()
                        answered.append(number)
                        time.sleep(0.005)
            except psycopg.Error:
                time.sleep(0.02)

    thread = threading.Thread(target=write)
    thread.start()
    yield answered
    stop.set()
    thread.join()
