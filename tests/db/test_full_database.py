"""Migrations on a database with rows in every table, and a backup of it that is worth something."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

import app.db.migrate
from app.config import MIGRATIONS, ROOT
from app.db.load import load_analysis
from app.db.migrate import downgrade, migrate
from app.db.models import Case
from app.db.results import TABLES
from app.db.revision import is_current, is_sealed
from app.db.session import make_engine
from app.embedded import _binaries
from tests.conftest import named
from tests.db.analyses import analysis
from tests.db.full import counts, fill

BIG = tuple(table.__tablename__ for table in TABLES)
# The order in which they follow each other.
CHAIN = {
    match[1]: match[0]
    for path in (MIGRATIONS / "versions").glob("*.py")
    for match in re.findall(r'^revision = "(\w+)"\ndown_revision = "?(\w+)"?', path.read_text(), re.MULTILINE)
}


@pytest.fixture
def url(postgres_url: str) -> str:
    name = f"full_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return named(postgres_url, name)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    migrate(url)
    made = make_engine(url)
    fill(made)
    yield made
    made.dispose()


def test_every_table_has_a_row(engine: Engine) -> None:
    assert [name for name, count in counts(engine).items() if not count] == []


def files_and_indexes(engine: Engine) -> dict[str, int]:
    """The file of each big table and of its indexes: another number means that it was written anew."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                """
                SELECT relname, pg_relation_filenode(oid) FROM pg_class
                WHERE oid = ANY(CAST(:tables AS regclass[])) OR oid IN (
                  SELECT indexrelid FROM pg_index WHERE indrelid = ANY(CAST(:tables AS regclass[])))
                """
            ),
            {"tables": list(BIG)},
        )
        return {row.relname: row[1] for row in rows}


def test_back_to_the_first_tables_and_forward_again_loses_no_row_of_theirs(url: str, engine: Engine) -> None:
    before = counts(engine)
    downgrade(url, "0001")
    revision = "0001"
    while revision in CHAIN:
        big = files_and_indexes(engine)
        revision = CHAIN[revision]
        migrate(url, revision)
        now = files_and_indexes(engine)
        # A big table is not written anew, which would lock it for minutes; the early ones had no installation to lock.
        if revision > "0003":
            assert {name: now.get(name) for name in big} == big, revision
            assert set(now) == set(big), f"{revision} makes an index that must be made CONCURRENTLY"
    after = counts(engine)
    kept = (*BIG, "cases", "blobs", "bundles", "uploads", "bundle_files", "analyses", "source_settings")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    with Session(engine) as session:
        assert load_analysis(session, session.query(Case).first().id) == analysis()  # type: ignore[union-attr]


def test_a_migration_gives_up_rather_than_queue_behind_a_reader(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody who comes later would queue behind it."""
    monkeypatch.setattr(app.db.migrate, "_LOCK_TIMEOUT", "200ms")
    with engine.connect() as reader:
        for table in (*BIG, "cases", "uploads"):
            reader.execute(text(f"SELECT 1 FROM {table} LIMIT 1"))
        with pytest.raises(OperationalError, match="lock timeout"):
            downgrade(url, "base")
        with engine.connect() as another:
            assert another.scalar(text("SELECT count(*) FROM cases"))
    with psycopg.connect(url) as connection:
        assert is_current(connection)


# ---------------------------------------------------------------- backup


def commands(guide: str, mark: str) -> str:
    """The block of commands in a guide that begins with this line."""
    blocks = re.findall(r"(?:^    .*\n)+", (ROOT / "docs" / "guides" / guide).read_text(), re.MULTILINE)
    (found,) = [block for block in blocks if block.lstrip().startswith(mark)]
    return "\n".join(line[4:] for line in found.splitlines())


def run_guide(guide: str, mark: str, **environment: str) -> None:
    path = f"{_binaries()}:{os.environ['PATH']}"
    said = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "EADSCOPE_OWNER_URL")}
    done = subprocess.run(
        ["bash", "-euc", commands(guide, mark)],
        env={**said, "PATH": path, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_applications_role_can_back_up_what_it_cannot_change(url: str, postgres_url: str, tmp_path: Path) -> None:
    """With two roles: dumped by the application's, brought back by the superuser, sealed again by `migrate`."""
    name, role = f"restored_{uuid4().hex[:12]}", f"app_{uuid4().hex[:8]}@"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    restored = named(postgres_url, name)
    migrate(url.replace("postgres@", role), owner_url=url)
    with psycopg.connect(url.replace("postgres@", role)) as connection:
        connection.execute("SELECT audit.record('anna', 'saw', 7, '')")
    (tmp_path / "storage").mkdir()
    places = {"EADSCOPE_VAR": str(tmp_path), "BACKUP": str(tmp_path / "backup")}
    run_guide("administrators.en.md", 'mkdir -p "$BACKUP"', DATABASE_URL=url.replace("postgres@", role), **places)
    another = role.replace("app_", "new_")  # on another server there are no roles yet
    urls = {"DATABASE_URL": restored.replace("postgres@", another), "EADSCOPE_OWNER_URL": restored}
    run_guide("administrators.en.md", "pg_restore", **urls, **places)
    migrate(urls["DATABASE_URL"], owner_url=restored)
    with psycopg.connect(urls["DATABASE_URL"], autocommit=True) as connection:
        assert is_current(connection) and is_sealed(connection)
        connection.execute("SELECT audit.record('anna', 'edited', 7, '')")
        kept = connection.execute("SELECT id, actor, action FROM audit.entries ORDER BY id").fetchall()
        assert kept == [(1, "anna", "saw"), (2, "anna", "edited")]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE audit.entries DISABLE TRIGGER ALL")


@pytest.mark.parametrize("guide", ["administrators.en.md", "administrators.zh.md"])
def test_what_was_backed_up_by_the_guides_commands_comes_back(
    url: str, engine: Engine, postgres_url: str, tmp_path: Path, guide: str
) -> None:
    var, other = tmp_path / "var", tmp_path / "other"
    (var / "storage" / "ab" / "cd").mkdir(parents=True)
    (var / "storage" / "ab" / "cd" / "x").write_bytes(b"content")
    (var / "secret").write_text("s")
    (var / "maps").mkdir()
    name = f"restored_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    backup = str(tmp_path / "backup")
    run_guide(guide, 'mkdir -p "$BACKUP"', DATABASE_URL=url, EADSCOPE_VAR=str(var), BACKUP=backup)
    run_guide(guide, "pg_restore", DATABASE_URL=named(postgres_url, name), EADSCOPE_VAR=str(other), BACKUP=backup)
    restored = make_engine(named(postgres_url, name))
    try:
        assert counts(restored) == counts(engine)
        with Session(restored) as session:
            assert load_analysis(session, session.query(Case).first().id) == analysis()  # type: ignore[union-attr]
    finally:
        restored.dispose()
    with psycopg.connect(named(postgres_url, name)) as connection:
        assert is_current(connection)
    assert (other / "storage" / "ab" / "cd" / "x").read_bytes() == b"content"
    assert (other / "secret").read_text() == "s"
