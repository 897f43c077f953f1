"""Signing in by OpenID Connect: away to the provider, and back."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.accounts import audit
from app.accounts.openid import NOT_CONFIRMED, Flow, Provider, account_of, new_flow
from app.config import Settings
from app.core.records import Text
from app.db.session import DatabaseSession
from app.errors import Forbidden, NotFound
from app.web.guard import CurrentPrincipal, cookie_name
from app.web.login import local_path, set_cookie, sign_in, stay_of
from app.web.security import require_same_origin

router = APIRouter(prefix="/login/openid", dependencies=[Depends(require_same_origin)], include_in_schema=False)
LONGEST_S = 600  # somebody looks for the second factor
NOT_SET_UP = Text("Signing in by an identity provider is not set up here.", "此处未配置通过身份提供方登录。")


@router.get("")
def leave(request: Request, to: str = "/cases") -> Response:
    provider, options = _provider(request), request.app.state.settings
    flow = new_flow(local_path(to))
    response = RedirectResponse(provider.address(flow, _callback(request)), 303)
    set_cookie(response, options, "openid", _signer(request).dumps(asdict(flow)), LONGEST_S)
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get("/callback")
def come_back(request: Request, db: DatabaseSession, principal: CurrentPrincipal) -> Response:
    """Only the browser that left can come back, and only with the answer to what it asked for."""
    provider, options = _provider(request), request.app.state.settings
    try:
        kept = _signer(request).loads(request.cookies.get(cookie_name(options, "openid"), ""), max_age=LONGEST_S)
        flow = Flow(**kept)
    except (BadSignature, TypeError) as error:
        raise Forbidden(NOT_CONFIRMED) from error
    if request.query_params.get("state") != flow.state or "code" not in request.query_params:
        raise Forbidden(NOT_CONFIRMED)
    answered = f"{_callback(request)}?{request.url.query}"
    user = account_of(db, options, provider.claims(flow, _callback(request), answered))
    audit.record(db, user.name, "signed in", None, "OpenID Connect")
    response = sign_in(request, db, user.id, principal.session_id, stay_of(options), flow.to)
    response.delete_cookie(cookie_name(options, "openid"), path="/", secure=not options.is_loopback, httponly=True)
    return response


def _provider(request: Request) -> Provider:
    provider = request.app.state.openid
    if provider is None:
        raise NotFound(NOT_SET_UP)
    assert isinstance(provider, Provider)
    return provider


def _callback(request: Request) -> str:
    options: Settings = request.app.state.settings
    return f"{(options.public_url or str(request.base_url)).rstrip('/')}/login/openid/callback"


def _signer(request: Request) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(request.app.state.keys.digest("signing key", "openid"))
