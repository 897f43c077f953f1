"""The container files: valid, careful, and their commands do what they say when run as plain processes."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import psycopg
import pytest
import yaml
from psycopg import sql

from app.config import ROOT
from app.demo import write_bundle
from app.serve import free_port
from tests.conftest import _clean_environment, named
from tests.s3_server import S3Server

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SCHEMA = json.loads((Path(__file__).parent / "vendor" / "compose-spec.json").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "web", "worker")
WAIT_S = 60
PASSWORDS = {"POSTGRES_PASSWORD": "0123456789abcdef", "DATABASE_PASSWORD": "fedcba9876543210"}


def test_the_compose_file_follows_the_specification() -> None:
    jsonschema.Draft201909Validator(SCHEMA).validate(COMPOSE)


def test_the_schema_would_refuse_a_mistake() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(SCHEMA).validate({"services": {"web": {"comand": "x"}}})


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_limits(service: str) -> None:
    assert set(SERVICES[service]["deploy"]["resources"]["limits"]) == {"cpus", "memory"}


@pytest.mark.parametrize("service", ["postgres", "web", "worker", "nginx"])
def test_every_service_that_stays_has_a_health_check(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("service", (*OURS, "nginx"))
def test_our_containers_can_do_no_more_than_they_need(service: str) -> None:
    described = SERVICES[service]
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]


def test_nothing_starts_before_the_migrations_are_done() -> None:
    for service in ("web", "worker"):
        assert SERVICES[service]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_what_must_stay_lies_in_volumes() -> None:
    assert set(COMPOSE["volumes"]) == {"database", "files"}
    mounted = {volume for service in SERVICES.values() for volume in service["volumes"]}
    assert mounted == {
        "database:/var/lib/postgresql", "files:/var/lib/eadscope", "./deploy/nginx.conf:/etc/nginx/nginx.conf:ro",
    }  # fmt: skip


def test_no_password_is_written_down() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or name == "EADSCOPE_OWNER_URL":
                assert "${POSTGRES_PASSWORD:?" in value
            if name == "DATABASE_URL":
                assert "${DATABASE_PASSWORD:?" in value
            if "KEY" in name or "SECRET" in name or name == "STORAGE_URL":
                assert value.startswith("${")


def test_the_superusers_password_reaches_nobody_but_migrate() -> None:
    told = {name for name, service in SERVICES.items() if "POSTGRES_PASSWORD" in json.dumps(service)}
    assert told == {"postgres", "migrate"}


def test_only_this_machine_can_reach_the_published_port() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_runs_as_nobody_special() -> None:
    users = [line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("USER ")]
    assert users == ["10001:10001"]


def test_the_image_has_everything_that_the_product_reads() -> None:
    copied = {line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line}
    assert {"app", "locales", "migrations", "static", "templates", "LICENSE", "requirements/run.txt"} <= copied
    assert all((ROOT / path).exists() for path in copied)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {f"!{path.split('/')[0]}" for path in copied} <= set(ignored)


def test_web_processes_are_reached_through_nginx_alone() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert SERVICES["web"]["deploy"]["replicas"] > 1


class Composed:
    """The commands, environments and roles of the compose file, as processes, with the addresses of this machine."""

    def __init__(self, folder: Path, owner_url: str, **environment: str) -> None:
        secret = "a secret that all processes share"
        self.folder = folder
        self.owner_url = owner_url
        self.database_url = self.on_this_server(SERVICES["web"]["environment"]["DATABASE_URL"])
        self.environment = {"DATABASE_URL": self.database_url, "EADSCOPE_SECRET": secret, **environment}
        self.ports: list[int] = []
        self.web: list[subprocess.Popen[bytes]] = []
        self.running: list[subprocess.Popen[bytes]] = []
        self.alive = folder / "worker-alive"

    def on_this_server(self, url: str) -> str:
        """An address of the compose file, with its role and password."""
        role, password = re.fullmatch(r"postgresql://(\w+):\$\{(\w+):\?[^}]+\}@postgres/eadscope", url).groups()  # type: ignore[union-attr]
        return self.owner_url.replace("postgres@", f"{role}:{PASSWORDS[password]}@")

    def start(self, service: str, var: str = "files") -> subprocess.Popen[bytes]:
        port = free_port("127.0.0.1", 0)
        here = {
            **self.environment, "EADSCOPE_VAR": str(self.folder / var), "EADSCOPE_HOST": "127.0.0.1",
            "EADSCOPE_PORT": str(port), "EADSCOPE_ALIVE_FILE": str(self.alive),
            "EADSCOPE_OWNER_URL": self.on_this_server(SERVICES["migrate"]["environment"]["EADSCOPE_OWNER_URL"]),
        }  # fmt: skip
        described = SERVICES[service]
        said = {name: here.get(name, "" if "${" in str(value) else value)
                for name, value in described["environment"].items()}  # fmt: skip
        environment = {**_clean_environment(), **said, "EADSCOPE_VAR": here["EADSCOPE_VAR"]}
        process = subprocess.Popen([sys.executable, "-P", "-m", "app.cli", *described["command"]], env=environment)
        self.running.append(process)
        if service == "web":
            self.ports.append(port)
            self.web.append(process)
        return process

    def sign_in(self) -> dict[str, str]:
        """The header of a token, made by an administrator on the command line."""
        environment = {**_clean_environment(), **self.environment, "EADSCOPE_VAR": str(self.folder / "files")}

        def admin(*arguments: str) -> str:
            command = [sys.executable, "-P", "-m", "app.cli", "admin", *arguments]
            done = subprocess.run(
                command, env=environment, input="correct horse battery\n", capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        admin("create-user", "anna", "--role", "admin")
        scopes = [word for scope in ("read", "upload") for word in ("--scope", scope)]
        return {"Authorization": f"Bearer {admin('token', 'anna', '--name', 'tickets', *scopes)}"}

    def start_nginx(self) -> str:
        """With its real configuration, but for the addresses."""
        port = free_port("127.0.0.1", 0)
        servers = "".join(f"server 127.0.0.1:{web} max_fails=2 fail_timeout=5s; " for web in self.ports)
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        for here, there in (
            ("server web:8000 max_fails=2 fail_timeout=5s;", servers), ("listen 8080;", f"listen 127.0.0.1:{port};"),
            (" /tmp/", f" {self.folder}/nginx-"),
        ):  # fmt: skip
            assert here in text
            text = text.replace(here, there)
        (self.folder / "nginx.conf").write_text(text)
        # As root its own workers would give up their rights, and with them the folder of the test.
        more = "daemon off; user root;" if os.getuid() == 0 else "daemon off;"
        command = ["nginx", "-c", str(self.folder / "nginx.conf"), "-g", more]
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        checked = subprocess.run([*command, "-t"], env=environment, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        self.running.append(subprocess.Popen(command, env=environment))
        return f"http://127.0.0.1:{port}"

    def is_healthy(self, service: str, port: int = 0) -> bool:
        code = SERVICES[service]["healthcheck"]["test"][-1]
        code = code.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("/tmp/worker-alive", str(self.alive))
        environment = {**os.environ, "no_proxy": "127.0.0.1"}
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True).returncode == 0

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while not all(self.is_healthy("web", port) for port in self.ports) or not self.is_healthy("worker"):
            assert time.monotonic() < deadline, "not healthy in time"
            assert all(process.poll() is None for process in self.running)
            time.sleep(0.2)

    def stop(self) -> set[int]:
        for process in self.running:
            process.terminate()
        return {process.wait(WAIT_S) for process in self.running}


@pytest.fixture
def composed(
    request: pytest.FixtureRequest, postgres_url: str, service_folder: Path
) -> Iterator[Callable[..., Composed]]:
    made: list[Composed] = []

    def compose(name: str, **environment: str) -> Composed:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        (service_folder / name).mkdir()
        made.append(Composed(service_folder / name, named(postgres_url, name), **environment))
        assert made[-1].start("migrate").wait(WAIT_S) == 0
        made[-1].running.clear()
        return made[-1]

    yield compose
    for one in made:
        one.stop()


def check_the_trail_is_out_of_reach(here: Composed) -> None:
    """For whoever gets hold of the address that web and workers have."""
    with psycopg.connect(here.owner_url) as owner:
        hashed = owner.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'eadscope' AND NOT rolsuper"
        ).fetchone()
        assert hashed is not None and str(hashed[0]).startswith("SCRAM-SHA-256$")
    with psycopg.connect(here.database_url, autocommit=True) as application:
        kept = application.execute("SELECT * FROM audit.entries ORDER BY id").fetchall()
        assert ("made an account", "anna admin") in [(entry[3], entry[5]) for entry in kept]
        for statement in (
            b"UPDATE audit.entries SET actor = 'nobody'", b"DELETE FROM audit.entries", b"TRUNCATE audit.entries",
            b"ALTER TABLE audit.entries DISABLE TRIGGER ALL", b"DROP SCHEMA audit CASCADE", b"SET ROLE postgres",
            b"INSERT INTO audit.entries (actor, action) VALUES ('anna', 'saw')",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(statement)
        assert application.execute("SELECT * FROM audit.entries ORDER BY id").fetchall() == kept


def tus(client: httpx.Client, case: int, content: bytes) -> str:
    """Begin an upload; its address."""
    named = "path " + base64.b64encode(b"client.pcap").decode()
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(content)), "Upload-Metadata": named}
    answer = client.post(f"/api/v1/cases/{case}/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def raw_get(url: str, path: str) -> bytes:
    """With the path as it stands: clients tidy it."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def send(client: httpx.Client, place: str, offset: int, content: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return client.patch(place, headers=headers, content=content)


