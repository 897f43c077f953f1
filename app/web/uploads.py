"""Receiving files: a case, then its files by the resumable protocol of the API, then the analysis. A browser without
script sends them all in one form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

from anyio import from_thread, to_thread
from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile as FormFile

from app.access import Principal
from app.accounts import audit
from app.core.records import Text
from app.db import bundle_queries, case_queries
from app.db.models import Case
from app.db.quota import quota_of, require_room
from app.db.removal import delete_case, is_given_up
from app.db.repeated_requests import case_made_before, remember_case
from app.db.session import DatabaseSession
from app.errors import Rejected, TooLarge, Unavailable
from app.jobs.asking import request_analysis
from app.storage import BLOCK, Storage, Stored
from app.web.cases import Choices, Head
from app.web.guard import CurrentPrincipal
from app.web.security import require_same_origin
from app.web.templating import render, size_text

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)
LONGEST_PATH = 1_000


@router.get("/cases/new", response_class=HTMLResponse)
def new_case(request: Request, db: DatabaseSession, principal: CurrentPrincipal) -> Response:
    return render(request, "case_new.html", case=None, key=uuid4().hex, quota=quota_of(db, principal.user_id))


@router.get("/cases/{case_id}/files", response_class=HTMLResponse)
def more_files(request: Request, db: DatabaseSession, head: Head, principal: CurrentPrincipal) -> Response:
    return render(request, "case_new.html", case=head.case, quota=quota_of(db, principal.user_id))


@router.post("/cases")
async def create_case(request: Request, view: Choices, principal: CurrentPrincipal) -> Response:
    """JSON {title, key} from our script → where to send files; a form with files, without script → the case.

    The same key again, from a link that lost the answer or a button that was pressed twice, leads to the same case.
    """
    if request.headers.get("content-type", "").startswith("application/json"):
        said = read_json(await request.body())
        wanted = Wanted(said.title, said.key, view.language, principal)
        return await to_thread.run_sync(_create, request.app.state.sessions, wanted)
    async with request.form() as form:
        files = [item for item in form.getlist("files") if not isinstance(item, str)]
        wanted = Wanted(str(form.get("title", "")), str(form.get("key", ""))[:200], view.language, principal)
        return await to_thread.run_sync(_create_from_form, request, wanted, files)


class Said(BaseModel):
    """What our script sends."""

    title: Annotated[str, Field(max_length=10_000)] = ""
    key: Annotated[str, Field(max_length=200)] = ""


def read_json(body: bytes) -> Said:
    try:
        return Said.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_context=False)) from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """A case that somebody asked for; `key` is the same where the request is."""

    title: str
    key: str
    language: str
    owner: Principal

    def made_before(self, db: Session) -> Case | None:
        return case_made_before(db, self.owner, self.key) if self.key else None

    def make(self, db: Session, unnamed: str) -> Case:
        case = case_queries.add_case(db, self.title.strip()[:200] or unnamed, self.language, self.owner)
        if self.key:
            remember_case(db, self.owner, self.key, case.id)
        return case


def _create(sessions: Any, wanted: Wanted) -> Response:
    with sessions() as db, db.begin():
        case = wanted.made_before(db) or wanted.make(db, "–")
        return JSONResponse({**_goal(db, case.id), "cancel_url": f"/cases/{case.id}/cancel"}, 201)


def _goal(db: Session, case_id: int) -> dict[str, object]:
    bundle = bundle_queries.add_bundle(db, case_id)
    return {
        "case": case_id,
        "url": f"/cases/{case_id}",
        "uploads_url": f"/api/v1/cases/{case_id}/uploads",
        "analysis_url": f"/cases/{case_id}/bundles/{bundle.id}/analysis",
        "progress_url": f"/cases/{case_id}/progress",
    }


def _create_from_form(request: Request, wanted: Wanted, files: Sequence[FormFile]) -> Response:
    storage: Storage = request.app.state.storage
    if not any(file.filename for file in files):
        raise Rejected(Text("No file was chosen.", "没有选择文件。"))
    with request.app.state.sessions() as db, db.begin():
        case = wanted.made_before(db)
        if case is None:
            case = wanted.make(db, str(files[0].filename))
            _keep_form(db, storage, case.id, files, wanted.owner)
    return RedirectResponse(f"/cases/{case.id}", 303)


def _keep_form(db: Session, storage: Storage, case_id: int, files: Sequence[FormFile], by: Principal) -> None:
    bundle = bundle_queries.add_bundle(db, case_id)
    for file in files:
        stored = storage.put(iter(lambda file=file: file.file.read(BLOCK), b""))  # type: ignore[misc]
        register(db, storage, bundle.id, clean_path(file.filename or ""), stored, by.user_id)
    request_analysis(db, case_id)


@router.post("/cases/{case_id}/files")
def add_files_by_form(
    request: Request,
    db: DatabaseSession,
    head: Head,
    principal: CurrentPrincipal,
    files: Annotated[list[UploadFile], File()],
) -> Response:
    _keep_form(db, request.app.state.storage, head.case.id, files, principal)
    return RedirectResponse(f"/cases/{head.case.id}", 303)


@router.post("/cases/{case_id}/bundles")
def begin_bundle(db: DatabaseSession, head: Head) -> Response:
    """A further upload to a case that exists."""
    return JSONResponse(_goal(db, head.case.id), 201)


def store_stream(storage: Storage, stream: AsyncIterator[bytes], limit: int) -> Stored:
    return storage.put(_blocks(stream, limit))


def _blocks(stream: AsyncIterator[bytes], limit: int) -> Iterator[bytes]:
    """The request's body for a writer that waits in a thread: one piece at a time, so memory stays constant."""
    received = 0
    while piece := from_thread.run(_next_piece, stream):
        received += len(piece)
        if received > limit:
            raise too_large(limit)
        yield piece


