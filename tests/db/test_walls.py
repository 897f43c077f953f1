"""The audit trail against the very role that the application signs in as."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from app.db.migrate import downgrade, migrate
from app.db.revision import is_current, is_sealed
from app.errors import Rejected
from tests.conftest import named

KEPT = ("anna", "deleted", 7, "DELETE /api/v1/cases/7")


def new_database(postgres_url: str) -> str:
    """Its URL for the superuser."""
    name = f"walls_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return named(postgres_url, name)


def as_application(owner_url: str) -> str:
    return owner_url.replace("postgres@", f"app_{uuid4().hex[:8]}@")


@pytest.fixture
def owner_url(postgres_url: str) -> str:
    return new_database(postgres_url)


@pytest.fixture(scope="module")
def application(postgres_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Signed in as the application's role, with one entry in the trail."""
    owner_url = new_database(postgres_url)
    application_url = as_application(owner_url)
    migrate(application_url, owner_url=owner_url)
    with psycopg.connect(application_url, autocommit=True) as connection:
        connection.execute("SELECT audit.record(%s, %s, %s, %s)", KEPT)
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit.entries SET actor = 'somebody else'",
        "DELETE FROM audit.entries",
        "TRUNCATE audit.entries",
        "INSERT INTO audit.entries (at, actor, action) VALUES ('2020-01-01', 'anna', 'saw')",
        "DROP TABLE audit.entries",
        "DROP SCHEMA audit CASCADE",
        "ALTER TABLE audit.entries DISABLE TRIGGER ALL",
        "ALTER TABLE audit.entries OWNER TO CURRENT_USER",
        "DROP TRIGGER no_change ON audit.entries",
        "CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "CREATE TABLE audit.entries2 (id int)",
        "GRANT ALL ON audit.entries TO CURRENT_USER",
        "SET ROLE eadscope_audit",
        "SET session_replication_role = replica",
        "CREATE ROLE mine SUPERUSER",
        "DROP OWNED BY eadscope_audit",
    ],
)
def test_the_applications_role_cannot_alter_the_trail(
    application: psycopg.Connection[tuple[object, ...]], statement: str
) -> None:
    # Granting what one does not have is a warning, and nothing is granted.
    if statement.startswith("GRANT"):
        application.execute(statement.encode())
    else:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute(statement.encode())
    kept = application.execute("SELECT actor, action, case_id, subject FROM audit.entries").fetchall()
    assert kept == [KEPT]


def test_the_trail_refuses_changes_where_no_second_role_could_be_made(owner_url: str) -> None:
    migrate(owner_url)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        assert not is_sealed(connection)
        connection.execute("SELECT audit.record(%s, %s, %s, %s)", KEPT)
        for statement in (
            b"UPDATE audit.entries SET actor = ''",
            b"DELETE FROM audit.entries",
            b"TRUNCATE audit.entries",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added to"):
                connection.execute(statement)


def test_a_superuser_is_no_role_for_the_application(owner_url: str) -> None:
    with pytest.raises(Rejected, match="signs in as postgres, a superuser"):
        migrate(owner_url, owner_url=owner_url)


def test_an_older_database_is_handed_over_with_what_is_in_it(owner_url: str) -> None:
    application_url = as_application(owner_url)
    migrate(owner_url, "0007")
    with psycopg.connect(owner_url) as connection:
        connection.execute("INSERT INTO cases (title) VALUES ('from before')")
    migrate(application_url, owner_url=owner_url)
    with psycopg.connect(application_url) as connection:
        assert is_current(connection) and is_sealed(connection)
        assert connection.execute("SELECT title, owner_id, group_id FROM cases").fetchall() == [
            ("from before", None, None)
        ]
        connection.execute("UPDATE cases SET title = 'changed'")
        connection.execute("ALTER TABLE cases ADD COLUMN more int")
        connection.execute("SELECT * FROM procrastinate_jobs")
    downgrade(owner_url, "0007")
