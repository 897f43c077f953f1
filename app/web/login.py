"""Signing in and out: by password, by a one-time link."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session, sessionmaker

from app.accounts import audit
from app.accounts.entry import OWN_MACHINE, NewSession, Stay, begin_session, end_session, redeem_login_link
from app.accounts.lockout import count_attempt, forgive, subjects
from app.accounts.passwords import verify_password
from app.accounts.people import find_user
from app.accounts.secret import Keyring, new_token
from app.config import Settings
from app.core.records import Text
from app.db.accounts import User
from app.db.session import DatabaseSession
from app.errors import AppError
from app.web.guard import CurrentPrincipal, cookie_name
from app.web.security import require_same_origin
from app.web.templating import render

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)

UNKNOWN = "unknown"
WRONG = Text("The name or the password is wrong.", "用户名或密码不正确。")
NO_COOKIE = Text(
    "Your browser did not send this page's cookie back. Allow cookies, and open the page by https.",
    "浏览器未回传本页的 Cookie。请允许使用 Cookie，并通过 https 打开页面。",
)
SPENT = Text(
    "This link was used before or is too old. On the machine of EADScope, `eadscope admin link` prints a new one.",
    "该链接已使用或已过期。请在运行 EADScope 的机器上执行 eadscope admin link 获取新链接。",
)


def login_address(request: Request) -> str:
    """Where to sign in, and come back from to the page that was asked for."""
    query = f"?{request.url.query}" if request.url.query else ""
    return "/login?" + urlencode({"to": request.url.path + query})


def local_path(target: str) -> str:
    """Only to our own pages: `//elsewhere` and `/\\elsewhere` are other sites to a browser."""
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target[:2000] if is_ours else "/cases"


@router.get("/login")
def login_page(request: Request, to: str = "/cases") -> Response:
    return _login_page(request, local_path(to))


def _login_page(request: Request, to: str, status: int = 200, name: str = "", problem: Text | None = None) -> Response:
    """With a token of its own, held by a cookie: nobody else's page can sign a browser in."""
    options: Settings = request.app.state.settings
    kept = request.cookies.get(cookie_name(options, "before")) or new_token()
    response = render(
        request,
        "login.html",
        status,
        to=to,
        given_name=name,
        problem=problem,
        before=request.app.state.keys.digest("before", kept),
        is_loopback=options.is_loopback,
        provider=options.openid_name if options.openid_issuer else None,
    )
    response.headers["Cache-Control"] = "no-store"
    set_cookie(response, options, "before", kept, None)
    return response


@router.post("/login")
def log_in(
    request: Request,
    principal: CurrentPrincipal,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=2000)] = "",
    before: Annotated[str, Form(max_length=200)] = "",
    to: Annotated[str, Form(max_length=4000)] = "/cases",
) -> Response:
    """A right password begins a new session, whatever there was. Everything else gets one and the same answer."""
    options: Settings = request.app.state.settings
    keys: Keyring = request.app.state.keys
    sessions: sessionmaker[Session] = request.app.state.sessions
    target = local_path(to)
    if not keys.matches("before", request.cookies.get(cookie_name(options, "before"), ""), before):
        return _login_page(request, target, 400, name, NO_COOKIE)
    attempt = subjects(keys, name, request.client.host if request.client else "")
    with sessions() as db, db.begin():
        wait_s = count_attempt(db, attempt)
        if wait_s:
            audit.record(db, _known_name(db, name), "was kept out after wrong passwords")
    if wait_s:
        response = _login_page(request, target, 429, name, _wait(wait_s))
        response.headers["Retry-After"] = str(wait_s)
        return response
    with sessions() as db:
        user = find_user(db, name)
    # No transaction is open while the password is checked: that takes its time on purpose.
    if not verify_password(password, user.password_hash if user and not user.is_disabled else None) or user is None:
        with sessions() as db, db.begin():
            audit.record(db, user.name if user else UNKNOWN, "gave a wrong password")
        return _login_page(request, target, 401, name, WRONG)
    with sessions() as db, db.begin():
        forgive(db, attempt)
        audit.record(db, user.name, "signed in", None, "password")
        return sign_in(request, db, user.id, principal.session_id, stay_of(options), target)


def _known_name(db: Session, name: str) -> str:
    """What was typed as a name may be somebody's password: it is kept only where there is such an account."""
    user = find_user(db, name)
    return user.name if user else UNKNOWN


def _wait(wait_s: int) -> Text:
    return Text(
        f"Too many attempts with this name or from this address. Try again in {wait_s} s.",
        f"该用户名或该地址的尝试次数过多，请在 {wait_s} 秒后重试。",
    )


def stay_of(options: Settings) -> Stay:
    return Stay(timedelta(seconds=options.session_idle_s), timedelta(seconds=options.session_life_s))


def sign_in(request: Request, db: Session, user_id: int, earlier: int | None, stay: Stay, target: str) -> Response:
    """The answer that sets the new session's cookie; the session that the browser had ends."""
    options: Settings = request.app.state.settings
    if earlier is not None:
        end_session(db, earlier)
    made = begin_session(db, request.app.state.keys, stay, client_name(request), user_id=user_id)
    response = RedirectResponse(target, 303, headers={"Cache-Control": "no-store"})
    set_session_cookie(response, options, "session", made, stay)
    return response


@router.get("/open/{token}")
def open_link(request: Request, db: DatabaseSession, principal: CurrentPrincipal, token: str) -> Response:
    """A one-time link: to the case that it was made for, signed in."""
    link = redeem_login_link(db, request.app.state.keys, token)
    if link is None:
        if principal.role is not None:
            return RedirectResponse("/cases", 303)
        raise Spent(SPENT)
    audit.record(db, db.get_one(User, link.user_id).name, "signed in", None, "one-time link")
    options: Settings = request.app.state.settings
    stay = Stay(OWN_MACHINE, OWN_MACHINE) if options.is_loopback else stay_of(options)
    earlier = principal.session_id if principal.role is not None else None
    return sign_in(request, db, link.user_id, earlier, stay, link.target)


class Spent(AppError):
    """A link that does nothing any more. Nobody is led to the page for signing in: that would hide why."""

    status = 410


@router.post("/logout")
def log_out(request: Request, db: DatabaseSession, principal: CurrentPrincipal) -> Response:
    if principal.session_id is not None:
        end_session(db, principal.session_id)
        audit.record(db, principal.name, "signed out")
    response = RedirectResponse("/login", 303)
    options: Settings = request.app.state.settings
    # A browser takes no notice of a `__Host-` cookie that does not say Secure, not even to forget it.
    response.delete_cookie(cookie_name(options), path="/", secure=not options.is_loopback, httponly=True)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def set_session_cookie(response: Response, options: Settings, kind: str, made: NewSession, stay: Stay) -> None:
    set_cookie(response, options, kind, made.token, int(stay.life.total_seconds()))


def set_cookie(response: Response, options: Settings, kind: str, value: str, life_s: int | None) -> None:
    """Secure everywhere but on the own machine, where there is no TLS and nobody between."""
    response.set_cookie(
        cookie_name(options, kind),
        value,
        max_age=life_s,
        path="/",
        secure=not options.is_loopback,
        httponly=True,
        samesite="lax",
    )


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux")


def client_name(request: Request) -> str:
    """As much of the browser as its owner needs to know it again in a list: "Firefox, Linux"."""
    agent = request.headers.get("user-agent", "")
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for name in _SYSTEMS if name in agent), "")
    return ", ".join(filter(None, (browser, system)))
