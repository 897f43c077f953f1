"""When a job that did not end well goes again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from app.db.session import is_away
from app.jobs.child import ProcessDied
from app.jobs.webhooks import NotDelivered, pause_s

AWAY_S = 2  # the database went away between two statements of ours: it may be back before it is asked again


class _Patient(BaseRetryStrategy):
    """What is no fault of the job, a shutdown or a database that went away, ends none, however often it happens."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        if is_away(exception):
            return RetryDecision(retry_in={"seconds": AWAY_S})
        return self.after(exception, job)

    def after(self, exception: BaseException, job: Job) -> RetryDecision | None:
        raise NotImplementedError


class AfterDeath(_Patient):
    """A process that died is begun again, after a growing pause; a failure that was written down is not."""

    def __init__(self, max_tries: int) -> None:
        self._max_tries = max_tries

    def after(self, exception: BaseException, job: Job) -> RetryDecision | None:
        if not isinstance(exception, ProcessDied) or job.attempts + 1 >= self._max_tries:
            return None
        return RetryDecision(retry_in={"seconds": 2 ** (job.attempts + 1)})


class AfterRefusal(_Patient):
    """What did not arrive goes again after a growing pause."""

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s

    def after(self, exception: BaseException, job: Job) -> RetryDecision | None:
        if not isinstance(exception, NotDelivered):
            return None
        pause = pause_s(job.attempts + 1, self._first_s)
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=pause))
