"""Who is told when an analysis ends, how what is told is signed, and what becomes of each message.

Signed as Standard Webhooks does it (https://www.standardwebhooks.com), for which receivers have libraries: HMAC-SHA256
over `id.time.body` with a secret that only both ends know.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from app import __version__
from app.db.handover import DELIVERED, GIVEN_UP, WAITING, Delivery, Webhook
from app.db.models import Analysis
from app.errors import Rejected
from app.jobs.outbound import Network, post
from app.jobs.queue import put_job

WEBHOOKS = "webhooks"  # a queue of its own: a receiver that answers slowly keeps nobody waiting
DELIVER = "deliver_webhook"
MOST_TRIES = 8
MOST_PAUSE_S = 2 * 3600
SECRET_PREFIX = "whsec_"
LONGEST_ERROR = 500


class NotDelivered(Exception):
    """It did not arrive; it is tried again."""


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed_headers(secret: str, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers that let a receiver check who sent the body, and when."""
    moment = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, b".".join((message_id.encode(), moment.encode(), body)), hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def announce(session: Session, analysis_id: int) -> None:
    """Put a message for every webhook into the queue, with the rows that say how the analysis ended."""
    hooks = session.scalars(select(Webhook.id).order_by(Webhook.id)).all()
    if not hooks:
        return
    run = session.get_one(Analysis, analysis_id, populate_existing=True)
    for hook_id in hooks:
        delivery = Delivery(webhook_id=hook_id, payload=payload_of(run))
        session.add(delivery)
        session.flush()
        put_job(session, WEBHOOKS, DELIVER, delivery_id=delivery.id)


def payload_of(run: Analysis) -> dict[str, Any]:
    """What is told: numbers and codes only, no name of anybody; the rest is read over the API by whoever may."""
    return {
        "type": "analysis.ended",
        "timestamp": (run.finished_at or datetime.now(UTC)).isoformat(),
        "data": {
            "case": run.case_id,
            "analysis": run.id,
            "state": run.state,
            "terminals": run.terminal_count,
            "failed_terminals": run.failed_count,
            "main_finding": run.main_finding,
            "error": {"en": run.error_en, "zh": run.error_zh} if run.error_en else None,
            "verdict": f"/api/v1/cases/{run.case_id}/verdict",
        },
    }


def deliver(sessions: sessionmaker[Session], delivery_id: int, allowed: Sequence[Network], *, is_last: bool) -> None:
    """One try. Raises NotDelivered where there shall be another."""
    with sessions() as session:
        row = session.execute(
            select(Delivery.payload, Webhook.url, Webhook.secret)
            .join(Webhook, Webhook.id == Delivery.webhook_id)
            .where(Delivery.id == delivery_id, Delivery.state == WAITING)
        ).first()
    if row is None:
        return  # the webhook was removed
    payload, url, secret = row
    status, error, is_final = _try(delivery_id, payload, url, secret, allowed)
    is_delivered = not error
    state = DELIVERED if is_delivered else GIVEN_UP if is_last or is_final else WAITING
    values = {"state": state, "tries": Delivery.tries + 1, "status": status, "error": error, "tried_at": func.now()}
    with sessions() as session:
        session.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))
        session.commit()
    if state == WAITING:
        raise NotDelivered(error)


def _try(
    delivery_id: int, payload: Mapping[str, Any], url: str, secret: str, allowed: Sequence[Network]
) -> tuple[int | None, str, bool]:
    """(status, what went wrong, whether trying again is of no use)"""
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = signed_headers(secret, f"msg_{delivery_id}", body, datetime.now(UTC))
    told = {"Content-Type": "application/json", "User-Agent": f"EADScope/{__version__}", **headers}
    try:
        status = post(url, body, told, allowed)
    except Rejected as error:
        return None, error.text.en[:LONGEST_ERROR], False
    except (OSError, HTTPException) as error:
        return None, f"{type(error).__name__}: {error}"[:LONGEST_ERROR], False
    if 200 <= status < 300:
        return status, "", False
    # 410 is how a receiver says that it wants no more of these.
    return status, f"the receiver answered {status}", status == 410


def pause_s(tries: int, first_s: float) -> float:
    """How long to wait after so many tries: three times as long each time."""
    return float(min(first_s * 3 ** (tries - 1), MOST_PAUSE_S))
