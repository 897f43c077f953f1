"""Every route, asked for by everybody, against the table of what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy.orm import Session, sessionmaker

from app.access import ABOUT_A_CASE, ROUTES, Need, Role, Scope
from app.accounts.entry import begin_visit
from app.config import Settings
from app.db.accounts import Group, ShareLink
from app.db.models import Case
from app.main import create_app
from app.web.guard import cookie_name, no_case
from tests.people import STAY, bearer, sign_in
from tests.web.api.conftest import running

OPS = {Need.OPEN, Need.KNOWN, Need.ACCOUNT, Need.LIST, Need.CREATE, Need.SEE, Need.UPLOAD, Need.EXPORT}
SUPPORT = OPS | {Need.EDIT, Need.SHARE}
# Written out once more, and not taken from the code that decides. Whoever is not in SEES does not see the group's case.
MAY: dict[str, set[Need]] = {
    "nobody": {Need.OPEN},
    "ops": OPS,
    "ops of another group": OPS,
    "support": SUPPORT,
    "admin": set(Need),
    "guest": {Need.OPEN, Need.SEE},
    "guest of another case": {Need.OPEN, Need.SEE},
    "token read": {Need.OPEN, Need.KNOWN, Need.LIST, Need.SEE},
    "token upload": {Need.OPEN, Need.KNOWN, Need.CREATE, Need.UPLOAD},
    "token export": {Need.OPEN, Need.KNOWN, Need.EXPORT},
    "token edit": {Need.OPEN, Need.KNOWN, Need.EDIT, Need.SHARE},
    "token admin": {Need.OPEN, Need.KNOWN, Need.ADMIN, Need.DELETE},
    "token of ops of another group": OPS - {Need.ACCOUNT},
    "token of nobody": {Need.OPEN},
}
BLIND = {"nobody", "ops of another group", "guest of another case", "token of ops of another group", "token of nobody"}
CASE_PARAMETERS = {
    "key": "t1", "sha256": "ab" * 32, "bundle_id": "1", "upload_id": "0" * 32, "filter_id": "1", "token": "x" * 43,
    "document_id": "1", "webhook_id": "1", "analysis_id": "1", "name": "ours", "line": "1", "frame": "1",
    "code": "later-fragments-lost",
    "session_id": "1", "token_id": "1", "user_id": "1", "group_id": "999", "link_id": "1",
}  # fmt: skip


@dataclass(slots=True)
class World:
    """The application with a case of the group north; `who` makes the headers and cookies of each in MAY."""

    app: FastAPI
    client: httpx.Client
    who: dict[str, Callable[[], dict[str, str]]]
    case: int

    def has_case(self) -> int:
        """The case of the group north, made anew where somebody who may has removed it."""
        with self.app.state.sessions() as db, db.begin():
            is_there = db.get(Case, self.case) is not None
            if not is_there:
                self.case = add_case(db, "north")
        if not is_there:
            self.who["guest"] = guest(self.app, self.case)
        return self.case


def add_case(db: Session, group: str) -> int:
    number = db.query(Group).filter_by(name=group).one().id
    case = Case(title=group, group_id=number)
    db.add(case)
    db.flush()
    return case.id


def guest(app: FastAPI, case: int) -> Callable[[], dict[str, str]]:
    with app.state.sessions() as db, db.begin():
        link = ShareLink(case_id=case, digest=f"{case:064d}", expires_at=datetime.now(UTC) + timedelta(hours=1))
        db.add(link)
        db.flush()
        token = begin_visit(db, app.state.keys, STAY, link).token
    return lambda: {"Cookie": f"{cookie_name(app.state.settings, 'guest')}={token}"}


@pytest.fixture(scope="module")
def world(
    database_url: str, sessions: sessionmaker[Session], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    var = tmp_path_factory.mktemp("var")
    app = create_app(Settings(DATABASE_URL=database_url, var=var))  # type: ignore[call-arg]

    def person(role: Role, group: str | None = None) -> Callable[[], dict[str, str]]:
        def made() -> dict[str, str]:
            who = sign_in(app, role, group)
            return {"Cookie": "; ".join(map("=".join, who.cookies.items())), **who.headers}

        return made

    def token(role: Role, scopes: frozenset[Scope], group: str | None = None) -> Callable[[], dict[str, str]]:
        header = bearer(app, role, scopes, group)
        return lambda: header

    who = {
        "nobody": dict,
        "ops": person(Role.OPS, "north"),
        "ops of another group": person(Role.OPS, "south"),
        "support": person(Role.SUPPORT),
        "admin": person(Role.ADMIN),
        **{f"token {scope}": token(Role.ADMIN, frozenset({scope})) for scope in Scope},
        "token of ops of another group": token(Role.OPS, frozenset(Scope), "south"),
        "token of nobody": lambda: {"Authorization": "Bearer eads_" + "x" * 43},
    }
    who["ops"]()  # so that there is a group
    with sessions() as db, db.begin():
        case, other = add_case(db, "north"), add_case(db, "south")
    who["guest"], who["guest of another case"] = guest(app, case), guest(app, other)
    with running(app) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield World(app, client, who, case)


def routes(app: FastAPI) -> list[str]:
    """Everything that can be asked for, as the table writes it. What is mounted has no methods."""
    found = []
    for context in iter_route_contexts(app.routes):
        found += [f"{method} {context.path}" for method in sorted(context.methods or ["mount"])]
    return found


def test_every_route_is_in_the_table_and_the_table_has_no_other(world: World) -> None:
    assert sorted(set(routes(world.app)) - {"mount /static"}) == sorted(ROUTES)


def test_everybody_is_in_the_table(world: World) -> None:
    assert set(world.who) == set(MAY)


@pytest.mark.parametrize("name", list(MAY))
def test_everybody_gets_what_the_table_says_and_nothing_else(world: World, name: str) -> None:
    wrong = []
    for route, need in ROUTES.items():
        method, path = route.split(" ", 1)
        case = world.has_case()
        values = {**CASE_PARAMETERS, "case_id": str(case)}
        address = re.sub(r"\{(\w+)(?::\w+)?\}", lambda match, values=values: values[match[1]], path)
        body = b"" if method in ("PUT", "PATCH") else None
        answer = world.client.request(method, address, headers=world.who[name](), content=body)
        expected = what_is_due(name, need, has_case="{case_id}" in path)
        if (got := what_came(answer, case)) != expected:
            wrong.append(f"{route} ({need}): {got} instead of {expected}, {answer.status_code} {answer.text[:80]}")
    assert wrong == []


def what_is_due(name: str, need: Need, *, has_case: bool) -> str:
    if need not in MAY[name]:
        return "sign in" if name in ("nobody", "token of nobody") else "forbidden"
    return "absent" if need in ABOUT_A_CASE and has_case and name in BLIND else "let in"


def what_came(answer: Any, case: int) -> str:
    if answer.status_code == 404 and no_case(case).text.en in answer.text:
        return "absent"
    return {401: "sign in", 403: "forbidden"}.get(answer.status_code, "let in")


def test_a_route_that_is_not_in_the_table_is_closed_to_everybody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ROUTES, "GET /cases")
    for name in MAY:
        answer = world.client.get("/cases", headers=world.who[name]())
        assert answer.status_code == (401 if name in ("nobody", "token of nobody") else 403), name


@pytest.mark.parametrize("spelling", ["+{}", "%20{}", "{}.0", "0{}", "{}%20"])
def test_no_spelling_of_a_cases_number_leads_around_the_check(world: World, spelling: str) -> None:
    case = world.has_case()
    answer = world.client.get("/cases/" + spelling.format(case), headers=world.who["ops of another group"]())
    assert answer.status_code in (404, 422)
    assert "north" not in answer.text


def test_a_list_holds_only_what_its_reader_may_see(world: World) -> None:
    case = world.has_case()
    for name, is_seen in {"ops": True, "support": True, "token read": True, "ops of another group": False}.items():
        listed = {item["id"] for item in world.client.get("/api/v1/cases", headers=world.who[name]()).json()["items"]}
        assert (case in listed) is is_seen, name
