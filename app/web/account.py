"""The own account: password, browsers that are signed in, tokens for programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.access import Principal, Scope
from app.accounts import audit
from app.accounts.entry import add_token, end_all_sessions, end_session
from app.accounts.passwords import hash_password, verify_password
from app.core.records import Text
from app.db.accounts import ApiToken, User, WebSession
from app.db.session import DatabaseSession
from app.errors import NotFound, Rejected
from app.web.guard import CurrentPrincipal
from app.web.security import require_same_origin
from app.web.templating import render

router = APIRouter(prefix="/account", dependencies=[Depends(require_same_origin)], include_in_schema=False)
LONGEST_DAYS = 365


@router.get("")
def account(request: Request, db: DatabaseSession, principal: CurrentPrincipal) -> Response:
    return _page(request, db, principal)


def _page(request: Request, db: Session, principal: Principal, new_token: str = "") -> Response:
    """`new_token` is shown this once, so the page is not kept anywhere."""
    own = principal.user_id
    sessions = db.scalars(select(WebSession).where(WebSession.user_id == own).order_by(WebSession.seen_at.desc())).all()
    tokens = db.scalars(select(ApiToken).where(ApiToken.user_id == own).order_by(ApiToken.id.desc())).all()
    user = db.get_one(User, own)
    response = render(
        request, "account.html", user=user, sessions=sessions, tokens=tokens, new_token=new_token, scopes=list(Scope)
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@router.post("/password")
def change_password(
    db: DatabaseSession,
    principal: CurrentPrincipal,
    new: Annotated[str, Form(max_length=2000)],
    current: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """The other browsers of this account are signed out: whoever knew the old password is no longer in."""
    user = db.get_one(User, principal.user_id)
    if user.password_hash is not None and not verify_password(current, user.password_hash):
        raise Rejected(Text("The current password is wrong.", "当前密码不正确。"))
    user.password_hash = hash_password(new, user.name)
    end_all_sessions(db, user.id, but=principal.session_id)
    audit.record(db, user.name, "changed the password")
    return RedirectResponse("/account", 303)


@router.post("/sessions/end")
def sign_out_everywhere(db: DatabaseSession, principal: CurrentPrincipal) -> Response:
    assert principal.user_id is not None
    end_all_sessions(db, principal.user_id)
    audit.record(db, principal.name, "signed out everywhere")
    return RedirectResponse("/login", 303)


@router.post("/sessions/{session_id}/end")
def sign_out_one(db: DatabaseSession, principal: CurrentPrincipal, session_id: int) -> Response:
    found = db.get(WebSession, session_id)
    if found is not None and found.user_id == principal.user_id:
        end_session(db, session_id)
    return RedirectResponse("/account", 303)


@router.post("/tokens")
def make_token(
    request: Request,
    db: DatabaseSession,
    principal: CurrentPrincipal,
    name: Annotated[str, Form(max_length=100)],
    days: Annotated[int, Form(ge=1, le=LONGEST_DAYS)] = 90,
    scope: Annotated[list[Scope] | None, Form()] = None,
) -> Response:
    if not name.strip() or not scope:
        raise Rejected(Text("A token needs a name and at least one scope.", "令牌需要名称和至少一个权限范围。"))
    assert principal.user_id is not None
    keys = request.app.state.keys
    token, row = add_token(db, keys, principal.user_id, name.strip(), frozenset(scope), timedelta(days=days))
    audit.record(db, principal.name, "made a token", None, f"{row.hint}… {' '.join(row.scopes)}")
    return _page(request, db, principal, token)


@router.post("/tokens/{token_id}/revoke")
def revoke_token(db: DatabaseSession, principal: CurrentPrincipal, token_id: int) -> Response:
    own = (ApiToken.id == token_id, ApiToken.user_id == principal.user_id)
    hint = db.scalar(delete(ApiToken).where(*own).returning(ApiToken.hint))
    if hint is None:
        raise NotFound(Text("There is no such token.", "没有此令牌。"))
    audit.record(db, principal.name, "revoked a token", None, f"{hint}…")
    return RedirectResponse("/account", 303)
