"""Everything on one machine, by one command: database, web and worker as children, one address to open.

The order of stopping is the reverse of starting, so that nobody loses the database under a running request.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import psycopg

from app.accounts.start import ADDRESS, check_before_start, check_secret, one_time_link
from app.command_line import FOLLOW
from app.config import ROOT, Settings
from app.core.records import Text
from app.db.revision import example_case, is_current, is_sealed
from app.db.url import libpq_url
from app.embedded import EmbeddedPostgres
from app.errors import AppError, Conflict, Unavailable

READY_S = 60
STOP_S = 15
PORTS_TO_TRY = 50
# A child that dies is started again, after a pause that keeps a broken one from spinning.
RESTART_PAUSE_S = 1.0


class Stopped(Exception):
    """Somebody asked us to end: Ctrl-C or SIGTERM."""


def serve(options: Settings) -> None:
    """Run until Ctrl-C or SIGTERM. Raises AppError where it cannot start."""
    check_secret(options)
    options.var.mkdir(parents=True, exist_ok=True)
    with _alone(options.var), _signals_as_exception():
        try:
            with _database(options) as (url, postgres):
                _serve_on(options, url, postgres)
        except Stopped:
            # A second Ctrl-C while we stop changes nothing: everything is being stopped as fast as it can be.
            pass


def _serve_on(options: Settings, url: str, postgres: EmbeddedPostgres | None) -> None:
    if not options.is_loopback:
        # Nobody may find an open door in the meantime.
        _bring_up_to_date(url)
        check_before_start(options, url)
    port = free_port(options.host, options.port)
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "EADSCOPE_VAR": str(options.var.resolve()),
        "EADSCOPE_HOST": options.host,
        "EADSCOPE_PORT": str(port),
        FOLLOW: str(os.getpid()),
        "PYTHONPATH": str(ROOT),  # wherever we were started
    }
    web = Child("web", environment)
    children = [web, *(Child("worker", environment) for _ in range(options.workers))]
    try:
        web.start()  # it says that it is not ready until the database is
        _bring_up_to_date(url)
        for worker in children[1:]:
            worker.start()
        case_id = _example(options, url) if options.example else None
        base = f"http://{_shown_host(options.host)}:{port}"
        _wait_until_ready(f"{base}/readyz", web)
        target = f"/cases/{case_id}" if case_id is not None else "/cases"
        (options.var / ADDRESS).write_text(base)
        # Whoever reads this line sits at the machine, and is let in by it.
        start = one_time_link(options, url, base, target) if options.is_loopback else base + target
        print(f"EADScope: {start}", flush=True)
        while True:
            time.sleep(RESTART_PAUSE_S)
            if postgres is not None and not postgres.is_running():
                print("eadscope: the database ended; it is started again", file=sys.stderr)
                postgres.revive()
            for child in children:
                child.restart_if_dead()
    finally:
        (options.var / ADDRESS).unlink(missing_ok=True)
        _stop_all(children)


def _bring_up_to_date(url: str) -> None:
    with _connect(url) as connection:
        if is_current(connection):
            return
    from app.db.migrate import migrate  # takes a second to load, and is needed once

    migrate(url)


def _prepare(postgres: EmbeddedPostgres) -> None:
    """Our own server's superuser makes the application's role, and gives the audit trail to another one."""
    with _connect(postgres.url) as connection:
        if is_current(connection) and is_sealed(connection):
            return
    from app.db.migrate import migrate

    migrate(postgres.application_url, owner_url=postgres.url)


def _example(options: Settings, url: str) -> int | None:
    """The number of the example case; None where it was deleted."""
    with _connect(url) as connection:
        is_loaded, case_id = example_case(connection)
    if is_loaded:
        return case_id
    from app.example import load_example

    return load_example(options, url)


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(libpq_url(url), connect_timeout=10)
    except psycopg.OperationalError as error:
        reason = str(error).strip().replace("\n", " ")
        raise Unavailable(Text(f"The database does not answer: {reason}", f"数据库没有响应：{reason}")) from error


@dataclass(slots=True)
class Child:
    """One of our own commands as a process, in a session of its own: Ctrl-C reaches us only, and we stop it in turn."""

    command: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"app.commands.{self.command}"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def restart_if_dead(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            print(f"eadscope: the {self.command} process ended ({self.process.returncode}); it is started again",
                  file=sys.stderr)  # fmt: skip
            self.start()


def _stop_all(children: list[Child]) -> None:
    """Ask all at once, then wait for each; whoever does not listen is killed."""
    processes = [child.process for child in children if child.process is not None]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_S
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _database(options: Settings) -> Iterator[tuple[str, EmbeddedPostgres | None]]:
    """The URL of the database: the operator's, or of our own server (the second), which stops afterwards."""
    if options.database_url is not None:
        yield options.database_url, None
        return
    postgres = EmbeddedPostgres(options.var / "postgres")
    try:
        _prepare(postgres)
        yield postgres.application_url, postgres
    finally:
        postgres.stop()


@contextmanager
def reached_database(options: Settings) -> Iterator[str]:
    """The URL of the database, up to date, for a command that runs beside `serve` or instead of it."""
    if options.database_url is not None:
        _bring_up_to_date(options.database_url)
        yield options.database_url
        return
    options.var.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(options.var), _database(options) as (url, _postgres):
            _bring_up_to_date(url)
            yield url
    except Conflict:
        # `serve` runs, and its database with it.
        yield EmbeddedPostgres(options.var / "postgres").application_url


@contextmanager
def _alone(var: Path) -> Iterator[None]:
    """Hold the lock of this folder. The system drops it with the process, so a crash leaves none behind."""
    with (var / "serve.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            pid = file.read().strip() or "?"
            raise Conflict(
                Text(
                    f"EADScope already runs on {var} (process {pid}); stop it, or set EADSCOPE_VAR to another folder.",
                    f"EADScope 已在 {var} 上运行（进程 {pid}）；请先停止它，或用 EADSCOPE_VAR 指定其他目录。",
                )
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def _signals_as_exception() -> Iterator[None]:
    """SIGINT and SIGTERM raise Stopped once; while things are being stopped, further ones are ignored."""

    def stop(_number: int, _frame: object) -> None:
        for number in handled:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def free_port(host: str, wanted: int) -> int:
    """`wanted`, or the next port that nobody listens on; any free one for 0."""
    for port in range(wanted, wanted + PORTS_TO_TRY) if wanted else (0,):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            taken: int = probe.getsockname()[1]
            return taken
    raise Unavailable(
        Text(
            f"No free port from {wanted} on {host}; name one by EADSCOPE_PORT.",
            f"{host} 上从 {wanted} 起没有空闲端口；请用 EADSCOPE_PORT 指定。",
        )
    )


def _shown_host(host: str) -> str:
    """An address that a browser on this machine can open."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"[{shown}]" if ":" in shown and not shown.startswith("[") else shown


def _wait_until_ready(url: str, web: Child) -> None:
    # Our own address: no proxy that the environment names may come between.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            with opener.open(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
        if web.process is not None and web.process.poll() is not None:
            break
    raise _not_ready(url)


def _not_ready(url: str) -> AppError:
    return Unavailable(Text(f"The web process does not answer at {url}.", f"Web 进程在 {url} 没有响应。"))
