"""A request for a new case that is sent twice, since its answer was lost or a button was pressed again, makes one."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from app.access import Role
from app.db.models import Case
from tests.conftest import LiveServer
from tests.people import Person, sign_in
from tests.web.conftest import Site


@pytest.fixture
def person(site: Site) -> Person:
    return sign_in(site.app, Role.OPS, group="north")


def cases_named(site: Site, title: str) -> int:
    with site.app.state.sessions() as db:
        return int(db.scalar(select(func.count()).select_from(Case).where(Case.title == title)))


def ask(site: Site, person: Person, **said: object) -> int:
    with person.client(site.url) as client:
        return int(client.post("/cases", json=said).raise_for_status().json()["case"])


def test_the_same_key_leads_to_the_same_case(site: Site, person: Person) -> None:
    first = ask(site, person, title="once", key="k")
    assert ask(site, person, title="once", key="k") == first
    assert ask(site, person, title="once", key="another") != first


def test_two_at_the_same_time_make_one_case(site: Site, person: Person) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: ask(site, person, title="at once", key="both"), range(16)))
    assert len(made) == cases_named(site, "at once") == 1


def test_the_key_of_somebody_else_leads_nowhere(site: Site, person: Person) -> None:
    mine = ask(site, person, title="mine", key="guessed")
    other = sign_in(site.app, Role.OPS, group="south")
    assert ask(site, other, title="theirs", key="guessed") != mine


def test_a_form_that_is_sent_twice_makes_one_case(site: Site, person: Person) -> None:
    with person.client(site.url) as client:
        (key,) = re.findall(r'name="key" value="(\w+)"', client.get("/cases/new").text)
        places = {
            client.post("/cases", data={"title": "by form", "key": key}, files={"files": ("a.log", b"x\n")}).headers[
                "location"
            ]
            for _ in range(2)
        }
    assert len(places) == cases_named(site, "by form") == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"title": {}}', b'{"key": "' + b"k" * 300 + b'"}', b"\xff"])
def test_what_no_script_of_ours_sends_is_refused(site: Site, person: Person, body: bytes) -> None:
    with person.client(site.url) as client:
        answer = client.post("/cases", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_an_answer_that_is_lost_costs_no_second_case(live_server: LiveServer, browser: Any) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{live_server.url}/cases/new")
    answered: list[int] = []

    def lose_the_first(route: Any) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        answer = route.fetch()
        answered.append(answer.json()["case"])
        if len(answered) == 1:
            route.abort("connectionreset")
        else:
            route.fulfill(response=answer)

    page.route("**/cases", lose_the_first)
    page.locator("#files").set_input_files({"name": "a.log", "mimeType": "text/plain", "buffer": b"nothing\n"})
    page.locator("#analysis-progress, .verdict, table.sources").first.wait_for(timeout=60_000)
    assert len(answered) == 2 and len(set(answered)) == 1
    context.close()