async def _next_piece(stream: AsyncIterator[bytes]) -> bytes:
    async for piece in stream:
        if piece:
            return piece
    return b""


def register(
    db: Session, storage: Storage, bundle_id: int, path: str, stored: Stored, user_id: int | None = None
) -> None:
    """Make a stored file part of a bundle. Raises TooLarge where the quota of whoever sent it ends, and Unavailable
    where the content went meanwhile, with another case."""
    require_room(db, user_id, stored.size_bytes)
    bundle_queries.add_upload(db, bundle_id, path, stored.sha256, stored.size_bytes, user_id)
    db.flush()
    if not storage.has(stored.sha256):
        raise Unavailable(
            Text("The file was removed with another case while it arrived; send it again.",
                 "文件在接收期间随另一个案例被删除，请重新上传。")
        )  # fmt: skip


@router.post("/cases/{case_id}/bundles/{bundle_id}/analysis")
def analyse(db: DatabaseSession, head: Head, bundle_id: int) -> Response:
    if not bundle_queries.uploads_of(db, head.case.id):
        raise Rejected(Text("No file has arrived yet.", "尚未收到任何文件。"))
    request_analysis(db, head.case.id)
    return JSONResponse({"case": head.case.id}, 202)


@router.post("/cases/{case_id}/cancel", status_code=204)
def give_up(request: Request, db: DatabaseSession, head: Head, principal: CurrentPrincipal) -> None:
    """The upload that a case was made for was canceled: the case goes too, unless something has come of it."""
    if principal.user_id is not None and is_given_up(db, head.case.id, principal.user_id):
        audit.record(db, audit.actor_of(principal), "deleted", head.case.id, f"POST {request.url.path}")
        delete_case(db, request.app.state.storage, head.case.id)


@router.post("/cases/{case_id}/title")
def rename(db: DatabaseSession, head: Head, title: Annotated[str, Form(max_length=200)]) -> Response:
    case_queries.set_case(db, head.case.id, title=title.strip() or head.case.title)
    return RedirectResponse(f"/cases/{head.case.id}", 303)


def clean_path(path: str) -> str:
    """The path as the browser tells it, for showing and as a name in the case; never a path on our disk."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    cleaned = "/".join(parts).replace("\x00", "")
    if not cleaned:
        raise Rejected(Text("The file has no name.", "文件没有名称。"))
    return cleaned[-LONGEST_PATH:]


def too_large(limit: int) -> TooLarge:
    size = size_text(limit)
    return TooLarge(Text(f"The file is larger than the {size} that are allowed.", f"文件超过允许的上限 {size}。"))
