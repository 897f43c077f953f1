"""One source: how it was read and what a person says of it; and the server-log formats taught for a case."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.captures.blocks import read_head
from app.captures.capture import CaptureError
from app.core.parsers.format_check import CheckedLine, CheckedSample, check_lines, check_samples
from app.core.parsers.log_choice import sniff_server_log
from app.core.parsers.log_format import FormatError, LogFormat
from app.core.records import Text
from app.db import source_queries
from app.db.case_queries import CaseHead
from app.db.results import SourceRow
from app.db.session import DatabaseSession
from app.errors import NotFound, Rejected
from app.jobs.asking import request_analysis
from app.log_formats import BUILT_IN, format_from_text, load_formats
from app.sources import HEAD_BYTES
from app.storage import Storage
from app.web.case_parts import span_of
from app.web.cases import Head, current_of
from app.web.line_times import PairedClock, clock_from_pair
from app.web.log_window import read_window
from app.web.security import require_same_origin
from app.web.templating import render
from app.web.view import offset_name

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)

# UTF-8 is not among them: it is what the content is tried for first, line by line, before GB18030.
ENCODINGS = ("gb18030", "big5", "utf-16-le", "utf-16-be", "cp1252")
ZONES_S = tuple(quarter * 900 for quarter in range(-12 * 4, 14 * 4 + 1))
LOGS = ("inode_log", "server_log")
MOST_LINES, MOST_PASTED, MOST_TOML = 200, 200_000, 65_536
GIVEN_LINES = 30
MOST_OFFSET_S = 1e9


@contextmanager
def _formats_folders(request: Request, db: Session, case_id: int) -> Iterator[tuple[Path, ...]]:
    """The installation's own folder of formats, and the case's formats laid out in another."""
    own: Path = request.app.state.settings.formats
    with TemporaryDirectory(prefix="eadscope-formats-") as name:
        source_queries.write_formats(db, case_id, Path(name))
        yield (*((own,) if own.is_dir() else ()), Path(name))


def load_source(db: DatabaseSession, head: Head, sha256: str) -> SourceRow:
    source = source_queries.source_by_content(db, current_of(head).id, sha256) if sha256 else None
    if source is None:
        raise NotFound(Text("This case has no such file.", "该案例中没有这个文件。"))
    return source


Chosen = Annotated[SourceRow, Depends(load_source)]


@router.get("/cases/{case_id}/sources/{sha256}", response_class=HTMLResponse)
def source_page(request: Request, db: DatabaseSession, head: Head, source: Chosen) -> Response:
    with _formats_folders(request, db, head.case.id) as folders:
        formats = load_formats(folders)
    return render(
        request,
        "source.html",
        head=head,
        source=source,
        said=source_queries.setting_of(db, head.case.id, source.sha256),
        others=source_queries.timed_sources(db, source),
        rejected=source_queries.rejected_lines(db, source),
        scores=_scores(request, source, formats) if source.kind in ("server_log", "other") else [],
        span=span_of(source),
        offset_name=offset_name,
        encodings=ENCODINGS,
        zones=ZONES_S,
        is_log=source.kind in LOGS,
    )


def _scores(request: Request, source: SourceRow, formats: tuple[LogFormat, ...]) -> list[tuple[LogFormat, float]]:
    """Every format with its score for the beginning of the file, best first."""
    try:
        head = read_head(request.app.state.storage.local(source.sha256), HEAD_BYTES)
    except OSError:
        return []
    scored = [(item, sniff_server_log(head, (item,))[0]) for item in formats]
    return sorted(scored, key=lambda pair: -pair[1])


@router.post("/cases/{case_id}/sources/{sha256}")
def change_source(
    request: Request,
    db: DatabaseSession,
    head: Head,
    source: Chosen,
    encoding: Annotated[str, Form(max_length=40)] = "",
    zone: Annotated[str, Form(max_length=20)] = "",
    log_format: Annotated[str, Form(max_length=64)] = "",
    clock_offset: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """What fits the kind of the file is kept; the analysis runs again."""
    values: dict[str, Any] = {}
    if source.kind in LOGS:
        values |= {"encoding": _encoding(encoding), "zone_offset_s": _zone(zone)}
    if source.kind in (*LOGS, "capture"):
        values["clock_offset_s"] = _offset(clock_offset)
    if source.kind in ("server_log", "other"):
        values["log_format"] = known_format(request, db, head.case.id, log_format)
    if values:
        source_queries.save_setting(db, head.case.id, source.sha256, **values)
        request_analysis(db, head.case.id)
    return RedirectResponse(f"/cases/{head.case.id}", 303)


def _encoding(name: str) -> str | None:
    if name and name not in ENCODINGS:
        raise Rejected(Text("This encoding is not offered.", "不支持该编码。"))
    return codecs.lookup(name).name if name else None


def _zone(text: str) -> int | None:
    if not text:
        return None
    try:
        zone_s = int(text)
    except ValueError:
        zone_s = 1
    if zone_s not in ZONES_S:
        raise Rejected(
            Text("A time zone is a quarter of an hour from UTC-12:00 to UTC+14:00.",
                 "时区须为 UTC-12:00 至 UTC+14:00 之间的整刻钟。")
        )  # fmt: skip
    return zone_s


def _offset(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        offset_s = float(text)
    except ValueError:
        offset_s = float("nan")
    if not abs(offset_s) <= MOST_OFFSET_S:
        raise Rejected(Text("A clock offset is a number of seconds.", "时钟偏差须为秒数。"))
    return offset_s


def known_format(request: Request, db: Session, case_id: int, name: str) -> str | None:
    with _formats_folders(request, db, case_id) as folders:
        if name and name not in {item.name for item in load_formats(folders)}:
            raise Rejected(Text("There is no such log format.", "没有这种日志格式。"))
    return name or None


@router.post("/cases/{case_id}/sources/{sha256}/pair")
def set_clock_by_pair(
    request: Request,
    db: DatabaseSession,
    head: Head,
    source: Chosen,
    line: Annotated[int, Form(ge=1, le=10**12)],
    other: Annotated[str, Form(max_length=2_000)],
    other_number: Annotated[int, Form(ge=1, le=10**12)],
    zone: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """The clock of this log, from one of its lines and a line or frame elsewhere that tell of the same moment."""
    pair_clock(request, db, head, source, line, other, other_number, _zone(zone))
    request_analysis(db, head.case.id)
    return RedirectResponse(f"/cases/{head.case.id}", 303)


def pair_clock(
    request: Request,
    db: Session,
    head: CaseHead,
    source: SourceRow,
    line: int,
    other: str,
    other_number: int,
    zone_offset_s: int | None,
) -> PairedClock:
    """Keeps what the two say of the log's clock. Raises Rejected where they say nothing."""
    partner = source_queries.source_by_name(db, current_of(head).id, other.strip())
    if partner is None:
        raise Rejected(Text("This case has no file of that name.", "该案例中没有这个名称的文件。"))
    with _formats_folders(request, db, head.case.id) as folders:
        formats = load_formats(folders)
    storage: Storage = request.app.state.storage
    try:
        clock = clock_from_pair(storage, formats, source, line, partner, other_number, zone_offset_s)
    except CaptureError as error:
        raise Rejected(error.text) from error
    if abs(clock.error_s) > MOST_OFFSET_S:
        raise Rejected(Text("The two lie more than thirty years apart.", "两者相差三十年以上。"))
    source_queries.save_setting(
        db, head.case.id, source.sha256, zone_offset_s=clock.zone_offset_s, clock_offset_s=clock.error_s
    )
    return clock


