"""Who is told when an analysis ends, and what became of each message."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from app.core.records import Text
from app.db.handover import Delivery, Webhook
from app.db.session import DatabaseSession
from app.errors import Conflict, NotFound
from app.jobs.outbound import LONGEST_URL, check_url
from app.jobs.webhooks import new_secret
from app.web.api.principal import CurrentPrincipal
from app.web.api.problems import problems
from app.web.api.shapes import LARGEST_ID


def there_already(webhook_id: int) -> Text:
    return Text(
        f"Webhook {webhook_id} tells this address already; remove it to get a new secret.",
        f"编号为 {webhook_id} 的 Webhook 已通知该地址；如需新密钥，请先删除它。",
    )


router = APIRouter(tags=["webhooks"])
MOST_HOOKS = 20
MOST_DELIVERIES = 100
WebhookId = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[1])]


class NewWebhook(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"url": "https://tickets.example.com/hooks/eadscope"}}
    )

    url: str = Field(min_length=1, max_length=LONGEST_URL, pattern=r"^[\x21-\x7e]+$", description="http or https.")


class WebhookState(BaseModel):
    id: int = Field(examples=[1])
    url: str = Field(examples=["https://tickets.example.com/hooks/eadscope"])
    created_by: str
    created_at: datetime


class MadeWebhook(WebhookState):
    """The only answer with the secret that messages are signed with (Standard Webhooks, HMAC-SHA256)."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class DeliveryState(BaseModel):
    """One message. The last try is told: the status of the answer, or what went wrong."""

    id: int = Field(examples=[1])
    state: Literal["waiting", "delivered", "given-up"]
    tries: int = Field(examples=[1])
    status: int | None = Field(examples=[204])
    error: str
    case: int = Field(examples=[7])
    analysis: int = Field(examples=[12])
    created_at: datetime
    tried_at: datetime | None


@router.post("/webhooks", status_code=201, responses=problems(409, details={409: there_already(1)}))
def add_webhook(
    response: Response, db: DatabaseSession, principal: CurrentPrincipal, wanted: NewWebhook
) -> MadeWebhook:
    """Tell an address whenever an analysis ends, well or not. Each message is a signed POST of `analysis.ended`.

    An address that is told already is refused (409, with the webhook's number): it would hear everything twice, and its
    secret is not told a second time. Whoever lost that removes the webhook and adds it again.
    """
    # Two requests at once shall not both find that there is none.
    db.execute(text("LOCK TABLE webhooks IN SHARE ROW EXCLUSIVE MODE"))
    known = db.scalar(select(Webhook.id).where(Webhook.url == check_url(wanted.url)))
    if known is not None:
        raise Conflict(there_already(known))
    if (db.scalar(select(func.count()).select_from(Webhook)) or 0) >= MOST_HOOKS:
        raise Conflict(Text(f"There are {MOST_HOOKS} webhooks already.", f"已有 {MOST_HOOKS} 个 Webhook。"))
    hook = Webhook(url=check_url(wanted.url), secret=new_secret(), created_by=principal.name)
    db.add(hook)
    db.flush()
    db.refresh(hook)
    response.headers["Location"] = f"/api/v1/webhooks/{hook.id}"
    return MadeWebhook(secret=hook.secret, **_state(hook).model_dump())


def _state(hook: Webhook) -> WebhookState:
    return WebhookState(id=hook.id, url=hook.url, created_by=hook.created_by, created_at=hook.created_at)


@router.get("/webhooks", responses=problems())
def list_webhooks(db: DatabaseSession) -> list[WebhookState]:
    return [_state(hook) for hook in db.scalars(select(Webhook).order_by(Webhook.id))]


@router.delete("/webhooks/{webhook_id}", status_code=204, responses=problems(404))
def remove_webhook(db: DatabaseSession, webhook_id: WebhookId) -> None:
    """Messages that still wait for it are forgotten."""
    _load(db, webhook_id)
    db.execute(delete(Webhook).where(Webhook.id == webhook_id))


@router.get("/webhooks/{webhook_id}/deliveries", responses=problems(404))
def list_deliveries(db: DatabaseSession, webhook_id: WebhookId) -> list[DeliveryState]:
    """The newest messages first, so that a receiver that hears nothing can find out why."""
    _load(db, webhook_id)
    mine = select(Delivery).where(Delivery.webhook_id == webhook_id)
    rows = db.scalars(mine.order_by(Delivery.id.desc()).limit(MOST_DELIVERIES)).all()
    return [_delivery(row) for row in rows]


def _delivery(row: Delivery) -> DeliveryState:
    told = row.payload["data"]
    return DeliveryState.model_validate(
        {
            "id": row.id, "state": row.state, "tries": row.tries, "status": row.status, "error": row.error,
            "case": told["case"], "analysis": told["analysis"], "created_at": row.created_at, "tried_at": row.tried_at,
        }
    )  # fmt: skip


def _load(db: Session, webhook_id: int) -> Webhook:
    hook = db.get(Webhook, webhook_id)
    if hook is None:
        raise NotFound(Text(f"There is no webhook {webhook_id}.", f"没有编号为 {webhook_id} 的 Webhook。"))
    return hook
