"""Who is asking, and may they: for every request, before anything of it is read.

Two steps. `Doorkeeper` stands in front of the router: it finds out who it is and turns nobody away from everything that
is not open, so that a stranger cannot make us read a body. `authorize` is a dependency of the application, so that
every route has it: it holds the route that was found against `app.access.ROUTES`; one that is not there is closed.
"""

from __future__ import annotations

import re
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, FastAPI, Request
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Integer, bindparam, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access import ABOUT_A_CASE, NOBODY, ROUTES, CaseOwner, Need, Principal, sees
from app.accounts import audit
from app.accounts.entry import who_has_session, who_has_token
from app.config import Settings
from app.core.records import Text
from app.db.models import Case, PartialUpload
from app.db.session import look_up
from app.errors import Forbidden, NotFound, NotSignedIn

PLEASE_SIGN_IN = Text("Sign in first.", "请先登录。")
NOT_ALLOWED = Text("Your account may not do this.", "您的账号无权执行此操作。")
_BEARER = "bearer "
_NUMBER: TypeAdapter[int] = TypeAdapter(int)
# Made once: making a statement costs more than running it.
_OWNER = select(Case.id, Case.owner_id, Case.group_id).where(Case.id == bindparam("case", type_=Integer))


def cookie_name(options: Settings, kind: str = "session") -> str:
    """Cookies know no ports: two instances on one machine must not sign each other's browsers out."""
    return f"eadscope-{kind}-{options.port}" if options.is_loopback else f"__Host-eadscope-{kind}"


def _open_paths() -> re.Pattern[str]:
    paths = {key.split(" ", 1)[1] for key, need in ROUTES.items() if need is Need.OPEN}
    return re.compile("|".join([_pattern(path) for path in sorted(paths)] + ["^/static/"]))


def _pattern(path: str) -> str:
    """Without the names of its parts, which several paths share."""
    return re.sub(r"\?P<\w+>", "?:", compile_path(path)[0].pattern)


class Doorkeeper:
    """ASGI: puts the principal into the request's state, and refuses nobody at once."""

    def __init__(self, app: ASGIApp, owner: FastAPI) -> None:
        self.app = app
        self.owner = owner
        self.open = _open_paths()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        principal = await _who(request, self.owner)
        scope.setdefault("state", {})["principal"] = principal
        if principal.is_nobody and not self.open.match(scope["path"]):
            raise NotSignedIn(PLEASE_SIGN_IN)
        await self.app(scope, receive, send)


async def _who(request: Request, app: FastAPI) -> Principal:
    """A token goes before a cookie; of cookies a person's before a guest's."""
    authorization = request.headers.get("authorization", "")
    if authorization:
        return await to_thread.run_sync(_of_token, app, authorization)
    options: Settings = app.state.settings
    presented = [request.cookies.get(cookie_name(options, kind)) for kind in ("session", "guest")]
    tokens = [token for token in presented if token]
    return await to_thread.run_sync(_of_cookies, app, tokens) if tokens else NOBODY


def _of_token(app: FastAPI, authorization: str) -> Principal:
    if authorization[: len(_BEARER)].lower() != _BEARER:
        return NOBODY
    sessions: sessionmaker[Session] = app.state.sessions
    with look_up(sessions) as db:
        return who_has_token(db, app.state.keys, authorization[len(_BEARER) :].strip())


def _of_cookies(app: FastAPI, tokens: list[str]) -> Principal:
    sessions: sessionmaker[Session] = app.state.sessions
    with look_up(sessions) as db:
        found = (who_has_session(db, app.state.keys, token) for token in tokens)
        return next((principal for principal in found if not principal.is_nobody), NOBODY)


def principal_of(request: Request) -> Principal:
    """Whoever the request is answered for; nobody where no door was passed, as on pages of errors."""
    found = getattr(request.state, "principal", NOBODY)
    assert isinstance(found, Principal)
    return found


async def _current(request: Request) -> Principal:
    """Not in a thread, which would have to be waited for: nothing here takes time."""
    return principal_of(request)


CurrentPrincipal = Annotated[Principal, Depends(_current)]


def know_routes(app: FastAPI) -> None:
    """Remember under which path each route can be reached: the router knows only its own part of it."""
    app.state.paths = {id(found.original_route): found.path for found in iter_route_contexts(app.routes)}


def need_of(request: Request) -> Need | None:
    route = id(request.scope["route"])
    if route not in request.app.state.paths:
        know_routes(request.app)
    return ROUTES.get(f"{request.method} {request.app.state.paths.get(route)}")


def authorize(request: Request) -> None:
    """Raises NotSignedIn, Forbidden, or NotFound for a case that is not theirs to see."""
    need, principal = need_of(request), principal_of(request)
    if need is Need.OPEN:
        return
    if principal.is_nobody:
        raise NotSignedIn(PLEASE_SIGN_IN)
    if need is None or not principal.may(need):
        raise Forbidden(NOT_ALLOWED)
    case_id = _case_asked_for(request) if need in ABOUT_A_CASE else None
    if case_id is None and need not in audit.ACTIONS:
        return
    sessions: sessionmaker[Session] = request.app.state.sessions
    with look_up(sessions) as db:
        if case_id is not None:
            row = db.execute(_OWNER, {"case": case_id}).first()
            if row is None or not sees(principal, CaseOwner(*row)):
                raise no_case(case_id)
        _note(db, request, need, principal, case_id)


def _note(db: Session, request: Request, need: Need, principal: Principal, case_id: int | None) -> None:
    """What was allowed goes into the audit trail before it happens: nothing that happens is missing there."""
    action = audit.ACTIONS.get(need)
    if action is None or (case_id is None and need in ABOUT_A_CASE) or (need is Need.ADMIN and request.method == "GET"):
        return
    actor = audit.actor_of(principal)
    if action in audit.REPEATED:
        if request.app.state.recent.is_new(actor, action, case_id):
            audit.record(db, actor, action, case_id)
        return
    audit.record(db, actor, action, case_id, f"{request.method} {request.url.path}")


def no_case(case_id: int) -> NotFound:
    """The same for a case that is not there and for one that is not theirs."""
    return NotFound(Text(f"There is no case {case_id}.", f"没有编号为 {case_id} 的案例。"))


def _case_asked_for(request: Request) -> int | None:
    """The case in the address; None where the route will refuse the address itself."""
    if "upload_id" in request.path_params:
        return _case_of_upload(request)
    try:
        # Read as the route will read it, or somebody finds a spelling that only one of the two understands.
        case_id = _NUMBER.validate_python(request.path_params["case_id"])
    except ValidationError:
        return None
    return case_id if 0 < case_id < 2**31 else None


def _case_of_upload(request: Request) -> int | None:
    sessions: sessionmaker[Session] = request.app.state.sessions
    with sessions() as db:
        upload = db.get(PartialUpload, request.path_params["upload_id"])
        return None if upload is None else upload.case_id
