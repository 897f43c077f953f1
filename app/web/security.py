"""What protects every page: response headers, and the check that a change comes from our own pages."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access import Need
from app.core.records import Text
from app.errors import Forbidden
from app.web.guard import need_of, principal_of

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class SecurityHeaders:
    """ASGI middleware that adds HEADERS to every response (streamed ones too, which a response hook would buffer)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


_PLAIN = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf"
NOT_FROM_OUR_PAGE = Text(
    "The page that this came from is too old or not ours. Load it again, then repeat what you did.",
    "提交请求的页面已过期或不是本站页面，请刷新页面后重试。",
)


async def require_csrf_token(request: Request) -> None:
    """A change by a browser repeats its session's token, in a header (scripts) or in a field (forms).

    Tokens of programs are exempt: no browser sends them by itself. So are the open routes: there is no session yet.
    """
    principal = principal_of(request)
    if request.method in _PLAIN or principal.session_id is None or need_of(request) is Need.OPEN:
        return
    given: object = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(_FORMS):
        given = (await request.form()).get(CSRF_FIELD)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), principal.csrf.encode()):
        raise Forbidden(NOT_FROM_OUR_PAGE)


async def require_same_origin(request: Request) -> None:
    """Refuse a change that a page of another site started.

    Browsers say so themselves (Sec-Fetch-Site, or Origin in older ones); a client without either is no browser and
    carries no cookies that could be abused.
    """
    if request.method in _PLAIN:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    is_foreign = site not in {None, "same-origin", "none"}
    if site is None and origin is not None:
        is_foreign = urlsplit(origin).netloc != request.headers.get("host", "")
    if is_foreign:
        raise HTTPException(403, "this request came from another site's page")