@router.post("/cases/{case_id}/sources/{sha256}/clock/clear")
def clear_clock(db: DatabaseSession, head: Head, source: Chosen) -> Response:
    """What a person said of this file's clock is forgotten, and the content decides again."""
    source_queries.save_setting(db, head.case.id, source.sha256, zone_offset_s=None, clock_offset_s=None)
    request_analysis(db, head.case.id)
    return RedirectResponse(f"/cases/{head.case.id}", 303)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a format makes of pasted lines and of its own samples, or the `problem` with it."""

    problem: Text | None = None
    lines: tuple[CheckedLine, ...] = ()
    hidden_lines: int = 0
    wrong_samples: tuple[CheckedSample, ...] = ()


Pasted = Annotated[str, Form(max_length=MOST_PASTED)]
Toml = Annotated[str, Form(max_length=MOST_TOML)]


@router.get("/cases/{case_id}/formats", response_class=HTMLResponse)
def formats_page(request: Request, db: DatabaseSession, head: Head) -> Response:
    """`?source=` begins with lines of that file, `?name=` with a format of the case."""
    query = request.query_params
    saved = source_queries.case_formats(db, head.case.id)
    known = next((row.toml for row in saved if row.name == query.get("name")), None)
    toml = known or (BUILT_IN / "family.toml").read_text(encoding="utf-8").replace('"family"', '"my-format"', 1)
    lines = _first_lines(request, db, head, query.get("source", ""))
    return _teach(request, db, head, lines, toml)


def _first_lines(request: Request, db: Session, head: Head, sha256: str) -> str:
    source = source_queries.source_by_content(db, current_of(head).id, sha256) if sha256 else None
    if source is None or source.kind == "capture":
        return ""
    try:
        beginning = read_head(request.app.state.storage.local(source.sha256), HEAD_BYTES)
    except OSError:
        return ""
    return "\n".join(line.text for line in read_window([beginning], 1, GIVEN_LINES - 1)[0])


def _teach(request: Request, db: Session, head: Head, lines: str, toml: str, status: int = 200) -> Response:
    preview = _preview(request, db, head.case.id, lines, toml)[1]
    saved = source_queries.case_formats(db, head.case.id)
    return render(request, "formats.html", status, head=head, lines=lines, toml=toml, preview=preview, saved=saved)


def read_format(request: Request, db: Session, case_id: int, toml: str) -> LogFormat:
    """Raises Rejected with what is wrong with it."""
    try:
        with _formats_folders(request, db, case_id) as folders:
            return format_from_text(toml, folders)
    except FormatError as error:
        raise Rejected(error.text) from error


def _preview(request: Request, db: Session, case_id: int, lines: str, toml: str) -> tuple[LogFormat | None, Preview]:
    try:
        log_format = read_format(request, db, case_id, toml)
    except Rejected as error:
        return None, Preview(error.text)
    pasted = lines.splitlines()
    checked = tuple(check_lines(log_format, pasted[:MOST_LINES]))
    wrong = tuple(sample for sample in check_samples(log_format) if not sample.is_right)
    return log_format, Preview(None, checked, max(0, len(pasted) - MOST_LINES), wrong)


@router.post("/cases/{case_id}/formats/preview", response_class=HTMLResponse)
def preview_format(request: Request, db: DatabaseSession, head: Head, lines: Pasted = "", toml: Toml = "") -> Response:
    preview = _preview(request, db, head.case.id, lines, toml)[1]
    return render(request, "format_preview.html", preview=preview)


@router.post("/cases/{case_id}/formats", response_class=HTMLResponse)
def save_format(request: Request, db: DatabaseSession, head: Head, lines: Pasted = "", toml: Toml = "") -> Response:
    """Kept for the case, and the case is read again with it; what cannot be used comes back with the reason."""
    log_format, _ = _preview(request, db, head.case.id, lines, toml)
    if log_format is None:
        return _teach(request, db, head, lines, toml, 422)
    source_queries.save_format(db, head.case.id, log_format.name, toml)
    request_analysis(db, head.case.id)
    return RedirectResponse(f"/cases/{head.case.id}", 303)
