"""A full disk, a storage and a database that are away: said clearly, readiness red, nothing lost, and all well again by
itself."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.config import Settings
from app.db.migrate import migrate
from app.db.models import Case
from app.demo import write_bundle
from app.embedded import EmbeddedPostgres
from app.main import create_app
from tests.jobs.test_jobs import files_of, upload, wait_for, worker
from tests.people import bearer
from tests.served import served

WAIT_S = 60
AWAY_S = 61
MIB = 1 << 20
PAGE = {"accept": "text/html", "accept-language": "en"}
CONTENT = random.Random(3).randbytes(6_000_000)
DIGEST = f"sha-256=:{base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()}:"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of four megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]).returncode:
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def put(client: httpx.Client, case: int, name: str, size: int) -> httpx.Response:
    return client.put(f"/api/v1/cases/{case}/files", params={"path": name}, content=os.urandom(size))


def test_a_full_disk_refuses_an_upload_with_a_sentence_and_takes_it_when_there_is_room(
    database_url: str, small_disk: Path
) -> None:
    app = create_app(Settings(DATABASE_URL=database_url, var=small_disk))  # type: ignore[call-arg]
    with served(app, bearer(app)) as client:
        case = client.post("/api/v1/cases", json={"title": "x"}).json()["id"]
        assert client.get("/readyz").status_code == 200
        refused = put(client, case, "big.pcap", 6 * MIB)
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
    app = create_app(options)
    with served(app, bearer(app)) as client:
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
        with served(app, bearer(app)) as client:
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


def test_database_and_storage_away_for_a_minute_lose_nothing(service_folder: Path, tmp_path: Path) -> None:
    """Both at once, longer than any time-out and any pause between two tries; the worker is left to itself."""
    server = EmbeddedPostgres(service_folder / "minute")
    try:
        migrate(server.url)
        options = Settings(DATABASE_URL=server.url, var=tmp_path)  # type: ignore[call-arg]
        app = create_app(options)
        write_bundle("article", tmp_path / "article")
        with served(app, bearer(app)) as client, worker(options) as process:
            with app.state.sessions() as db, db.begin():
                db.add(case := Case(title="minute"))
                db.flush()
                number = case.id
            asked = upload(app.state.sessions, options, number, files_of(tmp_path / "article"))
            server.stop()
            away = tmp_path / "elsewhere"
            options.storage.rename(away)
            begin = time.monotonic()
            while time.monotonic() - begin < AWAY_S:
                assert client.get("/readyz", headers={"authorization": ""}).status_code == 503
                assert process.poll() is None, "the worker gave up"
                time.sleep(2)
            away.rename(options.storage)
            server.revive()
            with app.state.sessions() as db:
                assert wait_for(db, asked, lambda run: run.state in ("done", "failed")).state == "done"
            assert client.get("/readyz").status_code == 200
    finally:
        server.stop()


def begin(client: httpx.Client) -> str:
    case = client.post("/api/v1/cases", json={"title": "outage"}).json()["id"]
    named = "path " + base64.b64encode(b"client.pcap").decode()
    headers = {"Upload-Length": str(len(CONTENT)), "Upload-Metadata": named}
    return str(client.post(f"/api/v1/cases/{case}/uploads", headers=headers).headers["location"])


def send(client: httpx.Client, place: str, offset: int, length: int | None = None) -> httpx.Response:
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return client.patch(place, headers=headers, content=CONTENT[offset : None if length is None else offset + length])


def test_an_upload_to_a_full_disk_goes_on_when_there_is_space(database_url: str, small_disk: Path) -> None:
    app = create_app(Settings(DATABASE_URL=database_url, var=small_disk))  # type: ignore[call-arg]
    with served(app, bearer(app)) as client:
        place = begin(client)
        refused = send(client, place, 0)
        assert refused.status_code == 503
        assert "disk is full" in refused.json()["detail"] and "磁盘已满" in refused.json()["detail_zh"]
        ready = client.get("/readyz")
        assert ready.status_code == 503 and "full" in ready.json()["storage"]
        subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)
        offset = int(client.head(place).headers["upload-offset"])
        assert 0 < offset < len(CONTENT)
        done = send(client, place, offset)
        assert (done.status_code, done.headers["repr-digest"]) == (204, DIGEST)
        assert client.get("/readyz").status_code == 200


def test_an_upload_goes_on_after_the_database_was_away(service_folder: Path, tmp_path: Path) -> None:
    server = EmbeddedPostgres(service_folder / "resumed")
    try:
        migrate(server.url)
        app = create_app(Settings(DATABASE_URL=server.url, var=tmp_path))  # type: ignore[call-arg]
        with served(app, bearer(app)) as client:
            place = begin(client)
            assert send(client, place, 0, 1_000_000).status_code == 204
            server.stop()
            refused = send(client, place, 1_000_000, 1_000_000)
            assert refused.status_code == 503 and "Nothing is lost" in refused.json()["detail"]
            assert client.get("/readyz").status_code == 503
            server.revive()
            offset = int(client.head(place).headers["upload-offset"])
            assert offset >= 1_000_000
            done = send(client, place, offset)
            assert (done.status_code, done.headers["repr-digest"]) == (204, DIGEST)
    finally:
        server.stop()
