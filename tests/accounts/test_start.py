"""Bound to where others can connect, nothing starts before somebody could let people in."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from app.access import Role
from app.accounts.people import add_user, local_admin
from app.accounts.secret import keyring
from app.accounts.start import check_before_start, one_time_link
from app.config import Settings
from app.errors import Unavailable

SECRET = SecretStr("x" * 32)


def bound(host: str, url: str, secret: SecretStr | None = None) -> Settings:
    return Settings(DATABASE_URL=url, host=host, secret=secret)  # type: ignore[call-arg]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "eadscope.example"])
def test_a_secret_and_an_administrator_are_asked_for(
    host: str, database_url: str, sessions: sessionmaker[Session]
) -> None:
    with pytest.raises(Unavailable, match="EADSCOPE_SECRET"):
        check_before_start(bound(host, database_url))
    with sessions() as db, db.begin():
        local_admin(db)  # has neither password nor identity: nobody signs in by it from elsewhere
    with pytest.raises(Unavailable, match="create-user NAME --role admin"):
        check_before_start(bound(host, database_url, SECRET))


def test_the_own_machine_needs_neither(database_url: str) -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        check_before_start(bound(host, database_url))


def test_with_an_administrator_it_starts(database_url: str, sessions: sessionmaker[Session]) -> None:
    with sessions() as db, db.begin():
        anna = add_user(db, "anna", Role.ADMIN, "correct horse battery")
    check_before_start(bound("0.0.0.0", database_url, SECRET))
    with sessions() as db, db.begin():
        db.merge(anna).is_disabled = True
    with pytest.raises(Unavailable):
        check_before_start(bound("0.0.0.0", database_url, SECRET))


def test_a_secret_of_its_own_is_made_once_and_read_by_nobody_else(tmp_path: Path) -> None:
    options = Settings(var=tmp_path)
    first, again = keyring(options), keyring(options)
    assert first.digest("p", "x") == again.digest("p", "x")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_link_is_long_and_random(database_url: str, tmp_path: Path) -> None:
    options = Settings(var=tmp_path)
    links = {one_time_link(options, database_url, "http://127.0.0.1:8000", "/cases") for _ in range(3)}
    assert len(links) == 3
    assert all(len(link.rpartition("/")[2]) == 43 for link in links)
