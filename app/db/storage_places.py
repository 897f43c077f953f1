"""Which places for files this installation has taken into use."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.orm import Session, sessionmaker

from app.db.models import Milestone
from app.errors import Unavailable
from app.storage import Storage


def take_into_use(sessions: sessionmaker[Session], storage: Storage) -> None:
    """Prepare a place that never was in use. One that was, and looks new, is an unmounted disk: it stays as it is.

    Where the place or the database is away, nothing happens; the check of readiness says so, and comes back to it.
    """
    if storage.place is None:
        return
    name = f"storage {storage.place}"
    with suppress(Unavailable, DBAPIError, TimeoutError), sessions() as session:
        if session.scalar(select(Milestone.id).where(Milestone.name == name)) is not None:
            return
        storage.prepare()
        session.execute(insert(Milestone).values(name=name).on_conflict_do_nothing())
        session.commit()
