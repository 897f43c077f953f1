"""A site for the tests of pages: the real application on a real database, with cases made by hand."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db.models import Case
from app.db.save import save_analysis
from app.main import create_app
from app.storage import FolderStorage
from tests.people import SIGNED_IN, sign_in
from tests.web.sample_case import files, sample_analysis

HOSTILE_USER = "<script>alert(1)</script>{{7*7}}\u202egnp.exe"
HOSTILE_FILE = '<img src=x onerror=alert(1)>/{{7*7}}"\u202etxt.log'
AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js"


@dataclass(frozen=True, slots=True)
class Site:
    """`case` has 14 terminals (t1 failed, t3 passed), `hostile` has names that bite, `bare` no analysis yet."""

    url: str
    case: int
    hostile: int
    bare: int
    sessions: sessionmaker[Session]
    var: Path
    app: FastAPI
    client: httpx.Client  # an administrator's


def add_case(sessions: sessionmaker[Session], storage: FolderStorage, title: str, users: int, **names: str) -> int:
    with sessions() as db, db.begin():
        case = Case(title=title)
        db.add(case)
        db.flush()
        save_analysis(db, case.id, sample_analysis(users, **names))
        for content in files(users).values():
            storage.put([content])
        return case.id


@pytest.fixture(scope="module")
def site(
    database_url: str, sessions: sessionmaker[Session], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    var = tmp_path_factory.mktemp("site")
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = create_app(Settings(DATABASE_URL=database_url, var=var, port=port))  # type: ignore[call-arg]
    storage = app.state.storage
    case = add_case(sessions, storage, "Building 7, ticket 4711", 14)
    hostile = add_case(sessions, storage, HOSTILE_USER, 3, user=HOSTILE_USER + " {n:02d}", file_name=HOSTILE_FILE)
    with sessions() as db, db.begin():
        db.add(empty := Case(title="empty"))
        db.flush()
        bare = empty.id
    person, url = sign_in(app), f"http://127.0.0.1:{port}"
    SIGNED_IN.update(person.cookies)
    with listener, person.client(url) as client:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield Site(url, case, hostile, bare, sessions, var, app, client)
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def storage(site: Site) -> FolderStorage:
    return FolderStorage(site.var / "storage")


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages in fresh profiles and fails the test if a page said anything on its console."""
    contexts, complaints = [], []

    def opened(**options: Any) -> Any:
        chosen = {
            "locale": "en-GB",
            "timezone_id": "Asia/Shanghai",
            "viewport": {"width": 1280, "height": 900},
            **options,
        }
        context = browser.new_context(**chosen)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def wait_until(page: Any, expression: str, seconds: float = 15) -> None:
    """Wait until a script expression is true. (The page's policy forbids the eval that `wait_for_function` needs.)"""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(50)


def axe_violations(page: Any) -> list[str]:
    """What axe-core finds on the page as it stands, by WCAG 2.2 A and AA and its best practices."""
    page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
    return [f"{item['id']}: {[node['target'] for node in item['nodes']][:3]}" for item in found["violations"]]