def test_the_commands_of_the_containers_work_together_behind_nginx(composed: Callable[..., Composed]) -> None:
    """Two web processes and a worker: an upload goes on in the one when the other is killed."""
    here = composed("composed")
    for service in ("web", "web", "worker"):
        here.start(service)
    here.wait_until_healthy()
    url = here.start_nginx()
    content = random.Random(7).randbytes(3_000_000)
    retrying = httpx.HTTPTransport(retries=10)
    with httpx.Client(base_url=url, trust_env=False, timeout=30, transport=retrying, headers=here.sign_in()) as client:
        assert client.get("/nginx-healthz").status_code == 204
        assert client.get("/cases").status_code == 200
        assert b"eadscope_queue" in httpx.get(f"http://127.0.0.1:{here.ports[0]}/metrics", trust_env=False).content
        for path in ("/metrics", "//metrics", "/%6detrics", "/metrics?x=1", "/./metrics"):
            assert raw_get(url, path).startswith(b"HTTP/1.1 404"), path
        assert "gzip" in client.get("/static/base.css").headers.get("content-encoding", "")
        case = client.post("/api/v1/cases", json={"title": "composed"}).json()["id"]
        place = tus(client, case, content)
        assert send(client, place, 0, content[:1_000_000]).status_code == 204
        here.web[0].kill()
        here.web[0].wait()
        here.running.remove(here.web[0])
        assert client.head(place).headers["upload-offset"] == "1000000"
        last = send(client, place, 1_000_000, content[1_000_000:])
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert (last.status_code, last.headers["repr-digest"]) == (204, f"sha-256=:{digest}:")
        assert client.get("/cases").status_code == 200
    check_the_trail_is_out_of_reach(here)
    # uvicorn ends by the signal itself, once it has finished its requests.
    assert here.stop() <= {0, -signal.SIGTERM}


