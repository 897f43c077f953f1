"""State and note that support gives a finding."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from app.core.records import Text
from app.db.judgements import judge_finding
from app.db.session import DatabaseSession
from app.errors import NotFound, Rejected
from app.web import labels
from app.web.cases import Head
from app.web.guard import principal_of
from app.web.security import require_same_origin

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)


def known_code(code: str) -> str:
    """Raises NotFound for a code that no rule has."""
    if code not in labels.FINDINGS:
        raise NotFound(Text("There is no such finding.", "没有这种结论。"))
    return code


@router.post("/cases/{case_id}/findings/{code}")
def judge(
    request: Request,
    db: DatabaseSession,
    head: Head,
    code: str,
    state: Annotated[str, Form()],
    note: Annotated[str, Form(max_length=4000)] = "",
    terminal: Annotated[str, Form(pattern="^(t[0-9]{1,9})?$")] = "",
) -> Response:
    """`terminal` is the page that the form stands on, to lead back to it."""
    if state not in labels.JUDGEMENTS:
        raise Rejected(Text("A finding is confirmed, dismissed or not judged.", "结论只能是已确认、已排除或未判定。"))
    judge_finding(db, head.case.id, known_code(code), state, note.strip(), principal_of(request).name)
    page = f"/cases/{head.case.id}" + (f"/terminals/{terminal}" if terminal else "")
    return RedirectResponse(f"{page}#findings", 303)
