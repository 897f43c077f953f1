"""Who else sees a case: its group, and links that show it to people without an account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.accounts.people import group_named
from app.accounts.secret import new_token
from app.core.records import Text
from app.db import case_queries
from app.db.accounts import Group, ShareLink, User
from app.db.models import Case
from app.db.session import DatabaseSession
from app.errors import NotFound
from app.web.api.cases import IdempotencyKey
from app.web.api.principal import CurrentPrincipal
from app.web.api.problems import problems
from app.web.api.shapes import LARGEST_ID, CaseId, GroupName, Words
from app.web.cases import load_head
from app.web.sharing import LONGEST_DAYS, add_link, base_address, links_of

router = APIRouter(tags=["sharing"])
LinkId = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[1])]


class GroupChoice(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"group": "Campus North"}})

    group: GroupName | None = Field(description="Made where there is none of this name; null: no group.")


class NewLink(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"days": 7, "note": "vendor's engineer"}})

    days: int = Field(default=7, ge=1, le=LONGEST_DAYS)
    note: Words = Field(default="", description="For whom it is.")


class LinkState(BaseModel):
    id: int = Field(examples=[1])
    note: str
    made_by: str | None
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime

    @classmethod
    def of(cls, link: ShareLink, made_by: str | None) -> LinkState:
        return cls(
            id=link.id, note=link.note, made_by=made_by, created_at=link.created_at, used_at=link.used_at,
            expires_at=link.expires_at,
        )  # fmt: skip


class MadeLink(LinkState):
    """The only answer with the address itself; who repeats the request with its idempotency key gets it again."""

    url: str = Field(examples=["https://eadscope.example.com/shared/0IaHGxv2tXPrCk4CvPBZ2W9JXWdLrLUoBNbCkkGKJvM"])


class Sharing(BaseModel):
    owner: str | None = Field(examples=["li"])
    group: str | None = Field(examples=["Campus North"])
    links: list[LinkState] = Field(description="Those that still work, newest first.")


@router.get("/cases/{case_id}/sharing", responses=problems(404))
def get_sharing(db: DatabaseSession, case_id: CaseId) -> Sharing:
    """Owner, group and links of a case."""
    return _sharing(db, load_head(db, case_id).case)


def _sharing(db: Session, case: Case) -> Sharing:
    owner = db.get(User, case.owner_id) if case.owner_id is not None else None
    group = db.get(Group, case.group_id) if case.group_id is not None else None
    return Sharing(
        owner=owner.name if owner is not None else None,
        group=group.name if group is not None else None,
        links=[LinkState.of(link, name) for link, name in links_of(db, case.id)],
    )


@router.put("/cases/{case_id}/sharing/group", responses=problems(404))
def give_to_group(db: DatabaseSession, case_id: CaseId, wanted: GroupChoice) -> Sharing:
    """Show the case to the people of a group, instead of the one that it had."""
    load_head(db, case_id)
    group = wanted.group.strip() if wanted.group is not None else ""
    case_queries.set_case(db, case_id, group_id=group_named(db, group).id if group else None)
    db.expire_all()
    return _sharing(db, load_head(db, case_id).case)


@router.post("/cases/{case_id}/sharing/links", status_code=201, responses=problems(404))
def make_link(
    request: Request,
    db: DatabaseSession,
    principal: CurrentPrincipal,
    case_id: CaseId,
    wanted: NewLink,
    idempotency_key: IdempotencyKey = None,
) -> MadeLink:
    """A link that shows this one case, read-only, to whoever has it."""
    load_head(db, case_id)
    keys = request.app.state.keys
    if idempotency_key is None:
        token, link = new_token(), None
    else:
        # Out of the key and our secret: the same request finds its link again, and the token is stored nowhere.
        token = keys.digest("share link", f"{principal.name}\n{case_id}\n{idempotency_key}")
        link = db.scalar(select(ShareLink).where(ShareLink.digest == keys.digest("share", token)))
    if link is None:
        link = add_link(request, db, case_id, principal, token, wanted.days, wanted.note)
        db.refresh(link)
    made_by = db.get(User, link.made_by) if link.made_by is not None else None
    told = LinkState.of(link, made_by.name if made_by is not None else None)
    return MadeLink(url=f"{base_address(request)}/shared/{token}", **told.model_dump())


@router.delete("/cases/{case_id}/sharing/links/{link_id}", status_code=204, responses=problems(404))
def revoke_link(db: DatabaseSession, case_id: CaseId, link_id: LinkId) -> None:
    """Whoever is looking at the case by it sees nothing more from now on."""
    load_head(db, case_id)
    mine = (ShareLink.id == link_id, ShareLink.case_id == case_id)
    if db.scalar(delete(ShareLink).where(*mine).returning(ShareLink.id)) is None:
        raise NotFound(Text(f"The case has no link {link_id}.", f"该案例没有编号为 {link_id} 的分享链接。"))
