"""The container files: valid, careful, and their commands do what they say when run as plain processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import psycopg
import pytest
import yaml
from psycopg import sql

from app.config import ROOT
from app.serve import free_port
from tests.conftest import _clean_environment, named

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SCHEMA = json.loads((Path(__file__).parent / "vendor" / "compose-spec.json").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "web", "worker")
WAIT_S = 60


def test_the_compose_file_follows_the_specification() -> None:
    jsonschema.Draft201909Validator(SCHEMA).validate(COMPOSE)


def test_the_schema_would_refuse_a_mistake() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(SCHEMA).validate({"services": {"web": {"comand": "x"}}})


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_limits(service: str) -> None:
    assert set(SERVICES[service]["deploy"]["resources"]["limits"]) == {"cpus", "memory"}


@pytest.mark.parametrize("service", ["postgres", "web", "worker"])
def test_every_service_that_stays_has_a_health_check(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("service", OURS)
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
    assert mounted == {"database:/var/lib/postgresql", "files:/var/lib/eadscope"}


def test_no_password_is_written_down() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if "PASSWORD" in name or "URL" in name:
                assert "${POSTGRES_PASSWORD:?" in value


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


def test_the_commands_of_the_containers_work_together_as_processes(
    postgres_url: str, service_folder: Path, tmp_path: Path
) -> None:
    """The very commands and environments of the compose file, with the addresses of this machine."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier("composed")))
    port, alive = free_port("127.0.0.1", 0), tmp_path / "worker-alive"
    here = {
        "DATABASE_URL": named(postgres_url, "composed"),
        "EADSCOPE_VAR": str(service_folder / "composed"),
        "EADSCOPE_HOST": "127.0.0.1",
        "EADSCOPE_PORT": str(port),
        "EADSCOPE_ALIVE_FILE": str(alive),
    }

    def started(service: str) -> subprocess.Popen[bytes]:
        described = SERVICES[service]
        said = {name: here.get(name, value) for name, value in described["environment"].items()}
        environment = {**_clean_environment(), "EADSCOPE_VAR": here["EADSCOPE_VAR"], **said}
        return subprocess.Popen([sys.executable, "-P", "-m", "app.cli", *described["command"]], env=environment)

    def is_healthy(service: str) -> bool:
        code = SERVICES[service]["healthcheck"]["test"][-1]
        code = code.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("/tmp/worker-alive", str(alive))
        environment = {**os.environ, "no_proxy": "127.0.0.1"}
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True).returncode == 0

    assert started("migrate").wait(WAIT_S) == 0
    running = [started("web"), started("worker")]
    try:
        deadline = time.monotonic() + WAIT_S
        while not (is_healthy("web") and is_healthy("worker")):
            assert time.monotonic() < deadline, "not healthy in time"
            assert all(process.poll() is None for process in running)
            time.sleep(0.2)
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"http://127.0.0.1:{port}/cases").status_code == 200
    finally:
        for process in running:
            process.terminate()
        # uvicorn ends by the signal itself, once it has finished its requests.
        assert {process.wait(WAIT_S) for process in running} <= {0, -signal.SIGTERM}
