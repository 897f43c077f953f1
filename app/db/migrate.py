"""Bring a database to the schema of this version: our tables through Alembic, the queue's from Procrastinate."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from alembic import command
from alembic.config import Config
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text

from app.config import MIGRATIONS
from app.db.revision import queue_scripts
from app.db.session import make_engine
from app.db.url import libpq_url
from app.db.walls import make_application_role, seal_audit

# Any number that nobody else takes: two processes that start together migrate one after the other.
_LOCK = 0x45414453
_LOCK_TIMEOUT = "10s"


def migrate(url: str, revision: str = "head", *, owner_url: str | None = None) -> None:
    """Upgrade the database at `url` to `revision`; nothing happens when it is there already.

    The whole upgrade is one transaction. It gives up rather than queue behind a reader for longer than ten seconds,
    since everything else would queue behind it. `owner_url` may make roles: then the role of `url` is made, and the
    audit trail is put out of its reach.
    """
    if owner_url is not None:
        with psycopg.connect(libpq_url(owner_url)) as owner:
            make_application_role(owner, url)
    _run(url, lambda config: command.upgrade(config, revision), with_queue=True)
    if owner_url is not None:
        with psycopg.connect(libpq_url(owner_url)) as owner:
            seal_audit(owner, url)


def downgrade(url: str, revision: str) -> None:
    """Take our tables back to `revision` ("base" for none). The queue's stay."""
    _run(url, lambda config: command.downgrade(config, revision), with_queue=False)


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _run(url: str, step: Callable[[Config], None], *, with_queue: bool) -> None:
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            config = alembic_config()
            config.attributes["connection"] = connection
            step(config)
            if with_queue:
                _apply_queue_schema(connection)
    finally:
        engine.dispose()


def _apply_queue_schema(connection: Connection) -> None:
    """Create the queue's tables, or bring them to the installed Procrastinate by the scripts that it ships.

    `queue_schema` remembers which of its scripts this database has; a new database starts with all of them.
    """
    exists = connection.scalar(text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL"))
    connection.execute(text("CREATE TABLE IF NOT EXISTS queue_schema (script text PRIMARY KEY)"))
    applied = set(connection.scalars(text("SELECT script FROM queue_schema")))
    if not exists:
        _execute_script(connection, SchemaManager.get_schema())
    for script in queue_scripts():
        if script.name in applied:
            continue
        if exists:
            _execute_script(connection, script.read_text(encoding="utf-8"))
        connection.execute(text("INSERT INTO queue_schema VALUES (:script)"), {"script": script.name})


def _execute_script(connection: Connection, script: str) -> None:
    """Several statements as they stand: without parameters, psycopg takes every `%` as itself."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.execute(script.encode())
