"""For administrators: how long cases are kept, which are on hold, and how much each person may upload."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.records import Text
from app.db import site
from app.db.models import Case
from app.db.session import DatabaseSession
from app.errors import Rejected
from app.jobs.upkeep import overdue_cases
from app.web.guard import CurrentPrincipal
from app.web.security import require_same_origin
from app.web.templating import render

router = APIRouter(prefix="/admin/keeping", dependencies=[Depends(require_same_origin)], include_in_schema=False)
PAGE = "/admin/keeping"
GB = 10**9
SHOWN = 50


@router.get("", response_class=HTMLResponse)
def keeping(request: Request, db: DatabaseSession) -> Response:
    days, quota = site.retention_days(db), site.quota_bytes(db)
    held = db.scalars(select(Case).where(Case.hold_reason != "").order_by(Case.id)).all()
    overdue = overdue_cases(db, days, datetime.now(UTC))
    return render(
        request,
        "keeping.html",
        days=days,
        quota_gb=None if quota is None else quota / GB,
        held=held,
        overdue=overdue[:SHOWN],
        overdue_count=len(overdue),
    )


@router.post("/settings")
def change_settings(
    db: DatabaseSession,
    principal: CurrentPrincipal,
    days: Annotated[str, Form()] = "",
    quota_gb: Annotated[str, Form()] = "",
) -> Response:
    """Empty: without a limit."""
    kept = _number(days, 1, 36_500)
    quota = _number(quota_gb, 0.001, 1_000_000)
    site.set_retention_days(db, None if kept is None else int(kept))
    site.set_quota_bytes(db, None if quota is None else int(quota * GB))
    audit.record(db, principal.name, "changed what is kept", None, f"{days or 'no'} days, {quota_gb or 'no'} GB")
    return RedirectResponse(PAGE, 303)


@router.post("/holds")
def hold(
    db: DatabaseSession,
    case: Annotated[int, Form()],
    reason: Annotated[str, Form(max_length=500)],
    on: Annotated[Literal["", "case"], Form()] = "",
) -> Response:
    """Nobody deletes a case on hold, neither by hand nor by its age."""
    if not reason.strip():
        raise Rejected(Text("Say why the case is kept.", "请填写保留原因。"))
    if db.get(Case, case) is None:
        raise Rejected(Text(f"There is no case {case}.", f"没有编号为 {case} 的案例。"))
    set_hold(db, case, reason.strip())
    return _back(on, case)


@router.post("/holds/{case_id}/end")
def end_hold(db: DatabaseSession, case_id: int, on: Annotated[Literal["", "case"], Form()] = "") -> Response:
    set_hold(db, case_id, "")
    return _back(on, case_id)


def _back(on: str, case_id: int) -> Response:
    """To the page on which the form was: the case's, or ours."""
    return RedirectResponse(f"/cases/{case_id}" if on == "case" else PAGE, 303)


def set_hold(db: Session, case_id: int, reason: str) -> None:
    """Without counting as a change of the case: its age goes on."""
    db.execute(update(Case).where(Case.id == case_id).values(hold_reason=reason))


def _number(said: str, least: float, most: float) -> float | None:
    if not said.strip():
        return None
    try:
        value = float(said)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise Rejected(Text(f"A number from {least} to {most} is needed.", f"请输入 {least} 到 {most} 之间的数字。"))
    return value
