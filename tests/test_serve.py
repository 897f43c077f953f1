"""`eadscope serve` as an operator meets it: started, opened, stopped, started again, started twice, killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import psycopg
import pytest
from psycopg import sql

from app.command_line import FOLLOW
from app.embedded import EmbeddedPostgres
from tests.conftest import LiveServer, _clean_environment, named, serving
from tests.people import SIGNED_IN

WAIT_S = 120


@pytest.fixture
def var(service_folder: Path) -> Path:
    return service_folder / uuid4().hex[:8] / "var"


def get(url: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=30, cookies=SIGNED_IN) as client:
        return client.get(url, headers={"accept": "text/html"})


def processes(var: Path) -> list[psutil.Process]:
    """Everything that runs on this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(var) in " ".join(process.cmdline()) or process.environ().get("EADSCOPE_VAR") == str(var):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


def left_behind(var: Path) -> list[psutil.Process]:
    """What still runs after the children of a killed parent had time to notice."""
    return psutil.wait_procs(processes(var), timeout=10)[1]


def test_it_prints_one_address_that_opens_the_example(live_server: LiveServer) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/open/[\w-]{43}", live_server.link)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/cases/\d+", live_server.start_page)
    assert get(live_server.start_page).status_code == 200
    assert get(f"{live_server.url}/healthz").json() == {"status": "ok"}
    assert get(f"{live_server.url}/readyz").json()["status"] == "ready"


def test_the_example_is_analysed(live_server: LiveServer) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if "later-fragments-lost" in get(live_server.start_page).text:
            return
        time.sleep(0.5)
    pytest.fail("no finding on the page of the example")


def test_a_name_that_points_to_us_from_elsewhere_is_refused(live_server: LiveServer) -> None:
    with httpx.Client(trust_env=False) as client:
        assert client.get(live_server.url, headers={"host": "evil.example"}).status_code == 400


def test_every_page_carries_the_strict_policy(live_server: LiveServer) -> None:
    for path in ("/", "/nowhere", "/healthz"):
        policy = get(live_server.url + path).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy


def test_an_unknown_page_is_said_in_the_readers_language(live_server: LiveServer) -> None:
    asked = {"accept": "text/html", "accept-language": "zh-CN"}
    with httpx.Client(trust_env=False) as client:
        client.cookies.update(SIGNED_IN)
        answer = client.get(f"{live_server.url}/nowhere", headers=asked)
    assert answer.status_code == 404
    assert "页面不存在" in answer.text


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_no_process_and_no_traceback(var: Path, how: signal.Signals) -> None:
    var.parent.mkdir(parents=True)
    starting = serving(var, EADSCOPE_EXAMPLE="false")
    with starting as server:
        assert len(processes(var)) >= 4
        server.process.send_signal(how)
        assert server.process.wait(60) == 0
    assert processes(var) == []
    assert starting.errors() == ""


def test_a_second_start_keeps_the_cases_and_loads_no_second_example(var: Path) -> None:
    var.parent.mkdir(parents=True)
    with serving(var) as first:
        page = first.start_page.split("/", 3)[3]
    with serving(var) as second:
        assert second.start_page.split("/", 3)[3] == page
        assert get(second.start_page).status_code == 200


def test_a_second_one_on_the_same_folder_says_so_and_leaves_the_first_alone(live_server: LiveServer) -> None:
    environment = {**_clean_environment(), "EADSCOPE_VAR": str(live_server.var)}
    command = [sys.executable, "-P", "-m", "app.cli", "serve"]
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert second.stderr.count("\n") == 1
    assert get(f"{live_server.url}/readyz").status_code == 200


def test_after_a_kill_it_starts_again_with_everything_in_place(var: Path) -> None:
    var.parent.mkdir(parents=True)
    with serving(var) as first:
        page = first.start_page.split("/", 3)[3]
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
    with serving(var) as second:
        assert get(f"{second.url}/{page}").status_code == 200
    assert left_behind(var) == []


@pytest.mark.parametrize("command", ["web", "worker"])
def test_a_part_whose_parent_died_while_it_was_loading_ends_by_itself(command: str) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    environment = {**_clean_environment(), "DATABASE_URL": nowhere, FOLLOW: str(gone.pid)}
    started = subprocess.run(
        [sys.executable, "-P", "-m", f"app.commands.{command}"], env=environment, timeout=WAIT_S, check=False
    )
    assert started.returncode == 0


def test_a_number_of_a_dead_server_that_is_now_another_process_is_not_believed(var: Path) -> None:
    """As after a power cut: the file of the database server names a process that is something else today."""
    var.parent.mkdir(parents=True)
    server = EmbeddedPostgres(var / "postgres")
    server.stop()
    (var / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{var / 'postgres'}\n1\n5432\n\n\n")
    again = EmbeddedPostgres(var / "postgres")
    assert again.is_running()
    again.stop()


def test_a_web_process_that_dies_is_started_again(var: Path) -> None:
    var.parent.mkdir(parents=True)
    with serving(var, EADSCOPE_EXAMPLE="false") as server:
        web = next(process for process in processes(var) if process.cmdline()[-1] == "app.commands.web")
        web.kill()
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            try:
                if get(f"{server.url}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        pytest.fail("the web process did not come back")


def test_it_works_on_a_server_that_database_url_names(var: Path, postgres_url: str) -> None:
    var.parent.mkdir(parents=True)
    name = f"named_{uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = named(postgres_url, name)
    with serving(var, DATABASE_URL=url, EADSCOPE_EXAMPLE="false") as server:
        assert get(f"{server.url}/readyz").json()["status"] == "ready"
        assert not (var / "postgres").exists()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM cases").fetchone() == (0,)


@pytest.mark.parametrize("command", ["web", "worker", "migrate"])
def test_a_part_alone_needs_a_database_and_says_so(command: str) -> None:
    started = subprocess.run(
        [sys.executable, "-P", "-m", "app.cli", command],
        env=_clean_environment(), capture_output=True, text=True, timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert started.returncode == 1
    assert "DATABASE_URL" in started.stderr
    assert "Traceback" not in started.stderr


def test_a_database_that_is_no_postgres_is_refused_in_one_line(var: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-P", "-m", "app.cli", "serve"],
        env={**_clean_environment(), "DATABASE_URL": "mysql://x", "EADSCOPE_VAR": str(var)},
        capture_output=True, text=True, timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert started.returncode == 1
    assert "postgresql://" in started.stderr
    assert "Traceback" not in started.stderr
