"""Server-log formats that were taught for a case."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from app.core.parsers.format_check import check_lines, check_samples
from app.core.records import Text
from app.db import bundle_queries, source_queries
from app.db.session import DatabaseSession
from app.errors import NotFound, Rejected
from app.jobs.asking import request_analysis
from app.web.api.problems import problems
from app.web.api.shapes import CaseId
from app.web.api.source_shapes import CheckedFormat, FormatText, LineCheck, WantedCheck
from app.web.cases import load_head
from app.web.sources import read_format

router = APIRouter(tags=["formats"])
FormatName = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{0,62}$", examples=["our-server"])]


@router.get("/cases/{case_id}/formats", responses=problems(404))
def list_formats(db: DatabaseSession, case_id: CaseId) -> list[FormatText]:
    """Server-log formats that were taught for this case."""
    load_head(db, case_id)
    return [FormatText(name=row.name, toml=row.toml) for row in source_queries.case_formats(db, case_id)]


@router.put("/cases/{case_id}/formats/{name}", status_code=202, responses=problems(404))
def teach_format(
    request: Request, db: DatabaseSession, case_id: CaseId, name: FormatName, wanted: FormatText
) -> FormatText:
    """Teach a server-log format (TOML; see `eadscope formats`). The case is read again with it."""
    load_head(db, case_id)
    log_format = read_format(request, db, case_id, wanted.toml)
    if log_format.name != name or wanted.name != name:
        raise Rejected(Text("The format has another name than its address.", "格式名称与地址中的名称不一致。"))
    source_queries.save_format(db, case_id, name, wanted.toml)
    if bundle_queries.uploads_of(db, case_id):
        request_analysis(db, case_id)
    return FormatText(name=name, toml=wanted.toml)


@router.delete("/cases/{case_id}/formats/{name}", status_code=204, responses=problems(404))
def forget_format(db: DatabaseSession, case_id: CaseId, name: FormatName) -> None:
    """Forget a format that was taught. What it read stays until the case is analysed again."""
    load_head(db, case_id)
    if not source_queries.forget_format(db, case_id, name):
        raise NotFound(Text(f"No format {name} was taught.", f"没有名为 {name} 的自定义格式。"))


@router.post("/cases/{case_id}/formats/check", responses=problems(404))
def check_format(request: Request, db: DatabaseSession, case_id: CaseId, wanted: WantedCheck) -> CheckedFormat:
    """What a format makes of lines and of its own samples, without keeping it."""
    load_head(db, case_id)
    log_format = read_format(request, db, case_id, wanted.toml)
    wrong = [sample.checked.text for sample in check_samples(log_format) if not sample.is_right]
    return CheckedFormat(
        name=log_format.name,
        lines=[LineCheck.of(line) for line in check_lines(log_format, wanted.lines)],
        wrong_samples=wrong,
    )
