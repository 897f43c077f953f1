"""For administrators: accounts, groups, and the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import delete, func, select

from app.access import Role
from app.accounts import audit
from app.accounts.people import add_user, change_user, give_password, load_user
from app.db.accounts import Group, User
from app.db.models import Case
from app.db.session import DatabaseSession
from app.web.guard import CurrentPrincipal
from app.web.security import require_same_origin
from app.web.templating import render

router = APIRouter(prefix="/admin", dependencies=[Depends(require_same_origin)], include_in_schema=False)
PEOPLE = "/admin/accounts"


@router.get("/accounts")
def accounts(request: Request, db: DatabaseSession) -> Response:
    users = db.execute(select(User, Group.name).outerjoin(Group, Group.id == User.group_id).order_by(User.name)).all()
    members = select(func.count()).where(User.group_id == Group.id).scalar_subquery()
    cases = select(func.count()).where(Case.group_id == Group.id).scalar_subquery()
    groups = db.execute(select(Group, members, cases).order_by(Group.name)).all()
    return render(request, "accounts.html", users=users, groups=groups, roles=list(Role))


@router.post("/accounts")
def make_account(
    db: DatabaseSession,
    name: Annotated[str, Form(max_length=200)],
    role: Annotated[Role, Form()],
    password: Annotated[str, Form(max_length=2000)] = "",
    group: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Without a password it can sign in by OpenID Connect or a one-time link only."""
    add_user(db, name, role, password or None, group.strip() or None)
    return RedirectResponse(PEOPLE, 303)


@router.post("/accounts/{user_id}")
def change_account(
    db: DatabaseSession,
    principal: CurrentPrincipal,
    user_id: int,
    role: Annotated[Role, Form()],
    group: Annotated[str, Form(max_length=100)] = "",
    disabled: Annotated[bool, Form()] = False,
) -> Response:
    user = load_user(db, user_id)
    change_user(db, user, principal.user_id, role, group, is_disabled=disabled)
    return RedirectResponse(PEOPLE, 303)


@router.post("/accounts/{user_id}/password")
def new_password(db: DatabaseSession, user_id: int, password: Annotated[str, Form(max_length=2000)]) -> Response:
    give_password(db, load_user(db, user_id), password)
    return RedirectResponse(PEOPLE, 303)


@router.post("/groups/{group_id}/delete")
def forget_group(db: DatabaseSession, group_id: int) -> Response:
    """Its people stay, its cases are then seen by their owners and by those who see all."""
    db.execute(delete(Group).where(Group.id == group_id))
    return RedirectResponse(PEOPLE, 303)


@router.get("/audit")
def audit_trail(
    request: Request, db: DatabaseSession, before: str = "", actor: str = "", action: str = "", case: str = ""
) -> Response:
    entries = audit.list_entries(db, _number(before), actor.strip()[:200], action.strip()[:60], _number(case))
    more = entries[-1].id if len(entries) == audit.PER_PAGE else None
    return render(request, "audit.html", entries=entries, more=more, actor=actor, action=action, case=case)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
