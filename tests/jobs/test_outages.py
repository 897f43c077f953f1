"""A full disk, a storage and a database that are away: said clearly, readiness red, and all well again by itself."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app.config import Settings
from app.db.migrate import migrate
from app.embedded import EmbeddedPostgres
from app.main import create_app
from tests.people import bearer

WAIT_S = 60
MIB = 1 << 20
PAGE = {"accept": "text/html", "accept-language": "en"}


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        fresh = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=url, headers=bearer(app), trust_env=False, timeout=60, limits=fresh) as client:
            yield client
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of a few megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]).returncode:
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def put(client: httpx.Client, case: int, name: str, size: int) -> httpx.Response:
    return client.put(f"/api/v1/cases/{case}/files", params={"path": name}, content=os.urandom(size))


def test_a_full_disk_refuses_an_upload_with_a_sentence_and_takes_it_when_there_is_room(
    database_url: str, small_disk: Path
) -> None:
    app = create_app(Settings(DATABASE_URL=database_url, var=small_disk))  # type: ignore[call-arg]
    with served(app) as client:
        case = client.post("/api/v1/cases", json={"title": "x"}).json()["id"]
        assert client.get("/readyz").status_code == 200
        refused = put(client, case, "big.pcap", 8 * MIB)
        assert refused.status_code == 503
        assert "disk is full" in refused.json()["detail"]
        assert client.get("/readyz").status_code == 200, "what was refused must not stay"
        filler = small_disk / "filler"
        with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        red = client.get("/readyz")
        assert red.status_code == 503
        assert "disk is full" in red.json()["storage"]
        assert client.get("/cases", headers=PAGE).status_code == 200, "reading goes on"
        filler.unlink()
        assert client.get("/readyz").status_code == 200
        assert put(client, case, "small.pcap", MIB).status_code == 201


def test_a_storage_that_is_away_is_said_and_comes_back(database_url: str, tmp_path: Path) -> None:
    options = Settings(DATABASE_URL=database_url, var=tmp_path)  # type: ignore[call-arg]
    with served(create_app(options)) as client:
        case = client.post("/api/v1/cases", json={"title": "x"}).json()["id"]
        assert put(client, case, "a.pcap", 1000).status_code == 201
        away = tmp_path / "elsewhere"
        options.storage.rename(away)
        options.storage.touch()  # as a mount that failed: something is there, but no folder
        assert client.get("/readyz").status_code == 503
        assert put(client, case, "b.pcap", 1000).status_code == 503
        options.storage.unlink()
        red = client.get("/readyz")
        assert red.status_code == 503 and "mounted" in red.json()["storage"]
        refused = put(client, case, "b.pcap", 1000)
        assert refused.status_code == 503 and "mounted" in refused.json()["detail"]
        assert not options.storage.exists()
        away.rename(options.storage)
        assert client.get("/readyz").status_code == 200
        assert put(client, case, "b.pcap", 1000).status_code == 201


def test_a_database_that_is_away_is_said_and_comes_back(service_folder: Path, tmp_path: Path) -> None:
    server = EmbeddedPostgres(service_folder / "away")
    try:
        migrate(server.url)
        app = create_app(Settings(DATABASE_URL=server.url, var=tmp_path))  # type: ignore[call-arg]
        with served(app) as client:
            asking = {"authorization": ""}  # as a probe asks: nobody needs to be looked up
            assert client.get("/readyz", headers=asking).status_code == 200
            server.stop()
            red = client.get("/readyz", headers=asking)
            assert red.status_code == 503
            assert "database" in red.json()
            page = client.get("/cases", headers=PAGE)
            assert page.status_code == 503
            assert "The database does not answer. Nothing is lost" in page.text
            problem = client.get("/api/v1/cases")
            assert problem.status_code == 503
            assert problem.json()["request_id"] == problem.headers["x-request-id"]
            assert client.get("/healthz", headers=asking).status_code == 200
            server.revive()
            assert client.get("/readyz").status_code == 200
            assert client.get("/cases", headers=PAGE).status_code == 200
    finally:
        server.stop()
