"""Start an analysis, wait for it, read what it found."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from app.core.records import Text
from app.core.verdict import finding_document, to_document
from app.db import bundle_queries, terminal_queries
from app.db.claims import load_claims
from app.db.judgements import judge_finding, judgements_of
from app.db.load import load_analysis
from app.db.models import QUEUED, RUNNING
from app.db.session import DatabaseSession
from app.db.terminal_queries import TerminalFilter
from app.errors import Conflict, NotFound
from app.jobs.asking import cancel_analysis, request_analysis
from app.web.api.cases import link_pages
from app.web.api.principal import CurrentPrincipal
from app.web.api.problems import problems
from app.web.api.shapes import (
    AnalysisState,
    CaseId,
    FindingCount,
    Findings,
    FindingState,
    Judgement,
    JudgementState,
    Listed,
    PageNumber,
    TerminalState,
    WaitSeconds,
    Words,
)
from app.web.api.waiting import wait_while
from app.web.cases import current_of, load_head
from app.web.judgements import known_code

router = APIRouter(tags=["analysis"])
TerminalKey = Annotated[str, Path(pattern="^t[0-9]{1,9}$", examples=["t1"])]
FindingCode = Annotated[str, Path(pattern="^[a-z][a-z0-9-]{1,60}$", examples=["later-fragments-lost"])]
NOT_ASKED = Text("No analysis of this case was asked for yet.", "尚未请求分析此案例。")


@router.post("/cases/{case_id}/analysis", status_code=202, responses=problems(404, 409))
def start_analysis(response: Response, db: DatabaseSession, case_id: CaseId) -> AnalysisState:
    """Analyse all files of the case. One that already waits is not doubled."""
    load_head(db, case_id)
    if not bundle_queries.uploads_of(db, case_id):
        raise Conflict(Text("No file has arrived yet.", "尚未收到任何文件。"))
    request_analysis(db, case_id)
    response.headers["Location"] = f"/api/v1/cases/{case_id}/analysis"
    latest = load_head(db, case_id).latest
    assert latest is not None
    return AnalysisState.of(latest)


@router.get("/cases/{case_id}/analysis", responses=problems(404))
async def analysis_state(
    request: Request,
    case_id: CaseId,
    wait: WaitSeconds = 0,
) -> AnalysisState:
    """The newest run: its step, or how it ended."""
    look = partial(_latest, request.app.state.sessions, case_id)
    return await wait_while(request, look, lambda state: state.state in (QUEUED, RUNNING), wait)


def _latest(sessions: Any, case_id: int) -> AnalysisState:
    with sessions() as db:
        latest = load_head(db, case_id).latest
        if latest is None:
            raise NotFound(NOT_ASKED)
        return AnalysisState.of(latest)


@router.delete("/cases/{case_id}/analysis", status_code=204, responses=problems(404, 409))
def stop_analysis(db: DatabaseSession, case_id: CaseId) -> None:
    """Stop the run that waits or is under way. Earlier results stay."""
    latest = load_head(db, case_id).latest
    if latest is None:
        raise NotFound(NOT_ASKED)
    if not cancel_analysis(db, latest.id):
        raise Conflict(Text("It is over already.", "分析已结束。"))


VERDICT_EXAMPLE = {
    "version": 1, "sources": [], "capture_points": [], "terminals": [], "findings": [], "checks": [], "notes": [],
}  # fmt: skip


@router.get(
    "/cases/{case_id}/verdict",
    responses={
        200: {"description": "The verdict, version 1.", "content": {"application/json": {"example": VERDICT_EXAMPLE}}},
        **problems(404),
    },
)
def verdict(db: DatabaseSession, case_id: CaseId) -> dict[str, Any]:
    """Everything that the analysis found, as `eadscope analyze --json` prints it."""
    return to_document(load_analysis(db, case_id))


@router.get("/cases/{case_id}/terminals", responses=problems(404))
def terminals(
    request: Request,
    response: Response,
    db: DatabaseSession,
    case_id: CaseId,
    page: PageNumber = 1,
    q: Annotated[Words, Query(description="Part of a user, MAC or address, or an event id.")] = "",
    outcome: Annotated[Literal["passed", "failed", "incomplete", "unknown", ""], Query()] = "",
    finding: Annotated[Words, Query(description="Code of a finding.")] = "",
    sort: Annotated[Literal["user", "mac", "outcome", "size", "time", "sessions", "finding", ""], Query()] = "",
    descending: Annotated[bool, Query()] = False,
) -> Listed[TerminalState]:
    """The terminals of the current analysis."""
    analysis = current_of(load_head(db, case_id))
    found = terminal_queries.list_terminals(
        db, analysis.id, TerminalFilter(q, outcome, finding, sort, descending), page
    )
    link_pages(request, response, found.number, found.last)
    return Listed.of(found, [TerminalState.of(row) for row in found.rows])


@router.get("/cases/{case_id}/terminals/{key}", responses=problems(404))
def terminal(db: DatabaseSession, case_id: CaseId, key: TerminalKey) -> TerminalState:
    analysis = current_of(load_head(db, case_id))
    row = terminal_queries.terminal_by_key(db, analysis.id, key)
    if row is None:
        raise NotFound(Text(f"The case has no terminal {key}.", f"该案例中没有终端 {key}。"))
    return TerminalState.of(row)


@router.get("/cases/{case_id}/findings", responses=problems(404))
def findings(
    db: DatabaseSession,
    principal: CurrentPrincipal,
    case_id: CaseId,
    terminal: Annotated[str | None, Query(pattern="^t[0-9]{1,9}$", description="Key of a terminal.")] = None,
) -> Findings:
    """What the rules found, with the evidence for each claim."""
    analysis = current_of(load_head(db, case_id))
    number = None
    if terminal is not None:
        row = terminal_queries.terminal_by_key(db, analysis.id, terminal)
        if row is None:
            raise NotFound(Text(f"The case has no terminal {terminal}.", f"该案例中没有终端 {terminal}。"))
        number = row.no
    counts = terminal_queries.finding_counts(db, analysis.id)
    said = {} if principal.is_guest else judgements_of(db, case_id)
    return Findings(
        findings=[
            FindingState.model_validate(finding_document(one)) for one in load_claims(db, analysis.id, number)[0]
        ],
        of_terminals=[FindingCount(code=code, severity=level, terminals=count) for code, level, count in counts],
        judgements=[JudgementState.model_validate(one) for one in said.values()],
    )


@router.put("/cases/{case_id}/findings/{code}", responses=problems(404))
def judge(
    db: DatabaseSession, principal: CurrentPrincipal, case_id: CaseId, code: FindingCode, wanted: Judgement
) -> JudgementState:
    """Give a finding a state and a note, in place of earlier ones; they stay when the case is analysed again."""
    load_head(db, case_id)
    said = judge_finding(db, case_id, known_code(code), wanted.state, wanted.note.strip(), principal.name)
    return JudgementState.model_validate(said)
