"""Which end of a job is its last."""

from __future__ import annotations

import asyncio

import pytest
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from app.jobs.child import ProcessDied
from app.jobs.retries import AfterDeath, AfterRefusal
from app.jobs.webhooks import NotDelivered

BOTH = [AfterDeath(max_tries=3), AfterRefusal(first_s=1.0)]


def job(attempts: int) -> Job:
    return Job(id=1, queue="q", lock=None, queueing_lock=None, task_name="t", attempts=attempts)


@pytest.fixture(scope="module")
def nobody_there() -> OperationalError:
    """What a statement raises while no server listens."""
    with pytest.raises(OperationalError) as raised, create_engine("postgresql+psycopg://u@127.0.0.1:1/x").connect():
        pass
    return raised.value


@pytest.mark.parametrize("strategy", BOTH)
@pytest.mark.parametrize("attempts", [0, 2, 500])
def test_a_database_that_is_away_ends_no_job(
    strategy: BaseRetryStrategy, attempts: int, nobody_there: OperationalError
) -> None:
    assert strategy.get_retry_decision(exception=nobody_there, job=job(attempts)) is not None


@pytest.mark.parametrize("strategy", BOTH)
def test_a_database_that_dies_under_a_statement_ends_no_job(
    strategy: BaseRetryStrategy, sessions: sessionmaker[Session]
) -> None:
    with sessions() as victim, sessions() as killer:
        number = victim.scalar(text("SELECT pg_backend_pid()"))
        killer.execute(text("SELECT pg_terminate_backend(:number, 5000)"), {"number": number})
        with pytest.raises(DBAPIError) as raised:
            victim.execute(text("SELECT 1"))
    assert strategy.get_retry_decision(exception=raised.value, job=job(5)) is not None


@pytest.mark.parametrize("strategy", BOTH)
def test_a_shutdown_ends_no_job(strategy: BaseRetryStrategy) -> None:
    assert strategy.get_retry_decision(exception=asyncio.CancelledError(), job=job(9)) is not None


@pytest.mark.parametrize("strategy", BOTH)
def test_a_fault_of_the_program_is_not_repeated(strategy: BaseRetryStrategy, sessions: sessionmaker[Session]) -> None:
    with sessions() as session, pytest.raises(DBAPIError) as raised:
        session.execute(text("SELECT nothing_of_that_name"))
    for fault in (raised.value, KeyError("x")):
        assert strategy.get_retry_decision(exception=fault, job=job(0)) is None


def test_a_process_that_died_too_often_is_left() -> None:
    decided = [BOTH[0].get_retry_decision(exception=ProcessDied(-9), job=job(tries)) for tries in range(3)]
    assert [decision is not None for decision in decided] == [True, True, False]


def test_a_message_that_did_not_arrive_goes_again() -> None:
    assert BOTH[1].get_retry_decision(exception=NotDelivered("x"), job=job(0)) is not None
