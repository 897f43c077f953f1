"""The page of what leaves the house: ask for a report or an evidence packet, see it being made, fetch it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from app.core.records import Text
from app.db.handover import EVIDENCE, REPORT, AnonymisationMap
from app.db.session import DatabaseSession
from app.errors import NotFound, Rejected
from app.jobs.documents import cancel_document, documents_of, options_of, remove_documents, request_document
from app.web.api.document_shapes import WantedEvidence, WantedReport
from app.web.api.documents import attachment, load_document, send_document
from app.web.cases import Choices, Head, current_of, partial_of
from app.web.security import require_same_origin
from app.web.templating import render

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)
MOST_NAMES = 20_000  # characters of the terminals' field


@router.get("/cases/{case_id}/documents", response_class=HTMLResponse)
def documents_page(request: Request, db: DatabaseSession, head: Head) -> Response:
    """`?terminal=` begins with that terminal chosen."""
    analysis = current_of(head)
    made = [(document, options_of(document)) for document in documents_of(db, head.case.id)]
    is_waiting = any(document.state in ("queued", "running") for document, _ in made)
    context: dict[str, Any] = {"head": head, "analysis": analysis, "documents": made, "is_waiting": is_waiting}
    if partial_of(request) == "document-list":
        return render(request, "document_list.html", **context)
    has_map = db.get(AnonymisationMap, head.case.id) is not None
    chosen = request.query_params.get("terminal", "")[:200]
    return render(request, "handover.html", has_map=has_map, chosen=chosen, **context)


@router.post("/cases/{case_id}/documents")
def ask(
    request: Request,
    db: DatabaseSession,
    head: Head,
    kind: Annotated[str, Form(max_length=20)],
    language: Annotated[str, Form(max_length=8)],
    view: Choices,
    author: Annotated[str, Form(max_length=200)] = "",
    zone: Annotated[str, Form(max_length=60)] = "UTC",
    terminals: Annotated[str, Form(max_length=MOST_NAMES)] = "",
    anonymise: Annotated[bool, Form()] = False,
) -> Response:
    current_of(head)
    said = {"language": language, "author": author.strip(), "zone": zone}
    try:
        if kind == EVIDENCE:
            names = [name.strip() for name in terminals.splitlines() if name.strip()]
            wanted: WantedReport = WantedEvidence(**said, terminals=names, anonymise=anonymise)
        else:
            wanted = WantedReport(**said)
    except ValidationError as error:
        raise Rejected(
            Text("Language, time zone or terminals cannot be used as given.", "语言、时区或终端填写有误。")
        ) from error
    options = wanted.options(EVIDENCE if kind == EVIDENCE else REPORT, head.case)
    request_document(db, request.app.state.storage, head.case, options)
    return RedirectResponse(f"/cases/{head.case.id}/documents", 303)


@router.get("/cases/{case_id}/documents/{document_id}/content")
def fetch(request: Request, db: DatabaseSession, head: Head, document_id: int) -> Response:
    return send_document(request.app.state.storage, load_document(db, head.case.id, document_id))


@router.post("/cases/{case_id}/documents/{document_id}/delete")
def remove(request: Request, db: DatabaseSession, head: Head, document_id: int) -> Response:
    document = load_document(db, head.case.id, document_id)
    cancel_document(db, document.id)
    remove_documents(db, request.app.state.storage, [document.id])
    return RedirectResponse(f"/cases/{head.case.id}/documents", 303)


@router.get("/cases/{case_id}/anonymisation-map")
def fetch_map(db: DatabaseSession, head: Head) -> Response:
    kept = db.get(AnonymisationMap, head.case.id)
    if kept is None:
        raise NotFound(Text("Nothing of this case was anonymised yet.", "该案例尚未生成匿名证据包。"))
    content = json.dumps(kept.content, ensure_ascii=False, indent=1).encode()
    return Response(content, media_type="application/json", headers=attachment(f"case-{head.case.id}-map.json"))
