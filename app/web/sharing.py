"""Who else sees a case: its group, and links that show it to people without an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.access import Principal
from app.accounts.entry import begin_visit
from app.accounts.people import group_named
from app.accounts.secret import new_token
from app.core.records import Text
from app.db import case_queries
from app.db.accounts import Group, ShareLink, User
from app.db.case_queries import CaseHead
from app.db.session import DatabaseSession
from app.web.cases import Head
from app.web.guard import CurrentPrincipal
from app.web.login import Spent, set_session_cookie, stay_of
from app.web.security import require_same_origin
from app.web.templating import render

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)
LONGEST_DAYS = 90
OVER = Text(
    "This link has expired or was withdrawn. Ask whoever gave it to you for a new one.",
    "该分享链接已过期或已撤销，请向提供者索取新链接。",
)


@router.get("/cases/{case_id}/sharing")
def sharing(request: Request, db: DatabaseSession, head: Head) -> Response:
    return _page(request, db, head)


def _page(request: Request, db: Session, head: CaseHead, new_link: str = "") -> Response:
    links = links_of(db, head.case.id)
    groups = db.scalars(select(Group).order_by(Group.name)).all()
    owner = db.get(User, head.case.owner_id) if head.case.owner_id is not None else None
    response = render(request, "sharing.html", head=head, links=links, groups=groups, owner=owner, new_link=new_link)
    response.headers["Cache-Control"] = "no-store"
    return response


def links_of(db: Session, case_id: int) -> list[tuple[ShareLink, str | None]]:
    """The links that still open the case, each with who made it; the newest first."""
    found = db.execute(
        select(ShareLink, User.name)
        .outerjoin(User, User.id == ShareLink.made_by)
        .where(ShareLink.case_id == case_id, ShareLink.expires_at > func.now())
        .order_by(ShareLink.id.desc())
    )
    return [(link, name) for link, name in found]


@router.post("/cases/{case_id}/sharing/group")
def give_to_group(db: DatabaseSession, head: Head, group: Annotated[str, Form(max_length=100)] = "") -> Response:
    case_queries.set_case(db, head.case.id, group_id=group_named(db, group).id if group.strip() else None)
    return RedirectResponse(f"/cases/{head.case.id}/sharing", 303)


@router.post("/cases/{case_id}/sharing/links")
def make_link(
    request: Request,
    db: DatabaseSession,
    head: Head,
    principal: CurrentPrincipal,
    days: Annotated[int, Form(ge=1, le=LONGEST_DAYS)] = 7,
    note: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """The link is shown once; only its digest is kept."""
    token = new_token()
    add_link(request, db, head.case.id, principal, token, days, note)
    return _page(request, db, head, f"{base_address(request)}/shared/{token}")


def add_link(
    request: Request, db: Session, case_id: int, principal: Principal, token: str, days: int, note: str
) -> ShareLink:
    link = ShareLink(
        case_id=case_id, made_by=principal.user_id, note=note.strip(),
        digest=request.app.state.keys.digest("share", token), expires_at=datetime.now(UTC) + timedelta(days=days),
    )  # fmt: skip
    db.add(link)
    db.flush()
    return link


def base_address(request: Request) -> str:
    """Where people reach this installation, without a slash at the end."""
    base: str = request.app.state.settings.public_url or str(request.base_url)
    return base.rstrip("/")


@router.post("/cases/{case_id}/sharing/links/{link_id}/revoke")
def revoke_link(db: DatabaseSession, head: Head, link_id: int) -> Response:
    """Whoever is looking at the case by it sees nothing more from now on."""
    db.execute(delete(ShareLink).where(ShareLink.id == link_id, ShareLink.case_id == head.case.id))
    return RedirectResponse(f"/cases/{head.case.id}/sharing", 303)


@router.get("/shared/{token}")
def open_shared(request: Request, db: DatabaseSession, principal: CurrentPrincipal, token: str) -> Response:
    """To the case. Somebody with an account stays who they are."""
    link = db.scalar(
        select(ShareLink).where(
            ShareLink.digest == request.app.state.keys.digest("share", token), ShareLink.expires_at > func.now()
        )
    )
    if link is None:
        raise Spent(OVER)
    db.execute(update(ShareLink).where(ShareLink.id == link.id).values(used_at=func.now()))
    response = RedirectResponse(f"/cases/{link.case_id}", 303, headers={"Cache-Control": "no-store"})
    if principal.role is None:
        options = request.app.state.settings
        stay = stay_of(options)
        set_session_cookie(response, options, "guest", begin_visit(db, request.app.state.keys, stay, link), stay)
    return response
