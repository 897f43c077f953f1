"""The worker's tasks for what leaves the house: documents, and messages to webhooks."""

from __future__ import annotations

import asyncio

from procrastinate import Blueprint, JobContext
from procrastinate.retry import BaseRetryStrategy
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.jobs.child import ProcessDied, describe_death, run_child
from app.jobs.documents import HANDOVER, MAKE_DOCUMENT, fail_document, start_document
from app.jobs.retries import AfterRefusal
from app.jobs.webhooks import DELIVER, MOST_TRIES, WEBHOOKS, deliver


def handover_tasks(options: Settings, retry: BaseRetryStrategy) -> Blueprint:
    """`retry` is how a task goes on whose process died."""
    tasks = Blueprint()

    @tasks.task(name=MAKE_DOCUMENT, queue=HANDOVER, pass_context=True, retry=retry)
    async def make_document(context: JobContext, document_id: int) -> None:
        sessions: sessionmaker[Session] = context.additional_context["sessions"]
        run = await asyncio.to_thread(start_document, sessions, document_id)
        if run is None:
            return  # canceled or removed while it waited
        status = await run_child(options, "app.jobs.document_run", document_id, run)
        if status == 0:
            return
        if context.job.attempts + 1 >= options.max_tries:
            await asyncio.to_thread(fail_document, sessions, document_id, run, describe_death(status))
        raise ProcessDied(status)

    @tasks.task(name=DELIVER, queue=WEBHOOKS, pass_context=True, retry=AfterRefusal(options.webhook_retry_s))
    async def deliver_webhook(context: JobContext, delivery_id: int) -> None:
        sessions: sessionmaker[Session] = context.additional_context["sessions"]
        is_last = context.job.attempts + 1 >= MOST_TRIES
        await asyncio.to_thread(deliver, sessions, delivery_id, options.webhook_networks, is_last=is_last)

    return tasks
