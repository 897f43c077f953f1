"""What a start wants to know of a database, told without loading the tools that would change it.

Every start asks this, and the readiness of the web process does each time.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psycopg

from app.config import MIGRATIONS

EXAMPLE_LOADED = "example loaded"


def is_current(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Our newest migration is applied, and so is every script of the installed queue library."""
    tables = connection.execute(
        "SELECT to_regclass('alembic_version') IS NOT NULL AND to_regclass('queue_schema') IS NOT NULL"
    ).fetchone()
    if tables != (True,):
        return False
    revisions = {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}
    scripts = {row[0] for row in connection.execute("SELECT script FROM queue_schema")}
    return revisions == {head_revision()} and {script.name for script in queue_scripts()} <= scripts


def is_sealed(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """The audit trail belongs to somebody other than whoever owns the tables."""
    row = connection.execute(
        "SELECT tableowner <> (SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'cases')"
        " FROM pg_tables WHERE schemaname = 'audit' AND tablename = 'entries'"
    ).fetchone()
    return row == (True,)


def example_case(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[bool, int | None]:
    """Whether the example was ever loaded, and its case unless somebody deleted it."""
    row = connection.execute("SELECT case_id FROM milestones WHERE name = %s", [EXAMPLE_LOADED]).fetchone()
    if row is None:
        return False, None
    return True, row[0] if isinstance(row[0], int) else None


@cache
def head_revision() -> str:
    """The migration that no other one follows."""
    texts = [path.read_text(encoding="utf-8") for path in (MIGRATIONS / "versions").glob("*.py")]
    revisions = {match for text in texts for match in re.findall(r'^revision = "(\w+)"', text, re.MULTILINE)}
    followed = {match for text in texts for match in re.findall(r'^down_revision = "(\w+)"', text, re.MULTILINE)}
    (head,) = revisions - followed
    return str(head)


@cache
def queue_scripts() -> tuple[Path, ...]:
    """Procrastinate's own migrations in their order."""
    spec = find_spec("procrastinate")
    assert spec is not None and spec.origin is not None
    return tuple(sorted((Path(spec.origin).parent / "sql" / "migrations").glob("*.sql")))