def test_two_machines_share_nothing_but_the_database_and_an_object_store(
    composed: Callable[..., Composed], s3_process: S3Server, tmp_path: Path
) -> None:
    """Each process has a folder of its own. What one takes in the other goes on with, and the worker analyses."""
    store = s3_process.environment | {"STORAGE_URL": s3_process.url.replace("/files?", "/machines?")}
    here = composed("machines", **store)
    here.start("web", "first")
    here.start("web", "second")
    here.start("worker", "third")
    here.wait_until_healthy()
    write_bundle("article", tmp_path / "article")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(path for path in (tmp_path / "article").rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(tmp_path).as_posix())
    content = packed.getvalue()
    urls = [f"http://127.0.0.1:{port}" for port in here.ports]
    token = here.sign_in()
    with (
        httpx.Client(base_url=urls[0], trust_env=False, timeout=60, headers=token) as first,
        httpx.Client(base_url=urls[1], trust_env=False, timeout=60, headers=token) as second,
    ):
        case = first.post("/api/v1/cases", json={"title": "machines"}).json()["id"]
        place = tus(first, case, content)
        assert send(first, place, 0, content[:5000]).status_code == 204
        assert second.head(place).headers["upload-offset"] == "5000"
        assert send(second, place, 5000, content[5000:]).status_code == 204
        assert first.post(f"/api/v1/cases/{case}/analysis").status_code == 202
        deadline = time.monotonic() + 120
        while (state := first.get(f"/api/v1/cases/{case}/analysis?wait=20").json()["state"]) in ("queued", "running"):
            assert time.monotonic() < deadline
        assert state == "done"
        assert first.get(f"/api/v1/cases/{case}/verdict").json()["terminals"]
        # The store is away: both say so, and come back by themselves.
        s3_process.stop()
        try:
            away = second.get("/readyz")
            assert (away.status_code, list(away.json())) == (503, ["status", "storage"])
            refused = send(second, tus(second, case, content), 0, content)
            assert refused.status_code == 503 and "storage" in refused.json()["detail"]
        finally:
            s3_process.start()
        assert second.get("/readyz").status_code == 200
