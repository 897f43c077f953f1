"""Signing in and out, and what an account can do for itself, over HTTP and in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, update

from app.access import Role
from app.accounts.audit import list_entries
from app.accounts.entry import add_login_link
from app.accounts.people import add_user, local_admin
from app.accounts.secret import Keyring
from app.db.accounts import FailedLogin, LoginLink, ShareLink, User, WebSession
from app.web.guard import cookie_name
from tests.people import bearer, sign_in
from tests.web.conftest import Site, axe_violations

PASSWORD = "correct horse battery"
PAGE = {"accept": "text/html", "accept-language": "en"}


def person(site: Site, role: Role = Role.OPS, group: str | None = None) -> str:
    name = f"p{uuid4().hex[:8]}"
    with site.sessions() as db, db.begin():
        add_user(db, name, role, PASSWORD, group)
    return name


def stranger(site: Site) -> httpx.Client:
    return httpx.Client(base_url=site.url, trust_env=False, timeout=60, headers=PAGE)


def log_in(client: httpx.Client, name: str, password: str, to: str = "/cases") -> httpx.Response:
    token = re.search(r'name="before" value="(\w+)"', client.get("/login").text)
    assert token is not None
    return client.post("/login", data={"name": name, "password": password, "before": token[1], "to": to})


def session_of(site: Site, client: httpx.Client) -> str | None:
    return client.cookies.get(cookie_name(site.app.state.settings))


def link(site: Site, target: str = "/cases") -> str:
    with site.sessions() as db, db.begin():
        return add_login_link(db, site.app.state.keys, local_admin(db), target)


def test_a_page_that_nobody_may_see_leads_to_signing_in_and_back(site: Site) -> None:
    name = person(site, Role.SUPPORT)
    with stranger(site) as client:
        answer = client.get(f"/cases/{site.case}?outcome=failed")
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/login?to=%2Fcases%2F{site.case}%3Foutcome%3Dfailed"
        answer = log_in(client, name, PASSWORD, f"/cases/{site.case}?outcome=failed")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{site.case}?outcome=failed")
        assert client.get(answer.headers["location"]).status_code == 200


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\r\nb", ""])
def test_signing_in_leads_to_our_own_pages_only(site: Site, to: str) -> None:
    with stranger(site) as client:
        assert log_in(client, person(site), PASSWORD, to).headers["location"] == "/cases"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Site) -> None:
    with stranger(site) as client:
        cookie = log_in(client, person(site), PASSWORD).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Domain" not in cookie
    with site.sessions() as db:
        stored = db.scalars(select(WebSession.digest)).all()
    assert all(token not in cookie for token in stored)


def test_a_login_begins_a_new_session_and_ends_the_one_before(site: Site) -> None:
    name = person(site)
    with stranger(site) as client:
        log_in(client, name, PASSWORD)
        first = session_of(site, client)
        log_in(client, name, PASSWORD)
        assert session_of(site, client) not in (first, None)
        old = {cookie_name(site.app.state.settings): str(first)}
    with httpx.Client(base_url=site.url, cookies=old, headers=PAGE, trust_env=False) as client:
        assert client.get("/cases").status_code == 303


def test_unknown_disabled_and_known_names_get_the_same_answer(site: Site) -> None:
    known, closed = person(site), person(site)
    with site.sessions() as db, db.begin():
        db.execute(update(User).where(User.name == closed).values(is_disabled=True))
    answers = set()
    for name, password in ((known, "wrong password"), (closed, PASSWORD), ("nobody-here", PASSWORD), ("local", "")):
        with stranger(site) as client:
            answer = log_in(client, name, password)
            text = answer.text.replace(name, "NAME")
            answers.add((answer.status_code, re.sub(r'name="before" value="\w+"', "", text)))
            assert session_of(site, client) is None
    assert len(answers) == 1 and answers.pop()[0] == 401


@pytest.mark.parametrize("is_known", [True, False])
def test_wrong_passwords_close_a_name_for_longer_and_longer(site: Site, is_known: bool) -> None:
    name = person(site) if is_known else f"nobody{uuid4().hex[:8]}"
    with stranger(site) as client:
        statuses = [log_in(client, name, "wrong password").status_code for _ in range(7)]
        assert statuses == [401] * 6 + [429]
        closed = log_in(client, name, PASSWORD)
        assert closed.status_code == 429 and 0 < int(closed.headers["retry-after"]) <= 15
        with site.sessions() as db, db.begin():
            db.execute(update(FailedLogin).values(closed_until=datetime.now(UTC)))
        assert log_in(client, name, "wrong password").status_code == 401
        assert 15 < int(log_in(client, name, PASSWORD).headers["retry-after"]) <= 30
        with site.sessions() as db, db.begin():
            db.execute(update(FailedLogin).values(closed_until=datetime.now(UTC)))
        assert log_in(client, name, PASSWORD).status_code == (303 if is_known else 401)
        with site.sessions() as db, db.begin():
            db.execute(FailedLogin.__table__.delete())


def test_a_form_that_our_page_did_not_give_out_signs_nobody_in(site: Site) -> None:
    name = person(site)
    with stranger(site) as client:
        client.get("/login")
        answer = client.post("/login", data={"name": name, "password": PASSWORD, "before": "0" * 64})
        assert answer.status_code == 400 and session_of(site, client) is None


def test_a_one_time_link_opens_its_page_and_is_spent_after_a_short_while(site: Site) -> None:
    token = link(site, f"/cases/{site.case}")
    for _ in range(3):  # a preview, the person, a double click
        with stranger(site) as client:
            answer = client.get(f"/open/{token}")
            assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{site.case}")
            assert client.get(answer.headers["location"]).status_code == 200
    with site.sessions() as db, db.begin():
        db.execute(update(LoginLink).values(used_at=datetime.now(UTC) - timedelta(minutes=3)))
    with stranger(site) as client:
        answer = client.get(f"/open/{token}")
        assert answer.status_code == 410 and "admin link" in answer.text
        assert client.get("/cases").status_code == 303


def test_an_idle_and_an_old_session_end(site: Site) -> None:
    for change in ({"seen_at": datetime.now(UTC) - timedelta(hours=2)}, {"expires_at": datetime.now(UTC)}):
        who = sign_in(site.app)
        with who.client(site.url) as client:
            assert client.get("/cases").status_code == 200
            with site.sessions() as db, db.begin():
                user = db.scalars(select(User.id).where(User.name == who.name)).one()
                db.execute(update(WebSession).where(WebSession.user_id == user).values(**change))
            assert client.get("/cases", headers=PAGE).status_code == 303


def test_a_change_needs_the_sessions_token_and_an_api_token_needs_none(site: Site) -> None:
    who, other = sign_in(site.app), sign_in(site.app)
    address = f"/cases/{site.case}/title"
    with httpx.Client(base_url=site.url, cookies=who.cookies, trust_env=False) as client:
        assert client.post(address, data={"title": "x"}).status_code == 403
        assert client.post(address, data={"title": "x", "csrf": other.csrf}).status_code == 403
        assert client.post("/api/v1/cases", json={"title": "x"}).status_code == 403
        assert client.post("/api/v1/cases", json={"title": "x"}, headers=who.headers).status_code == 201
        title = {"title": "Building 7, ticket 4711", "csrf": who.csrf}
        assert client.post(address, data=title).status_code == 303
        assert client.post(address, data=title, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    with httpx.Client(base_url=site.url, headers=bearer(site.app), trust_env=False) as client:
        assert client.post("/api/v1/cases", json={"title": "x"}).status_code == 201


def test_every_form_that_changes_something_carries_the_token(site: Site) -> None:
    pages = ["/cases", "/cases/new", f"/cases/{site.case}", "/account", "/admin/accounts", "/admin/operations"]
    for path in [*pages, f"/cases/{site.case}/sharing"]:
        html = site.client.get(path, headers=PAGE).text
        forms = re.findall(r'<form[^>]*method="post"[^>]*>(.{0,60})', html)
        assert forms or path == "/admin/operations", path
        assert all(form.startswith('<input type="hidden" name="csrf" value="') for form in forms), path


def test_a_token_is_shown_once_works_within_its_scopes_and_can_be_revoked(site: Site) -> None:
    who = sign_in(site.app)
    with who.client(site.url) as client:
        page = client.post("/account/tokens", data={"name": "tickets", "days": "30", "scope": ["read"]}).text
        token = re.search(r'id="new-token"[^>]*>(eads_[\w-]{43})<', page)
        assert token is not None and page.count(token[1]) == 1
        assert token[1] not in client.get("/account").text
        with httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {token[1]}"}, trust_env=False) as api:
            assert api.get("/api/v1/cases").status_code == 200
            assert api.post("/api/v1/cases", json={"title": "x"}).status_code == 403
            number = re.search(r"/account/tokens/(\d+)/revoke", page)
            assert number is not None
            client.post(f"/account/tokens/{number[1]}/revoke")
            assert api.get("/api/v1/cases").status_code == 401


def test_a_new_password_and_signing_out_everywhere_end_the_other_sessions(site: Site) -> None:
    name = person(site)
    with stranger(site) as first, stranger(site) as second:
        for client in (first, second):
            log_in(client, name, PASSWORD)
        csrf = re.search(r'name="csrf" content="([^"]+)"', first.get("/account").text)
        assert csrf is not None
        change = {"csrf": csrf[1], "current": "not this one", "new": "another long secret"}
        assert first.post("/account/password", data=change).status_code == 422
        assert first.post("/account/password", data={**change, "current": PASSWORD}).status_code == 303
        assert first.get("/account").status_code == 200 and second.get("/account").status_code == 303
        log_in(second, name, "another long secret")
        assert first.post("/account/sessions/end", data={"csrf": csrf[1]}).status_code == 303
        assert first.get("/account").status_code == 303 and second.get("/account").status_code == 303


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaaaaaa", "my-name-anna-9x-secret"])
def test_an_easy_password_is_refused(site: Site, password: str) -> None:
    data = {"name": "anna-9x", "role": "ops", "password": password}
    assert site.client.post("/admin/accounts", data=data).status_code == 422


def test_a_disabled_account_is_out_at_once(site: Site) -> None:
    who = sign_in(site.app, Role.SUPPORT)
    with site.sessions() as db:
        number = db.scalars(select(User.id).where(User.name == who.name)).one()
    with who.client(site.url) as client:
        assert client.get("/cases").status_code == 200
        form = {"role": "support", "disabled": "true"}
        assert site.client.post(f"/admin/accounts/{number}", data=form).status_code == 303
        assert client.get("/cases").status_code == 401


def test_nobody_takes_the_own_rights_away(site: Site) -> None:
    who = sign_in(site.app)
    with site.sessions() as db:
        number = db.scalars(select(User.id).where(User.name == who.name)).one()
    with who.client(site.url) as client:
        assert client.post(f"/admin/accounts/{number}", data={"role": "ops"}).status_code == 409


def shared(site: Site) -> str:
    page = site.client.post(f"/cases/{site.case}/sharing/links", data={"days": "7", "note": "vendor"}).text
    found = re.search(r'id="new-link"[^>]*>http://[^/]+(/shared/[\w-]{43})<', page)
    assert found is not None
    return found[1]


def test_a_shared_link_shows_one_case_until_it_is_revoked(site: Site) -> None:
    address = shared(site)
    with stranger(site) as guest:
        assert guest.get(address).headers["location"] == f"/cases/{site.case}"
        for path in ("", "/terminals/t1", "/charts/size", "/terminals/t1?src=terminal-1/iNode.log&line=20"):
            assert guest.get(f"/cases/{site.case}{path}").status_code == 200, path
        page = guest.get(f"/cases/{site.case}").text
        ladder = guest.get(f"/cases/{site.case}/terminals/t1/ladder.json")
        again = {"If-None-Match": ladder.headers["etag"]}
        assert guest.get(ladder.url.path, headers=again).status_code == 304
        for path in ("", "/terminals/t1", "/compare?t=t1&t=t2"):
            assert 'href="/cases"' not in guest.get(f"/cases/{site.case}{path}").text, path
        assert 'method="post"' not in page and "evidence" not in re.findall(r'href="/api[^"]*"', page)
        for path in ("/cases", f"/cases/{site.case}/files", f"/api/v1/cases/{site.case}/verdict/x", "/account"):
            assert guest.get(path).status_code in (403, 404), path
        assert guest.get(f"/cases/{site.hostile}").status_code == 404
        with site.sessions() as db:
            number = db.scalars(select(ShareLink.id).order_by(ShareLink.id.desc())).first()
        site.client.post(f"/cases/{site.case}/sharing/links/{number}/revoke")
        assert guest.get(f"/cases/{site.case}").status_code == 303
        assert guest.get(ladder.url.path, headers=again).status_code == 303  # to the page for signing in
        assert guest.get(address).status_code == 410


def test_the_trail_tells_who_saw_uploaded_and_exported_what(site: Site) -> None:
    who = sign_in(site.app)
    with who.client(site.url) as client:
        for _ in range(3):
            client.get(f"/cases/{site.case}")
        client.put(f"/api/v1/cases/{site.case}/files?path=x.log", content=b"x")
        client.get(f"/api/v1/cases/{site.case}/documents")
        doomed = client.post("/api/v1/cases", json={"title": "x"}).json()["id"]
        client.delete(f"/api/v1/cases/{doomed}")
        told = client.get(f"/admin/audit?actor={who.name}", headers=PAGE).text
        assert "looked at" in told and "deleted" in told
    with site.sessions() as db:
        entries = list_entries(db, actor=who.name)
    assert [(entry.action, entry.case_id) for entry in reversed(entries)] == [
        ("saw", site.case), ("uploaded", site.case), ("exported", site.case), ("deleted", doomed)
    ]  # fmt: skip


def test_the_trail_keeps_no_name_that_is_no_account(site: Site) -> None:
    with stranger(site) as client:
        log_in(client, "my secret typed as a name", "x")
    with site.sessions() as db:
        assert list_entries(db)[0].actor == "unknown"
        assert not [entry for entry in list_entries(db) if "secret typed" in entry.actor + entry.subject]


def test_a_digest_is_bound_to_secret_and_purpose() -> None:
    one, other = Keyring("a"), Keyring("b")
    assert len({one.digest("session", "t"), one.digest("token", "t"), other.digest("session", "t")}) == 3
    assert one.matches("session", "t", one.digest("session", "t"))


@pytest.mark.parametrize(("locale", "theme"), [("en-GB", "light"), ("zh-CN", "dark")])
@pytest.mark.parametrize("path", ["/account", "/admin/accounts", "/admin/audit", "/cases/{case}/sharing"])
def test_a_page_of_accounts_is_accessible(
    site: Site, open_page: Callable[..., Any], path: str, locale: str, theme: str
) -> None:
    shared(site)
    page = open_page(locale=locale, color_scheme=theme)
    assert page.goto(site.url + path.format(case=site.case)).status == 200
    assert axe_violations(page) == []
    page.set_viewport_size({"width": 820, "height": 1180})
    assert page.evaluate("document.documentElement.scrollWidth") <= 820


@pytest.mark.parametrize(("locale", "theme"), [("en-GB", "light"), ("zh-CN", "dark")])
def test_signing_in_by_keyboard(site: Site, browser: Any, locale: str, theme: str) -> None:
    context = browser.stranger(locale=locale, color_scheme=theme)
    page = context.new_page()
    page.goto(f"{site.url}/cases/{site.case}")
    assert axe_violations(page) == []
    page.keyboard.type(person(site, Role.SUPPORT))
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{site.case}")
    page.locator(".who").click()
    page.locator("form[action='/logout'] button").click()
    page.wait_for_url("**/login")
    context.close()
