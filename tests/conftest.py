"""What tests of the service share: a real PostgreSQL, the running product, and a real browser.

Clients and browsers come signed in as an administrator: `site.client`, `api.client`, `live_server.person.client(url)`,
`browser`, `page` and `open_page`. For another role, another group, a token or nobody, see `tests.people`.
A new route is closed until `app.access.ROUTES` has a line for it; `tests/web/test_guard.py` walks them all.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from sqlalchemy.orm import Session, sessionmaker

from app.config import ROOT
from app.db.migrate import migrate
from app.db.session import make_engine, make_sessions
from app.embedded import EmbeddedPostgres
from tests.people import SIGNED_IN, Person, SignedInBrowser, open_link
from tests.s3_server import S3Server

# A test says what is right, not how long it takes: what is slow is measured by `bench/`.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SERVE_S = 120
# Chromium as root in a container, talking to nobody but us.
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def service_folder() -> Iterator[Path]:
    """A folder that a server's own account can enter: pytest keeps its own closed to everybody but us."""
    with tempfile.TemporaryDirectory(prefix="eadscope-test-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def postgres(service_folder: Path) -> Iterator[EmbeddedPostgres]:
    """One server for this test process."""
    server = EmbeddedPostgres(service_folder / "postgres")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres: EmbeddedPostgres) -> str:
    """The server's own database: for making others, not for tables."""
    return postgres.url


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """The name of a database at the newest revision; copying it is faster than migrating each time."""
    name = "migrated_template"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(named(postgres_url, name))
    return name


@pytest.fixture(scope="module")
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """An empty database at the newest revision, for the tests of one module."""
    name = f"test_{uuid4().hex[:12]}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(migrated_template))
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(create)
        yield named(postgres_url, name)
        connection.execute(drop)


@pytest.fixture(scope="session")
def s3_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An object store. Whoever stops it starts it again."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session whose work is undone after the test, unless the test commits."""
    with sessions() as opened:
        yield opened
        opened.rollback()


def named(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{database}?{query}"


@dataclass(frozen=True, slots=True)
class LiveServer:
    """The product as `eadscope serve` starts it: own folder, own PostgreSQL, web and worker processes."""

    url: str  # without a slash at the end
    start_page: str  # where the address that it told the operator leads to
    link: str  # that address: signs in once
    person: Person  # whom it signed in
    var: Path
    process: subprocess.Popen[str]


@pytest.fixture(scope="session")
def live_server(service_folder: Path) -> Iterator[LiveServer]:
    """Runs for the whole session, with the example case in it; tests make cases of their own."""
    with serving(service_folder / "live") as server:
        yield server


class serving:  # noqa: N801  # used as `with serving(folder) as server`
    """Start the product on `var` and wait for its one line; stop it as Ctrl-C does."""

    def __init__(self, var: Path, **environment: str) -> None:
        self.var = var
        self.environment = {**_clean_environment(), "EADSCOPE_VAR": str(var), "EADSCOPE_PORT": "0", **environment}

    def __enter__(self) -> LiveServer:
        with (self.var.parent / f"{self.var.name}.stderr").open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.cli", "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        timer = threading.Timer(SERVE_S, self.process.kill)
        timer.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        timer.cancel()
        if not line.startswith("EADScope: "):
            self.process.wait()
            pytest.fail(f"serve printed {line!r}; standard error:\n{self.errors()}")
        link = line.removeprefix("EADScope: ").strip()
        try:
            person, start_page = open_link(link)
        except BaseException:
            self.__exit__()
            raise
        SIGNED_IN.update(person.cookies)
        url = "/".join(start_page.split("/")[:3])
        return LiveServer(url, start_page, link, person, self.var, self.process)

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def errors(self) -> str:
        return (self.var.parent / f"{self.var.name}.stderr").read_text()


def _clean_environment() -> dict[str, str]:
    """Ours, without what an operator may have set for the product."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EADSCOPE_")}
    kept.pop("DATABASE_URL", None)
    return {**kept, "PYTHONPATH": str(ROOT)}


# Not for the whole session: its driver keeps an event loop in the thread, where other modules want their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """The system's Chromium, headless; profiles are signed in."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
    if found is None:
        pytest.fail("no Chromium; `make setup-test` installs it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=list(CHROMIUM_ARGUMENTS))
        yield SignedInBrowser(chromium)
        chromium.close()


@pytest.fixture
def page(browser: object) -> Iterator[object]:
    """A page in a fresh profile; English unless the test asks for another language."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 1000})  # type: ignore[attr-defined]
    yield context.new_page()
    context.close()
