"""People for tests: accounts of any role, signed in, for HTTP clients and for browsers.

`sign_in(app, Role.OPS, group="north")` makes an account in the application's database and a session for it; its
`client(url)` is an httpx client that sends the cookie, and the token that a change needs. `bearer(app, role, scopes)`
gives the header of an API token. Browsers opened through the fixtures `browser`, `page` and `open_page` are signed in
as whoever is in SIGNED_IN (the administrator of `site`, `api` and `live_server`); `browser.stranger(…)` is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from app.access import Role, Scope
from app.accounts.entry import Stay, add_token, begin_session
from app.accounts.people import add_user
from app.web.guard import cookie_name

# Cookies by name; a name holds the port of its server, so several servers do not meet.
SIGNED_IN: dict[str, str] = {}
STAY = Stay(timedelta(hours=1), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    cookies: dict[str, str]
    csrf: str

    @property
    def headers(self) -> dict[str, str]:
        """What a change by a browser carries."""
        return {"X-CSRF-Token": self.csrf}

    def client(self, url: str, **options: Any) -> httpx.Client:
        return httpx.Client(
            base_url=url, cookies=self.cookies, headers=self.headers, trust_env=False, timeout=120, **options
        )


def sign_in(app: FastAPI, role: Role = Role.ADMIN, group: str | None = None, name: str | None = None) -> Person:
    """A new account and a session of it."""
    with app.state.sessions() as db, db.begin():
        user = add_user(db, name or f"{role}-{uuid4().hex[:8]}", role, None, group)
        made = begin_session(db, app.state.keys, STAY, "", user_id=user.id)
        return Person(user.name, {cookie_name(app.state.settings): made.token}, made.row.csrf)


def bearer(
    app: FastAPI, role: Role = Role.ADMIN, scopes: frozenset[Scope] = frozenset(Scope), group: str | None = None
) -> dict[str, str]:
    """The header of a new token of a new account."""
    with app.state.sessions() as db, db.begin():
        user = add_user(db, f"{role}-{uuid4().hex[:8]}", role, None, group)
        token, _row = add_token(db, app.state.keys, user.id, "test", scopes, timedelta(hours=1))
    return {"Authorization": f"Bearer {token}"}


def open_link(link: str) -> tuple[Person, str]:
    """Use a one-time link as a browser does: whoever is signed in by it, and the page that it leads to."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.get(link)
        assert answer.status_code == 303, answer.text
        cookies = dict(answer.cookies)
        page = str(httpx.URL(link).join(answer.headers["location"]))
        shown = client.get(page, headers={"Accept": "text/html"})
    found = re.search(r'name="csrf" content="([^"]+)"', shown.text)
    assert found is not None
    return Person("local", cookies, found[1]), page


class SignedInBrowser:
    """A Chromium whose profiles hold the cookies of SIGNED_IN."""

    def __init__(self, chromium: Any) -> None:
        self.chromium = chromium

    def new_context(self, **options: Any) -> Any:
        context = self.chromium.new_context(**options)
        context.add_cookies(
            [
                {"name": name, "value": value, "domain": "127.0.0.1", "path": "/", "httpOnly": True, "sameSite": "Lax"}
                for name, value in SIGNED_IN.items()
            ]
        )
        return context

    def stranger(self, **options: Any) -> Any:
        """A profile that nobody is signed in with."""
        return self.chromium.new_context(**options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chromium, name)
