"""A disk that is full, a database that is away: uploads are refused with a sentence, lose nothing, and go on."""

from __future__ import annotations

import base64
import hashlib
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from app.config import Settings
from app.db.migrate import migrate
from app.embedded import EmbeddedPostgres
from app.main import create_app
from tests.conftest import named
from tests.people import bearer
from tests.web.api.conftest import running

CONTENT = random.Random(3).randbytes(6_000_000)
DIGEST = f"sha-256=:{base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()}:"


def begin(client: httpx.Client) -> str:
    case = client.post("/api/v1/cases", json={"title": "outage"}).json()["id"]
    named = "path " + base64.b64encode(b"client.pcap").decode()
    headers = {"Upload-Length": str(len(CONTENT)), "Upload-Metadata": named}
    return str(client.post(f"/api/v1/cases/{case}/uploads", headers=headers).headers["location"])


def send(client: httpx.Client, place: str, offset: int, length: int | None = None) -> httpx.Response:
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return client.patch(place, headers=headers, content=CONTENT[offset : None if length is None else offset + length])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("a file system can be mounted by root alone")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_an_upload_to_a_full_disk_goes_on_when_there_is_space(database_url: str, small_disk: Path) -> None:
    app = create_app(Settings(DATABASE_URL=database_url, var=small_disk))  # type: ignore[call-arg]
    with running(app) as url, httpx.Client(base_url=url, timeout=60, headers=bearer(app)) as client:
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
    folder = service_folder / f"away-{uuid4().hex[:6]}"
    postgres = EmbeddedPostgres(folder)
    try:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier("away")))
        url_of_database = named(postgres.url, "away")
        migrate(url_of_database)
        app = create_app(Settings(DATABASE_URL=url_of_database, var=tmp_path))  # type: ignore[call-arg]
        with running(app) as url, httpx.Client(base_url=url, timeout=60, headers=bearer(app)) as client:
            place = begin(client)
            assert send(client, place, 0, 1_000_000).status_code == 204
            postgres.stop()
            refused = send(client, place, 1_000_000, 1_000_000)
            assert refused.status_code == 503 and "Nothing is lost" in refused.json()["detail"]
            assert client.get("/readyz").status_code == 503
            postgres = EmbeddedPostgres(folder)
            offset = int(client.head(place).headers["upload-offset"])
            assert offset >= 1_000_000
            done = send(client, place, offset)
            assert (done.status_code, done.headers["repr-digest"]) == (204, DIGEST)
    finally:
        postgres.stop()
