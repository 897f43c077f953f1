"""Support gives findings a state and a note; they stand under the finding wherever it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete

from app.access import Role
from app.db.judgements import judgements_of
from app.db.models import FindingJudgement
from tests.people import sign_in
from tests.web.conftest import Site, axe_violations

CODE = "later-fragments-lost"
HOSTILE = "the <b>firewall</b> {{7*7}} did it"


@pytest.fixture(autouse=True)
def clean(site: Site) -> Iterator[None]:
    yield
    with site.sessions() as db, db.begin():
        db.execute(delete(FindingJudgement))


def test_a_finding_is_judged_on_a_terminals_page_and_told_on_the_case_page(
    site: Site, open_page: Callable[..., Any]
) -> None:
    page = open_page()
    page.goto(f"{site.url}/cases/{site.case}/terminals/t1")
    first = page.locator("article.finding").first
    code = first.locator("code").first.inner_text()
    first.get_by_text("Judge this finding").click()
    first.get_by_label("confirmed").check()
    first.get_by_label("Note").fill(HOSTILE)
    first.get_by_role("button", name="Save").click()
    page.locator(".judgement-note").first.wait_for()
    assert page.url.endswith("/terminals/t1#findings")
    assert page.locator(".judgement-note").first.inner_text() == HOSTILE
    assert axe_violations(page) == []
    page.goto(f"{site.url}/cases/{site.case}")
    same = page.locator("article.finding", has=page.locator("header code", has_text=code)).first
    if same.count():
        assert "confirmed" in same.locator(".judgement .chip").inner_text()
    with site.sessions() as db:
        (kept,) = judgements_of(db, site.case).values()
        assert (kept.code, kept.state, kept.note) == (code, "confirmed", HOSTILE)
        assert kept.author != ""


def test_a_later_judgement_replaces_the_earlier(site: Site) -> None:
    path = f"/cases/{site.case}/findings/{CODE}"
    with sign_in(site.app, Role.SUPPORT).client(site.url) as client:
        for state, note in (("confirmed", "one"), ("dismissed", "two")):
            answer = client.post(path, data={"state": state, "note": note})
            assert answer.status_code == 303
        assert client.post(f"/cases/{site.case}/findings/no-such", data={"state": "open"}).status_code == 404
        assert client.post(path, data={"state": "x"}).status_code == 422
    with site.sessions() as db:
        kept = judgements_of(db, site.case)
        assert [(one.code, one.state, one.note) for one in kept.values()] == [(CODE, "dismissed", "two")]


def test_operators_cannot_judge(site: Site) -> None:
    path = f"/cases/{site.case}/findings/{CODE}"
    with sign_in(site.app, Role.OPS).client(site.url) as client:
        assert client.post(path, data={"state": "open"}).status_code in (403, 404)


def test_the_api_judges_and_tells(site: Site) -> None:
    path = f"/api/v1/cases/{site.case}/findings"
    with sign_in(site.app, Role.SUPPORT).client(site.url) as client:
        answer = client.put(f"{path}/{CODE}", json={"state": "confirmed", "note": "seen"})
        assert (answer.status_code, answer.json()["state"]) == (200, "confirmed")
        told = client.get(path).json()["judgements"]
        assert [(one["code"], one["note"]) for one in told] == [(CODE, "seen")]
        assert client.put(f"{path}/no-such", json={"state": "open"}).status_code == 404
