"""What leaves the house: the report and the evidence packet, made while the client waits, a few at a time."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy.orm import Session

from app.core.evidence.choice import NoSuchTerminal
from app.core.records import Text
from app.db.load import load_analysis
from app.db.session import DatabaseSession
from app.errors import NotFound, Unavailable
from app.storage import BLOCK
from app.stored_bundles import analysis_settings, case_files
from app.web.api.problems import problems
from app.web.api.shapes import CaseId, Language
from app.web.cases import current_of, load_head

router = APIRouter(tags=["documents"])
AT_ONCE = threading.BoundedSemaphore(2)  # each takes a core and some hundred megabytes
WAIT_S = 60.0
BUSY = Text("Other documents are being made; try again in a minute.", "正在生成其他文档，请稍后再试。")
SPOOLED_BYTES = 8 << 20
BINARY = {"schema": {"type": "string", "format": "binary"}}


def _made(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "The document.", "content": {media_type: BINARY}}, **problems(404)}


@contextmanager
def _turn() -> Iterator[None]:
    if not AT_ONCE.acquire(timeout=WAIT_S):
        raise Unavailable(BUSY)
    try:
        yield
    finally:
        AT_ONCE.release()


@router.get("/cases/{case_id}/report.pdf", response_class=Response, responses=_made("application/pdf"))
def report(db: DatabaseSession, case_id: CaseId, lang: Language = "en") -> Response:
    """The case summary as a PDF."""
    from app.report import write_report

    head = load_head(db, case_id)
    current_of(head)
    with _turn():
        content = write_report(load_analysis(db, case_id), lang, _meta(head))
    return Response(content, media_type="application/pdf", headers=_named(f"case-{case_id}-{lang}.pdf"))


def _meta(head: Any) -> Any:
    from app import __version__
    from app.report import ReportMeta

    return ReportMeta(title=head.case.title, site=head.case.site, tool_version=__version__)


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


@router.get("/cases/{case_id}/evidence.zip", response_class=Response, responses=_made("application/zip"))
def evidence(
    request: Request,
    db: DatabaseSession,
    case_id: CaseId,
    terminal: Annotated[
        list[str],
        Query(max_length=500, description="Key, user, MAC or address of a terminal; all of them where none is given."),
    ] = [],  # noqa: B006  # FastAPI copies it
    lang: Language = "en",
    anonymise: Annotated[bool, Query(description="Replace addresses, MACs and users.")] = False,
) -> Response:
    """The evidence packet: small captures, log lines, report, tables and a statement for the device's vendor.

    What stands for what in an anonymised packet is kept here: see the case's map.
    """
    head = load_head(db, case_id)
    current_of(head)
    packet = tempfile.SpooledTemporaryFile(SPOOLED_BYTES)  # noqa: SIM115  # closed when it has been sent
    try:
        with _turn():
            _write(packet, request, db, case_id, tuple(terminal), lang, anonymise=anonymise)
    except BaseException:
        packet.close()
        raise
    size = packet.tell()
    packet.seek(0)
    headers = {**_named(f"case-{case_id}-evidence.zip"), "Content-Length": str(size)}
    return StreamingResponse(_pieces(packet), media_type="application/zip", headers=headers)


def _write(
    packet: IO[bytes],
    request: Request,
    db: Session,
    case_id: int,
    terminals: tuple[str, ...],
    lang: str,
    *,
    anonymise: bool,
) -> None:
    from app.evidence.anonymous import read_secrets, write_secrets
    from app.evidence.packet import EvidenceOptions, write_evidence

    options = request.app.state.settings
    files = case_files(db, request.app.state.storage, case_id)
    settings = analysis_settings(db, case_id, files, options)
    place = _map_place(request, case_id)
    known = read_secrets(place) if anonymise else None
    chosen = EvidenceOptions(terminals, lang, _meta(load_head(db, case_id)), f"case-{case_id}-evidence.zip", known)
    try:
        write_evidence(packet, load_analysis(db, case_id), files, settings, chosen)
    except NoSuchTerminal as error:
        name = error.name[:100]
        raise NotFound(Text(f"No terminal of this case is named {name}.", f"案例中没有名为 {name} 的终端。")) from error
    if known is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_secrets(place, known)
    packet.seek(0, 2)


def _map_place(request: Request, case_id: int) -> Any:
    return request.app.state.settings.var / "maps" / f"case-{case_id}.json"


def _pieces(packet: IO[bytes]) -> Iterator[bytes]:
    with packet:
        while piece := packet.read(BLOCK):
            yield piece


@router.get("/cases/{case_id}/anonymisation-map", response_class=Response, responses=_made("application/json"))
def anonymisation_map(request: Request, db: DatabaseSession, case_id: CaseId) -> Response:
    """What stands for what in the anonymised packets of this case. It is never part of them."""
    load_head(db, case_id)
    place = _map_place(request, case_id)
    if not place.is_file():
        raise NotFound(Text("Nothing of this case was anonymised yet.", "该案例尚未生成匿名证据包。"))
    return Response(place.read_bytes(), media_type="application/json", headers=_named(place.name))
