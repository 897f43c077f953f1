"""One number and one line for each request, and its time for the metrics. Outermost of all middleware."""

from __future__ import annotations

import re
import time
from contextvars import ContextVar
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logs import get_log
from app.metrics import Metrics

HEADER = "x-request-id"
# What a proxy in front makes (32 digits, or a UUID); anything else could smuggle something into the log.
_OF_A_PROXY = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Asked every few seconds by machines; a line each would hide the others.
QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/static"})
API = "/api/v1"
log = get_log("eadscope.web")
_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """Of the request that is being answered; empty outside of one."""
    return _current.get()


class RequestLog:
    """ASGI middleware: a request id in the log, the context and the answer; duration, status and bytes as metrics.

    What identifies a person never gets here: the router's template stands for the address, and no header, query or
    client address is taken.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        number = given if _OF_A_PROXY.fullmatch(given) else uuid4().hex
        _current.set(number)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=number)
        status, received, begin = 500, 0, time.perf_counter()

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = number
            await send(message)

        self.metrics.running.inc()
        try:
            await self.app(scope, counted, numbered)
        finally:
            self.metrics.running.dec()
            self._tell(scope, status, received, time.perf_counter() - begin)

    def _tell(self, scope: Scope, status: int, received: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = route_of(scope)
        self.metrics.requests.labels(method, route, str(status)).observe(seconds)
        if received:
            self.metrics.received.labels(route).inc(received)
        if route not in QUIET or status >= 500:
            say = log.error if status >= 500 else log.info
            say("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1), received=received)


def route_of(scope: Scope) -> str:
    """The template that the router matched, such as `/cases/{case_id}`: paths may hold what people are called."""
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    if template:
        # The router of the API knows its addresses without what stands in front of all of them.
        outside = scope["path"].startswith(API) and not template.startswith(API)
        return f"{API}{template}" if outside else str(template)
    return "/static" if scope["path"].startswith("/static/") else "none"
