"""What leaves the house: the report and the evidence packet. Asked for here, made in the worker, fetched here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any, BinaryIO

from anyio import to_thread
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from sqlalchemy.orm import Session

from app.core.records import Text
from app.db.handover import EVIDENCE, REPORT, AnonymisationMap, Document
from app.db.models import DONE, QUEUED, RUNNING, Case
from app.db.session import DatabaseSession
from app.errors import Conflict, NotFound
from app.jobs.documents import (
    DocumentOptions,
    cancel_document,
    documents_of,
    find_document,
    options_of,
    remove_documents,
    request_document,
)
from app.storage import BLOCK, Storage
from app.web.api.document_shapes import DocumentState, WantedEvidence, WantedReport
from app.web.api.problems import problems
from app.web.api.shapes import LARGEST_ID, CaseId, WaitSeconds
from app.web.api.waiting import wait_while
from app.web.cases import current_of, load_head

router = APIRouter(tags=["documents"])
DocumentId = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[1])]
BINARY = {"schema": {"type": "string", "format": "binary"}}
NOT_READY = Text("The document is not ready.", "文档尚未生成完毕。")


@router.post("/cases/{case_id}/report", status_code=202, responses=problems(404))
def make_report(
    request: Request, response: Response, db: DatabaseSession, case_id: CaseId, wanted: WantedReport
) -> DocumentState:
    """Ask for the case summary as a PDF. `Location` tells its state; asked for again, it is the same document."""
    return _ask(request, response, db, case_id, lambda case: wanted.options(REPORT, case))


@router.post("/cases/{case_id}/evidence", status_code=202, responses=problems(404))
def make_evidence(
    request: Request, response: Response, db: DatabaseSession, case_id: CaseId, wanted: WantedEvidence
) -> DocumentState:
    """Ask for the evidence packet: small captures, log lines, report, tables and a statement for the device's vendor.

    What stands for what in an anonymised packet is kept here: see the case's map.
    """
    return _ask(request, response, db, case_id, lambda case: wanted.options(EVIDENCE, case))


def _ask(
    request: Request, response: Response, db: Session, case_id: int, options: Callable[[Case], DocumentOptions]
) -> DocumentState:
    head = load_head(db, case_id)
    current_of(head)
    document = request_document(db, request.app.state.storage, head.case, options(head.case))
    response.headers["Location"] = f"/api/v1/cases/{case_id}/documents/{document.id}"
    return DocumentState.of(document)


@router.get("/cases/{case_id}/documents", responses=problems(404))
def list_documents(db: DatabaseSession, case_id: CaseId) -> list[DocumentState]:
    """The documents of the current analysis, newest first; there are never more than a few."""
    load_head(db, case_id)
    return [DocumentState.of(document) for document in documents_of(db, case_id)]


@router.get("/cases/{case_id}/documents/{document_id}", responses=problems(404))
async def document_state(
    request: Request, case_id: CaseId, document_id: DocumentId, wait: WaitSeconds = 0
) -> DocumentState:
    """How far it is, or how it ended."""

    def look() -> DocumentState:
        with request.app.state.sessions() as db:
            return DocumentState.of(load_document(db, case_id, document_id))

    return await wait_while(request, look, lambda state: state.state in (QUEUED, RUNNING), wait)


@router.delete("/cases/{case_id}/documents/{document_id}", status_code=204, responses=problems(404))
def remove_document(request: Request, db: DatabaseSession, case_id: CaseId, document_id: DocumentId) -> None:
    """Remove a document; one that is being made is stopped."""
    document = load_document(db, case_id, document_id)
    cancel_document(db, document.id)
    remove_documents(db, request.app.state.storage, [document.id])


@router.get(
    "/cases/{case_id}/documents/{document_id}/content",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The document.", "content": {"application/pdf": BINARY, "application/zip": BINARY}},
        **problems(404, 409),
    },
)
async def document_content(request: Request, case_id: CaseId, document_id: DocumentId) -> Response:
    """The document itself; 409 while it is not ready."""
    return await to_thread.run_sync(_content, request, case_id, document_id)


def _content(request: Request, case_id: int, document_id: int) -> Response:
    with request.app.state.sessions() as db:
        return send_document(request.app.state.storage, load_document(db, case_id, document_id))


def load_document(db: Session, case_id: int, document_id: int) -> Document:
    document = find_document(db, case_id, document_id)
    if document is None:
        raise NotFound(Text(f"The case has no document {document_id}.", f"该案例中没有编号为 {document_id} 的文档。"))
    return document


def send_document(storage: Storage, document: Document) -> Response:
    """The content as a download. Raises Conflict while there is none."""
    if document.state != DONE or document.sha256 is None:
        raise Conflict(Text(document.error_en, document.error_zh) if document.error_en else NOT_READY)
    options = options_of(document)
    headers = {**attachment(options.file_name(document.case_id)), "Content-Length": str(document.size_bytes)}
    return StreamingResponse(_pieces(storage.open(document.sha256)), media_type=options.media_type, headers=headers)


def attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(BLOCK):
            yield piece


@router.get(
    "/cases/{case_id}/anonymisation-map",
    response_class=JSONResponse,
    responses={
        200: {"description": "The map.", "content": {"application/json": {"schema": {"type": "object"}}}},
        **problems(404),
    },
)
def anonymisation_map(db: DatabaseSession, case_id: CaseId) -> Any:
    """What stands for what in the anonymised packets of this case. It is never part of them."""
    load_head(db, case_id)
    kept = db.get(AnonymisationMap, case_id)
    if kept is None:
        raise NotFound(Text("Nothing of this case was anonymised yet.", "该案例尚未生成匿名证据包。"))
    content = json.dumps(kept.content, ensure_ascii=False, indent=1).encode()
    return Response(content, media_type="application/json", headers=attachment(f"case-{case_id}-map.json"))
