"""The lanes of a worker process: each is a worker of its own to the queue, which knows nothing of processes."""

from __future__ import annotations

import os
import socket
from contextvars import ContextVar

from procrastinate.manager import JobManager

from app.jobs.asking import QUEUE
from app.jobs.documents import HANDOVER
from app.jobs.webhooks import WEBHOOKS

LANES = ((QUEUE, 1), (HANDOVER, 1), (WEBHOOKS, 4))  # queue, and how many of its jobs one process does at a time
current_lane: ContextVar[str] = ContextVar("current_lane")
# What was written of workers that are gone goes with the next one that comes.
_FORGET = "DELETE FROM worker_lanes WHERE worker_id NOT IN (SELECT id FROM procrastinate_workers)"
_SAY = "INSERT INTO worker_lanes (worker_id, process, lane) VALUES (%(worker)s, %(process)s, %(lane)s)"


class LaneManager(JobManager):
    """Writes to each worker that is registered which process it is of, and which lane."""

    async def register_worker(self) -> int:
        worker = await super().register_worker()
        process = f"{socket.gethostname()}:{os.getpid()}"
        await self.connector.execute_query_async(_FORGET)
        await self.connector.execute_query_async(_SAY, process=process, lane=current_lane.get(), worker=worker)
        return worker
