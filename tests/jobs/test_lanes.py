"""A worker process is one to people, and a worker for each lane to the queue."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db.operations import Worker, workers
from tests.jobs.test_jobs import WAIT_S, settings, worker

__all__ = ["settings"]


@pytest.fixture(autouse=True)
def clean(sessions: sessionmaker[Session]) -> Iterator[None]:
    yield
    with sessions() as session, session.begin():
        session.execute(text("DELETE FROM procrastinate_workers"))


def until_lanes(sessions: sessionmaker[Session], number: int) -> Sequence[Worker]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with sessions() as session:
            found = workers(session)
        if sum(bool(lane.name) for one in found for lane in one.lanes) == number:
            return found
        time.sleep(0.05)
    pytest.fail(f"never {number} lanes")


def test_each_process_is_one_worker_with_its_lanes(sessions: sessionmaker[Session], settings: Settings) -> None:
    with worker(settings) as first, worker(settings) as second:
        found = until_lanes(sessions, 6)
        assert {int(one.name.rpartition(":")[2]) for one in found} == {first.pid, second.pid}
        assert all([lane.name for lane in one.lanes] == ["analysis", "handover", "webhooks"] for one in found)
    assert until_lanes(sessions, 0) == []
