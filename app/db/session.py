"""The way to the database: one engine a process, one session a request or job."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import psycopg
from fastapi import Depends, Request
from psycopg import Connection
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from app.db.url import driver_url

REST_S = 0.5
_READING = frozenset({"GET", "HEAD"})


def make_engine(url: str, *, pool_size: int = 10) -> Engine:
    """An engine that finds out about a restarted server before it hands a dead connection to a request."""
    engine = create_engine(
        driver_url(url),
        pool_use_lifo=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        hide_parameters=True,  # a failed statement's values are about people, and errors reach the log
        connect_args={"connect_timeout": 5, "application_name": "eadscope"},
    )
    _ask_after_a_rest(engine)
    return engine


def _ask_after_a_rest(engine: Engine) -> None:
    """Before a connection is used that rested, ask whether the server is still there.

    Not before every use: a request takes one three times within milliseconds, and no server ends and starts in between.
    """

    def note_use(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    def ask(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get("used_at", math.inf) < REST_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", note_use)
    event.listen(engine, "checkout", ask)


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def look_up(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """For statements that each stand alone: no transaction has to be begun and ended around them."""
    with sessions() as session:
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield session


def is_away(error: BaseException) -> bool:
    """Whether the database was not there, or went away in the middle; what was asked for may succeed later."""
    return isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def driver_connection(session: Session) -> Connection[tuple[object, ...]]:
    """The psycopg connection under a session, inside its transaction: for COPY and for queueing a job with the rows."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, Connection)
    return connection


def read_one_moment(session: Session) -> None:
    """Let everything that this transaction reads be of one moment; call it first.

    Results are replaced while people read them: a page of several statements would otherwise have its first half from
    the old analysis, and find the rows of the second half gone.
    """
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _open_session(request: Request) -> Iterator[Session]:
    with request.app.state.sessions() as session:
        if request.method in _READING:
            read_one_moment(session)
        yield session
        session.commit()


# The one commit is at the edge, before the answer leaves; an exception on the way rolls everything back.
DatabaseSession = Annotated[Session, Depends(_open_session, scope="function")]
