"""What probes ask: does the process answer, and is everything there that it needs."""

from __future__ import annotations

import psycopg
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.db.revision import is_current
from app.db.storage_places import take_into_use
from app.errors import Unavailable
from app.sandbox import WEAKER, walls


def add_health(app: FastAPI) -> None:
    """/healthz and /readyz. What the application's state holds is looked at, not the settings."""

    @app.get("/healthz", include_in_schema=False)
    def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> Response:
        """Database, its schema and the storage are there: 200, or 503 with what is missing. Warnings keep it at 200.

        A storage that could not be taken into use at the start is, once it and the database are there.
        """
        problems = {**_database_problem(app), **_storage_problem(app)}
        said = {"status": "away" if problems else "ready", **problems, **_warnings()}
        return JSONResponse(said, 503 if problems else 200)


def _warnings() -> dict[str, dict[str, str]]:
    weaker = WEAKER.get(walls())
    return {"warnings": {"tool_walls": weaker.en}} if weaker else {}


def _database_problem(app: FastAPI) -> dict[str, str]:
    try:
        with app.state.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            return {} if is_current(driver) else {"database": "not migrated"}
    except (psycopg.Error, DBAPIError, PoolTimeout) as error:
        return {"database": type(error).__name__}


def _storage_problem(app: FastAPI) -> dict[str, str]:
    try:
        app.state.storage.check()
    except Unavailable:
        take_into_use(app.state.sessions, app.state.storage)
    else:
        return {}
    try:
        app.state.storage.check()
    except Unavailable as error:
        return {"storage": error.text.en}
    return {}
