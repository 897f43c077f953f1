"""For administrators: how long cases are kept, how much each person may upload, and which cases are on hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.records import Text
from app.db import site
from app.db.models import Case
from app.db.session import DatabaseSession
from app.errors import NotFound
from app.jobs.upkeep import overdue_cases
from app.web.api.principal import CurrentPrincipal
from app.web.api.problems import problems
from app.web.api.shapes import CaseId, storable
from app.web.keeping import set_hold

router = APIRouter(tags=["keeping"])
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S"), AfterValidator(storable)]
MOST_TOLD = 500


class HeldCase(BaseModel):
    case: int = Field(examples=[1])
    reason: str = Field(examples=["legal hold until March"])


class Kept(BaseModel):
    """null: without a limit."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"retention_days": 180, "quota_bytes": 50_000_000_000}}
    )

    retention_days: int | None = Field(
        ge=1, le=36_500, description="After how many days without a change a case is deleted.", examples=[180]
    )
    quota_bytes: int | None = Field(ge=1_000_000, le=10**15, description="For each person.", examples=[50_000_000_000])


class Keeping(BaseModel):
    retention_days: int | None = Field(examples=[180])
    quota_bytes: int | None = Field(examples=[50_000_000_000])
    on_hold: list[HeldCase]
    overdue: list[int] = Field(description=f"Cases that are deleted next, the first {MOST_TOLD}.", examples=[[4, 9]])


class Hold(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "legal hold until March"}})

    reason: Reason


@router.get("/keeping", responses=problems())
def get_keeping(db: DatabaseSession) -> Keeping:
    """How long cases are kept, which are on hold and which go next."""
    return _keeping(db)


def _keeping(db: Session) -> Keeping:
    days = site.retention_days(db)
    held = db.scalars(select(Case).where(Case.hold_reason != "").order_by(Case.id)).all()
    overdue = overdue_cases(db, days, datetime.now(UTC))
    return Keeping(
        retention_days=days,
        quota_bytes=site.quota_bytes(db),
        on_hold=[HeldCase(case=case.id, reason=case.hold_reason) for case in held],
        overdue=[case.id for case in overdue[:MOST_TOLD]],
    )


@router.put("/keeping", responses=problems())
def change_keeping(db: DatabaseSession, principal: CurrentPrincipal, wanted: Kept) -> Keeping:
    """Set both limits."""
    site.set_retention_days(db, wanted.retention_days)
    site.set_quota_bytes(db, wanted.quota_bytes)
    told = f"{wanted.retention_days or 'no'} days, {wanted.quota_bytes or 'no'} bytes"
    audit.record(db, audit.actor_of(principal), "changed what is kept", None, told)
    return _keeping(db)


@router.put("/cases/{case_id}/hold", responses=problems(404))
def hold_case(db: DatabaseSession, case_id: CaseId, wanted: Hold) -> HeldCase:
    """Nobody deletes a case on hold, neither by hand nor by its age."""
    _must_exist(db, case_id)
    set_hold(db, case_id, wanted.reason.strip())
    return HeldCase(case=case_id, reason=wanted.reason.strip())


@router.delete("/cases/{case_id}/hold", status_code=204, responses=problems(404))
def end_hold(db: DatabaseSession, case_id: CaseId) -> None:
    """From now on the case may be deleted, and its age counts again."""
    _must_exist(db, case_id)
    set_hold(db, case_id, "")


def _must_exist(db: Session, case_id: int) -> None:
    if db.get(Case, case_id) is None:
        raise NotFound(Text(f"There is no case {case_id}.", f"没有编号为 {case_id} 的案例。"))
