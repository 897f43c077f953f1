"""The real application as a server, on a real database, with one case analysed and one empty."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db.save import save_analysis
from app.demo import write_bundle
from app.intake import analyze_files
from app.main import create_app
from app.stored_bundles import analysis_settings, case_files, unpack_waiting
from tests.people import bearer


@dataclass(frozen=True, slots=True)
class Api:
    app: FastAPI
    client: httpx.Client  # with a token of an administrator that is good for everything
    case: int  # analysed: the scenario `hops`
    bare: int  # without files
    sessions: sessionmaker[Session]


@pytest.fixture(scope="module")
def api(database_url: str, sessions: sessionmaker[Session], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    var = tmp_path_factory.mktemp("api")
    app = create_app(Settings(DATABASE_URL=database_url, var=var))  # type: ignore[call-arg]
    with running(app) as url, httpx.Client(base_url=url, timeout=120, headers=bearer(app)) as client:
        case = client.post("/api/v1/cases", json={"title": "hops"}).json()["id"]
        bundle = var / "in"
        write_bundle("hops", bundle)
        for file in sorted(path for path in bundle.rglob("*") if path.is_file()):
            name = file.relative_to(bundle).as_posix()
            answer = client.put(f"/api/v1/cases/{case}/files", params={"path": name}, content=file.read_bytes())
            answer.raise_for_status()
        analyse(app, sessions, case, var)
        bare = client.post("/api/v1/cases", json={"title": "bare"}).json()["id"]
        yield Api(app, client, case, bare, sessions)


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """The application as a server, so that bodies and answers stream as they do in life."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def analyse(app: FastAPI, sessions: sessionmaker[Session], case: int, scratch: Path) -> None:
    """What the worker's process does."""
    storage, options = app.state.storage, app.state.settings
    unpack_waiting(sessions, storage, case, scratch / "scratch", options, lambda done: None)
    with sessions() as db:
        files = case_files(db, storage, case)
        settings = analysis_settings(db, case, files, options)
    analysis = analyze_files(files, settings)
    with sessions() as db, db.begin():
        save_analysis(db, case, analysis)
