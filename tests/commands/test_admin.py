"""`eadscope admin`, and what the accounts can do afterwards in the running application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner, Result

from app.access import Role
from app.accounts.audit import list_entries
from app.accounts.passwords import verify_password
from app.accounts.people import user_named
from app.accounts.start import ADDRESS
from app.cli import build
from app.config import Settings, settings
from app.main import create_app
from tests.people import Person, bearer, sign_in
from tests.web.api.conftest import running

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Here:
    """An installation, and the application that runs on it."""

    app: FastAPI
    url: str
    var: Path
    sessions: sessionmaker[Session]

    def stored_password(self, name: str) -> str | None:
        with self.sessions() as db:
            return user_named(db, name).password_hash

    def status(self, person: Person) -> int:
        """Of the list of cases, for programs: 200, or 401 where the session is not known."""
        with person.client(self.url) as client:
            return client.get("/api/v1/cases").status_code

    def last_entry(self) -> tuple[str, str, str]:
        with self.sessions() as db:
            entry = list_entries(db)[0]
            return entry.actor, entry.action, entry.subject


@pytest.fixture(scope="module")
def here(
    database_url: str, sessions: sessionmaker[Session], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Here]:
    var = tmp_path_factory.mktemp("admin")
    app = create_app(Settings(DATABASE_URL=database_url, var=var))
    with running(app) as url:
        yield Here(app, url, var, sessions)


@pytest.fixture(autouse=True)
def environment(here: Here, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("EADSCOPE_VAR", str(here.var))
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def admin(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(build(), ["admin", *arguments], input=typed)


def test_a_new_password_is_the_only_one_and_ends_all_sessions(here: Here) -> None:
    assert admin("create-user", "anna", "--role", "support", typed=PASSWORD + "\n").stdout == "anna: support\n"
    assert verify_password(PASSWORD, here.stored_password("anna"))
    person = sign_in(here.app, Role.SUPPORT, name="berta")
    assert here.status(person) == 200
    done = admin("set-password", "BERTA", typed="quite another password\r\n")
    assert (done.exit_code, done.stdout) == (0, "berta: new password\n")
    assert here.status(person) == 401
    assert verify_password("quite another password", here.stored_password("berta"))
    assert verify_password(PASSWORD, here.stored_password("anna"))
    assert here.last_entry() == ("command line", "gave a password", "berta")


@pytest.mark.parametrize("typed", ["", "short\n", "clara clara clara\n", "aaaaaaaaaaaaaaaa\n"])
def test_a_password_that_is_too_easy_changes_nothing(here: Here, typed: str) -> None:
    person = sign_in(here.app, Role.OPS, name=None)
    done = admin("set-password", person.name, typed=typed.replace("clara", person.name))
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1 and "password" in done.stderr.lower()
    assert here.stored_password(person.name) is None
    assert here.status(person) == 200


def test_a_role_and_a_group_change_from_the_next_request_on(here: Here) -> None:
    owner, person = sign_in(here.app, Role.OPS, group="north"), sign_in(here.app, Role.OPS, name="dora")
    with owner.client(here.url) as client:
        case = client.post("/api/v1/cases", json={"title": "north's"}).json()["id"]
    with person.client(here.url) as client:
        address = f"/api/v1/cases/{case}"
        assert client.get(address).status_code == 404
        assert admin("set-role", "dora", "ops", "--group", "north").stdout == "dora: ops\n"
        assert client.get(address).status_code == 200
        admin("set-role", "dora", "ops", "--group", "-")
        assert client.get(address).status_code == 404
        assert client.get("/admin/accounts").status_code == 403
        assert admin("set-role", "dora", "admin").exit_code == 0
        assert client.get(address).status_code == 200
        assert client.get("/admin/accounts").status_code == 200
    assert here.last_entry() == ("command line", "changed an account", "dora admin")


def test_a_role_that_there_is_not_is_refused(here: Here) -> None:
    done = admin("set-role", sign_in(here.app, name="emil").name, "root")
    assert done.exit_code == 2 and "root" in done.stderr


def test_a_disabled_account_is_shut_out_with_its_tokens_until_it_is_let_in_again(here: Here) -> None:
    admin("create-user", "frida", "--role", "ops", typed=PASSWORD + "\n")
    token = admin("token", "frida", "--name", "tickets", "--scope", "read").stdout.strip()
    link = admin("link", "frida").stdout.strip().rpartition("/")[2]
    with httpx.Client(base_url=here.url, trust_env=False, headers={"Authorization": f"Bearer {token}"}) as client:
        assert client.get("/api/v1/cases").status_code == 200
        assert admin("disable", "frida").stdout == "frida: disabled\n"
        assert client.get("/api/v1/cases").status_code == 401
        assert httpx.get(f"{here.url}/open/{link}", trust_env=False).status_code != 303
        assert here.last_entry() == ("command line", "changed an account", "frida disabled")
        refused = admin("link", "frida")
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "'frida' is disabled" in refused.stderr
        assert here.last_entry() == ("command line", "changed an account", "frida disabled")
        assert admin("disable", "frida", "--undo").stdout == "frida: enabled\n"
        assert client.get("/api/v1/cases").status_code == 200


def test_the_browsers_of_a_disabled_account_stay_signed_out(here: Here) -> None:
    person = sign_in(here.app, name="gustav")
    admin("disable", "gustav")
    assert here.status(person) == 401
    admin("disable", "gustav", "--undo")
    assert here.status(person) == 401


def test_the_list_says_how_each_account_signs_in(here: Here) -> None:
    admin("create-user", "hanna", "--role", "ops", "--group", "Campus North", typed=PASSWORD + "\n")
    admin("create-user", "ida", "--role", "admin", "--no-password")
    admin("disable", "ida")
    lines = admin("list").stdout.splitlines()
    assert "hanna\tops\tCampus North\tpassword" in lines
    assert "ida\tadmin\t-\tlink\tdisabled" in lines
    assert lines == sorted(lines, key=lambda line: line.split("\t")[0])


def test_a_link_signs_in_as_whom_it_was_made_for_and_leads_to_where_people_reach_it(
    here: Here, environment: pytest.MonkeyPatch
) -> None:
    sign_in(here.app, Role.OPS, name="jan")
    away = admin("link", "jan")
    assert here.last_entry() == ("command line", "gave a link", "jan")
    assert away.stdout.startswith("http://127.0.0.1:8000/open/")
    assert "`serve` does not run" in away.stderr
    (here.var / ADDRESS).write_text(here.url)
    try:
        told = admin("link", "jan")
        assert told.stdout.startswith(f"{here.url}/open/") and told.stderr == ""
        local = admin("link").stdout.strip()
    finally:
        (here.var / ADDRESS).unlink()
    for link, name in ((told.stdout.strip(), "jan"), (local, "local")):
        with httpx.Client(trust_env=False, headers={"Accept": "text/html"}) as client:
            answer = client.get(link)
            assert (answer.status_code, answer.headers["location"]) == (303, "/cases")
            assert name in client.get(f"{here.url}/account").text
    environment.setenv("EADSCOPE_PUBLIC_URL", "https://eadscope.example/")
    settings.cache_clear()
    assert admin("link", "jan").stdout.startswith("https://eadscope.example/open/")


def test_where_others_can_connect_a_link_names_its_account(here: Here, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EADSCOPE_HOST", "192.0.2.7")
    environment.setenv("EADSCOPE_SECRET", "x" * 32)
    settings.cache_clear()
    done = admin("link")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "name the account" in done.stderr


@pytest.mark.parametrize(
    "arguments", [("set-password",), ("set-role", "ops"), ("disable",), ("link",), ("token", "--name", "x")]
)
def test_a_name_that_nobody_has_is_said_in_one_line(here: Here, arguments: tuple[str, ...]) -> None:
    command, *rest = arguments
    (here.var / ADDRESS).write_text(here.url)
    done = admin(command, "nobody-here", *rest, typed=PASSWORD + "\n")
    (here.var / ADDRESS).unlink()
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "'nobody-here'" in done.stderr


def test_bearers_of_others_are_left_alone(here: Here) -> None:
    other = bearer(here.app)
    admin("disable", sign_in(here.app, name="kurt").name)
    assert httpx.get(f"{here.url}/api/v1/cases", headers=other, trust_env=False).status_code == 200
