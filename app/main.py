"""The web application: routers, error pages, health, what lives as long as the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect

from app import __version__
from app.accounts.audit import Recent
from app.accounts.openid import Provider
from app.accounts.secret import keyring
from app.config import LOOPBACK, STATIC, Settings
from app.config import settings as read_settings
from app.core.records import Text
from app.db.session import make_engine, make_sessions
from app.db.storage_places import take_into_use
from app.errors import AppError, NotSignedIn, TooMany
from app.health import add_health
from app.metrics import Metrics
from app.partial_uploads import RunningHashes
from app.storage import open_storage
from app.web import routers
from app.web.api.problems import faults, is_api, problem
from app.web.api.tus import Tus
from app.web.assets import Assets
from app.web.guard import Doorkeeper, authorize, know_routes
from app.web.login import login_address
from app.web.request_log import HEADER, RequestLog, request_id
from app.web.security import SecurityHeaders, require_csrf_token
from app.web.templating import render

DATABASE_AWAY = Text(
    "The database does not answer. Nothing is lost; try again in a moment.",
    "数据库没有响应。数据没有丢失，请稍后重试。",
)
FAULT = Text("A fault of the program. It was written to the log.", "程序出错，已记入日志。")
CLIENT_GONE = 499  # as nginx calls it
BAD_REQUEST = Text("The request is not complete or has a wrong value.", "请求不完整或含有错误的值。")
# What people meet; any other status shows its English name.
HTTP_TEXTS = {
    403: Text("This is not allowed from here.", "不允许此操作。"),
    404: Text("There is no such page.", "页面不存在。"),
    405: Text("This address does not take that kind of request.", "该地址不接受此类请求。"),
    413: Text("The upload is too large.", "上传内容过大。"),
}


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. Needs `database_url`; a database that is away keeps it from being ready, not from starting."""
    options = settings or read_settings()
    if options.database_url is None:
        raise ValueError("DATABASE_URL is not set; `eadscope serve` starts a database of its own")
    engine = make_engine(options.database_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        engine.dispose()

    app = FastAPI(
        title="EADScope",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # the framework's own route would stand beside the guard
        dependencies=[Depends(authorize), Depends(require_csrf_token)],
    )
    app.state.settings = options
    app.state.engine = engine
    app.state.sessions = make_sessions(engine)
    app.state.storage = open_storage(options)
    take_into_use(app.state.sessions, app.state.storage)
    app.state.running_hashes = RunningHashes()
    app.state.metrics = Metrics(app.state.sessions, options)
    app.state.keys = keyring(options)
    app.state.recent = Recent()
    app.state.openid = Provider(options) if options.openid_issuer else None
    app.add_middleware(Tus)
    app.add_middleware(SecurityHeaders)
    if options.is_loopback:
        # A page elsewhere could let its own name point to 127.0.0.1 and then read our answers as its own.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"])
    app.add_middleware(RequestLog, metrics=app.state.metrics)
    _add_error_handlers(app)
    add_health(app)
    for router in routers:
        app.include_router(router)
    app.mount("/static", Assets(directory=STATIC), name="static")
    _add_openapi(app)
    know_routes(app)
    # Inside of the error handlers, in front of the routes.
    app.router.middleware_stack = Doorkeeper(app.router.middleware_stack, app)
    return app


def _add_openapi(app: FastAPI) -> None:
    @app.get("/api/v1/openapi.json", include_in_schema=False)
    def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(AppError)
    def known(request: Request, error: AppError) -> Response:
        return _answer(request, error.status, error.text)

    @app.exception_handler(NotSignedIn)
    def nobody(request: Request, error: NotSignedIn) -> Response:
        """A reader is led to the page for signing in and back; htmx leads the whole page there."""
        if request.headers.get("hx-request") == "true":
            return Response(status_code=401, headers={"HX-Redirect": login_address(request)})
        if request.method == "GET" and not is_api(request) and _wants_page(request):
            return RedirectResponse(login_address(request), 303)
        answer = _answer(request, error.status, error.text)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    @app.exception_handler(TooMany)
    def too_many(request: Request, error: TooMany) -> Response:
        answer = _answer(request, error.status, error.text)
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        name = HTTPStatus(error.status_code).phrase
        response = _answer(request, error.status_code, HTTP_TEXTS.get(error.status_code, Text(name, name)))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        if is_api(request):
            return problem(422, BAD_REQUEST, faults(error.errors()))
        return _answer(request, 422, BAD_REQUEST)

    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeout)
    def away(request: Request, _error: Exception) -> Response:
        return _answer(request, 503, DATABASE_AWAY)

    @app.exception_handler(ClientDisconnect)
    def gone(_request: Request, _error: Exception) -> Response:
        """Paused, canceled, or the link broke: no fault of ours. Nobody reads the answer; the log has its number."""
        return Response(status_code=CLIENT_GONE)

    @app.exception_handler(Exception)
    def fault(request: Request, _error: Exception) -> Response:
        answer = _answer(request, 500, FAULT)
        answer.headers[HEADER] = request_id()  # this handler stands outside of the middleware that adds it
        return answer


def _answer(request: Request, status: int, text: Text) -> Response:
    """Problem details from the API, else a page for a browser, JSON for anything else."""
    if is_api(request):
        return problem(status, text)
    if _wants_page(request):
        return render(request, "error.html", status, title=HTTPStatus(status).phrase, text=text, number=request_id())
    return JSONResponse({"error": {"en": text.en, "zh": text.zh}, "request_id": request_id()}, status)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
