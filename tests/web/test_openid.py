"""Signing in through a real provider process, and what somebody in between could try."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.access import Role
from app.accounts.openid import role_of
from app.accounts.people import add_user
from app.config import Settings
from app.db.accounts import Group, User
from app.main import create_app
from app.serve import free_port
from tests.web.api.conftest import running

PEOPLE = {
    "s-anna": {"preferred_username": "anna", "groups": ["staff", "eadscope-admins"], "department": "Campus North"},
    "s-li": {"preferred_username": "li", "groups": ["eadscope-ops"], "department": ["Campus South"]},
    "s-guest": {"preferred_username": "guest", "groups": ["staff"]},
    "s-local": {"preferred_username": "taken", "groups": ["eadscope-ops"]},
}


@dataclass(frozen=True, slots=True)
class World:
    app: FastAPI
    url: str
    sessions: sessionmaker[Session]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The provider, as a process of its own."""
    port = free_port("127.0.0.1", 0)
    users = [f"--user-claims={json.dumps({'sub': sub, **claims})}" for sub, claims in PEOPLE.items()]
    command = [sys.executable, "-m", "oidc_provider_mock", f"--port={port}", *users]
    environment = {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1", "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    with httpx.Client(trust_env=False) as client:
        while True:
            assert time.monotonic() < deadline and process.poll() is None
            try:
                about = client.get(f"http://localhost:{port}/.well-known/openid-configuration").json()
                break
            except httpx.TransportError:
                time.sleep(0.1)
    yield about["issuer"]
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def world(
    issuer: str, database_url: str, sessions: sessionmaker[Session], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    options = Settings(
        DATABASE_URL=database_url, var=tmp_path_factory.mktemp("var"), openid_issuer=issuer,
        openid_client_id="eadscope", openid_client_secret=SecretStr("s"), openid_admins=("eadscope-admins",),
        openid_ops=("eadscope-ops",), openid_group_claim="department",
    )  # type: ignore[call-arg]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "localhost,127.0.0.1")
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        app = create_app(options)
        with running(app) as url:
            yield World(app, url, sessions)


def client_of(world: World) -> httpx.Client:
    return httpx.Client(base_url=world.url, trust_env=False, timeout=60, headers={"accept": "text/html"})


def at_the_provider(address: str, subject: str) -> str:
    """What a person does there; the address that the browser is sent back to."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.post(address, data={"sub": subject})
    assert answer.status_code in (302, 303), answer.text
    return answer.headers["location"]


def sign_in(world: World, client: httpx.Client, subject: str, to: str = "/cases") -> httpx.Response:
    leaving = client.get("/login/openid", params={"to": to})
    assert leaving.status_code == 303, leaving.text
    return client.get(at_the_provider(leaving.headers["location"], subject))


def account(world: World, subject: str) -> tuple[str, str, str | None]:
    with world.sessions() as db:
        statement = select(User.name, User.role, Group.name).outerjoin(Group, Group.id == User.group_id)
        return tuple(db.execute(statement.where(User.subject == subject)).one())


def test_the_browser_leaves_with_pkce_state_and_nonce(world: World) -> None:
    with client_of(world) as client:
        assert "/login/openid?to=" in client.get("/login").text
        asked = parse_qs(urlsplit(client.get("/login/openid").headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"] and len(asked["code_challenge"][0]) == 43
    assert asked["response_type"] == ["code"] and asked["redirect_uri"] == [f"{world.url}/login/openid/callback"]
    assert len(asked["state"][0]) >= 32 and len(asked["nonce"][0]) >= 32 and asked["state"] != asked["nonce"]


@pytest.mark.parametrize(
    ("subject", "known_as"),
    [("s-anna", ("anna", Role.ADMIN, "Campus North")), ("s-li", ("li", Role.OPS, "Campus South"))],
)
def test_somebody_is_let_in_with_the_role_and_group_of_the_claims(
    world: World, subject: str, known_as: tuple[str, str, str]
) -> None:
    for _ in range(2):  # the second time it is the same account
        with client_of(world) as client:
            answer = sign_in(world, client, subject, "/cases?state=open")
            assert (answer.status_code, answer.headers["location"]) == (303, "/cases?state=open")
            assert client.get("/cases").status_code == 200
    assert account(world, subject) == known_as


def test_somebody_without_a_role_is_not_let_in(world: World) -> None:
    with client_of(world) as client:
        answer = sign_in(world, client, "s-guest")
        assert answer.status_code == 403 and "no role" in answer.text
        assert client.get("/cases").status_code == 303


def test_the_providers_word_takes_over_no_local_account(world: World) -> None:
    with world.sessions() as db, db.begin():
        add_user(db, "taken", Role.ADMIN, "correct horse battery")
    with client_of(world) as client:
        assert sign_in(world, client, "s-local").status_code == 303
    name, role, _group = account(world, "s-local")
    assert name != "taken" and role == Role.OPS


def test_an_answer_is_good_once_and_only_for_the_browser_that_asked(world: World) -> None:
    with client_of(world) as victim, client_of(world) as attacker:
        attackers = at_the_provider(attacker.get("/login/openid").headers["location"], "s-li")
        assert victim.get(attackers).status_code == 403  # no flow of its own
        victim.get("/login/openid")
        assert victim.get(attackers).status_code == 403  # another state
        assert attacker.get(attackers).status_code == 303
        assert attacker.get(attackers).status_code == 403  # the cookie went with the first use


def test_a_token_with_another_nonce_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.accounts.openid import Flow
    from app.web import openid

    with client_of(world) as client:
        back = at_the_provider(client.get("/login/openid").headers["location"], "s-li")
        monkeypatch.setattr(openid, "Flow", lambda **kept: Flow(**{**kept, "nonce": "x" * 32}))
        answer = client.get(back)
        assert answer.status_code == 403 and "did not confirm" in answer.text


def test_a_provider_that_is_away_is_said(database_url: str, tmp_path: Path) -> None:
    nowhere = Settings(DATABASE_URL=database_url, var=tmp_path, openid_issuer="http://127.0.0.1:1")  # type: ignore[call-arg]
    with running(create_app(nowhere)) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        answer = client.get("/login/openid", headers={"accept": "text/html", "accept-language": "zh"})
    assert answer.status_code == 503 and "身份提供方没有响应" in answer.text


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"groups": "eadscope-admins"}, Role.ADMIN),
        ({"groups": ["a", "b"]}, Role.ADMIN),
        ({"groups": ["b"]}, Role.SUPPORT),
        ({"groups": [7, None]}, None),
        ({}, None),
        ({"groups": {"a": 1}}, None),
    ],
)
def test_the_highest_role_of_the_claims_counts(claims: dict[str, object], role: Role | None) -> None:
    options = Settings(openid_admins=("a", "eadscope-admins"), openid_support=("b",), openid_ops=("b", "c"))
    assert role_of(options, claims) is role
