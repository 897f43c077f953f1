"""A case that was made for an upload goes when that is canceled, unless something has come of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import select, text, update

from app.access import Role
from app.accounts.audit import list_entries
from app.db import bundle_queries
from app.db.models import Analysis, Bundle, Case, PartialUpload
from tests.people import Person, sign_in
from tests.web.conftest import Site

HALF = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": "path eA=="}


@pytest.fixture
def person(site: Site) -> Person:
    return sign_in(site.app, Role.OPS, group="north")


def begin(site: Site, person: Person) -> dict[str, object]:
    with person.client(site.url) as client:
        answer = client.post("/cases", json={"title": "new"})
        assert answer.status_code == 201
        goal: dict[str, object] = answer.json()
        return goal


def cancel(site: Site, person: Person, goal: dict[str, object]) -> int:
    """The status of the case afterwards."""
    with person.client(site.url) as client:
        assert client.post(str(goal["cancel_url"])).status_code == 204
        return client.get(f"/api/v1/cases/{goal['case']}").status_code


def test_an_empty_case_goes_and_the_trail_says_so(site: Site, person: Person) -> None:
    goal = begin(site, person)
    assert cancel(site, person, goal) == 404
    with site.sessions() as db:
        entry = next(entry for entry in list_entries(db) if entry.case_id == goal["case"] and entry.action == "deleted")
    assert (entry.actor, entry.subject) == (person.name, f"POST /cases/{goal['case']}/cancel")


def test_what_had_begun_to_arrive_goes_with_it(site: Site, person: Person) -> None:
    goal = begin(site, person)
    with person.client(site.url) as client:
        place = client.post(str(goal["uploads_url"]), headers=HALF).headers["location"]
        assert cancel(site, person, goal) == 404
        assert client.head(place).status_code == 404
    with site.sessions() as db:
        assert db.get(PartialUpload, place.rpartition("/")[2]) is None


def arrived(site: Site, owner: Person, case: int) -> None:
    with owner.client(site.url) as client:
        client.put(f"/api/v1/cases/{case}/files", params={"path": "x.log"}, content=b"text").raise_for_status()


def arriving_from_a_colleague(site: Site, _owner: Person, case: int) -> None:
    with sign_in(site.app, Role.OPS, group="north").client(site.url) as client:
        assert client.post(f"/api/v1/cases/{case}/uploads", headers=HALF).status_code == 201


def noted(site: Site, _owner: Person, case: int) -> None:
    with site.sessions() as db, db.begin():
        db.execute(update(Case).where(Case.id == case).values(note="see ticket 4711"))


def held(site: Site, _owner: Person, case: int) -> None:
    with site.sessions() as db, db.begin():
        db.execute(update(Case).where(Case.id == case).values(hold_reason="lawyers"))


def analysed(site: Site, _owner: Person, case: int) -> None:
    with site.sessions() as db, db.begin():
        db.add(Analysis(case_id=case))


@pytest.mark.parametrize("happened", [arrived, arriving_from_a_colleague, noted, held, analysed])
def test_a_case_that_something_has_come_of_stays(
    site: Site, person: Person, happened: Callable[[Site, Person, int], None]
) -> None:
    goal = begin(site, person)
    happened(site, person, int(str(goal["case"])))
    assert cancel(site, person, goal) == 200


def test_nobody_else_can_cancel_it(site: Site, person: Person) -> None:
    goal = begin(site, person)
    assert cancel(site, sign_in(site.app, Role.OPS, group="north"), goal) == 200
    assert cancel(site, sign_in(site.app, Role.ADMIN), goal) == 200
    with sign_in(site.app, Role.OPS, group="south").client(site.url) as client:
        assert client.post(str(goal["cancel_url"])).status_code == 404
    with httpx.Client(base_url=site.url, cookies=person.cookies, trust_env=False) as client:  # without its token
        assert client.post(str(goal["cancel_url"])).status_code == 403
    assert cancel(site, person, goal) == 404


def test_more_files_for_a_case_that_exists_cannot_take_it_away(site: Site, person: Person) -> None:
    goal = begin(site, person)
    with person.client(site.url) as client:
        assert "cancel_url" not in client.post(f"/cases/{goal['case']}/bundles", json={}).json()


def test_a_file_that_becomes_whole_meanwhile_keeps_its_case(site: Site, person: Person) -> None:
    """The cancellation waits for the transaction that makes it whole."""
    goal = begin(site, person)
    with person.client(site.url) as client:
        place = client.post(str(goal["uploads_url"]), headers=HALF).headers["location"]
    with ThreadPoolExecutor(1) as other:
        with site.sessions() as db, db.begin():
            db.get(PartialUpload, place.rpartition("/")[2], with_for_update=True)
            canceled = other.submit(cancel, site, person, goal)
            wait_for_a_lock(site)
            bundle = db.scalars(select(Bundle.id).where(Bundle.case_id == goal["case"])).one()
            bundle_queries.add_upload(db, bundle, "x", "ab" * 32, 5)
        assert canceled.result(60) == 200


def wait_for_a_lock(site: Site) -> None:
    """Until another transaction of this database waits for a row."""
    waiting = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    end = time.monotonic() + 30
    with site.sessions() as db:
        while db.scalar(waiting) is None:
            assert time.monotonic() < end, "nobody waits"
            db.rollback()
            time.sleep(0.02)
