"""List of cases, one case, and what a person changes on it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.core.records import Text
from app.db import case_list, case_queries, source_queries, terminal_queries
from app.db.case_list import CaseFilter
from app.db.case_queries import CaseHead
from app.db.judgements import judgements_of
from app.db.models import Analysis
from app.db.session import DatabaseSession
from app.errors import NotFound, Rejected
from app.jobs.asking import cancel_analysis, request_analysis
from app.web import case_parts, labels
from app.web.case_parts import chosen_kind, terminal_filter
from app.web.evidence import drawer_of
from app.web.findings import case_headline, example_of
from app.web.guard import CurrentPrincipal, principal_of
from app.web.remembered import capture_points, case_findings, remember
from app.web.security import require_same_origin
from app.web.templating import answer, render
from app.web.view import View, view_of

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)


async def _chosen(request: Request) -> View:
    """Not in a thread, which would have to be waited for: nothing here takes time."""
    return view_of(request)


Choices = Annotated[View, Depends(_chosen)]


def load_head(db: DatabaseSession, case_id: int) -> CaseHead:
    head = case_queries.case_head(db, case_id)
    if head is None:
        raise NotFound(Text(f"There is no case {case_id}.", f"没有编号为 {case_id} 的案例。"))
    return head


Head = Annotated[CaseHead, Depends(load_head)]


def current_of(head: CaseHead) -> Analysis:
    """The analysis that readers see. Raises NotFound where there is none yet."""
    if head.current is None:
        raise NotFound(Text("This case has no analysis yet.", "该案例尚未分析。"))
    return head.current


def partial_of(request: Request) -> str | None:
    """The element that htmx wants to fill; None for a whole page."""
    return request.headers.get("hx-target") if request.headers.get("hx-request") == "true" else None


@router.get("/", response_class=HTMLResponse)
def home() -> Response:
    return RedirectResponse("/cases", 307)


@router.get("/cases", response_class=HTMLResponse)
def cases(request: Request, db: DatabaseSession, view: Choices, principal: CurrentPrincipal) -> Response:
    query = request.query_params
    narrowed = CaseFilter(
        query.get("q", "")[:200], query.get("state", ""), query.get("finding", ""), query.get("outcome", "")
    )
    page = case_list.list_cases(db, narrowed, view.page_number(), principal)
    context: dict[str, Any] = {"page": page, "narrowed": narrowed, "url_of": view.pager()}
    if partial_of(request) == "case-list":
        return render(request, "case_list.html", **context)
    return render(request, "cases.html", saved=case_queries.saved_filters(db, principal), **context)


@router.post("/filters")
def save_filter(
    db: DatabaseSession,
    principal: CurrentPrincipal,
    name: Annotated[str, Form(max_length=60)],
    query: Annotated[str, Form(max_length=2000)],
) -> Response:
    case_queries.save_filter(db, principal, name.strip() or "?", query)
    return RedirectResponse(f"/cases?{query}", 303)


@router.post("/filters/{filter_id}/delete")
def forget_filter(db: DatabaseSession, principal: CurrentPrincipal, filter_id: int) -> Response:
    case_queries.forget_filter(db, principal, filter_id)
    return RedirectResponse("/cases", 303)


@router.get("/cases/{case_id}", response_class=HTMLResponse)
def case(request: Request, db: DatabaseSession, head: Head, view: Choices) -> Response:
    if head.current is None:
        return render(request, "case.html", head=head, drawer=None)
    analysis = head.current
    partial = partial_of(request)
    if partial == "drawer":
        return render(request, "drawer.html", drawer=drawer_of(request, db, analysis.id))
    if partial == "source-list":
        return answer(request, case_parts.source_list(db, analysis, view))
    if partial == "terminal-list":
        return answer(request, case_parts.terminal_list(db, analysis, view))
    return render(request, "case.html", **_case_context(request, db, head, analysis, view))


def _case_context(
    request: Request, db: DatabaseSession, head: CaseHead, analysis: Analysis, view: View
) -> dict[str, Any]:
    findings = case_findings(db, analysis.id)
    outcomes = remember(db, analysis.id, terminal_queries.outcome_counts)
    points = capture_points(db, analysis.id)
    counts = remember(db, analysis.id, source_queries.source_counts)
    example = remember(db, analysis.id, example_of)
    zone = remember(db, analysis.id, source_queries.log_zone)
    counted = remember(db, analysis.id, terminal_queries.finding_counts)
    having = sum(number for code, _, number in counted if example and code == example.finding.code)
    return {
        "findings": findings,
        "judgements": judgements_of(db, head.case.id),
        "example": example,
        "example_number": having,
        "verdict": case_headline(findings, outcomes, example.summary(having) if example else None),
        "outcomes": outcomes,
        "counted": counted,
        "head": head,
        "narrowed": terminal_filter(view),
        "points": points,
        "source_total": sum(number for _, _, number in counts),
        "coverage": case_parts.coverage(db, analysis, view),
        "path": case_parts.path(db, analysis, view),
        "terminal_list": case_parts.terminal_list(db, analysis, view),
        "kind": chosen_kind(view),
        "source_list": case_parts.source_list(db, analysis, view),
        "checks": case_parts.checks(db, analysis, view),
        "similar": case_queries.similar_cases(db, head, principal_of(request)),
        "zone_name": view.zone_name(zone),
        "zone_offset_s": zone,
        "drawer": drawer_of(request, db, analysis.id),
    }


@router.get("/cases/{case_id}/progress", response_class=HTMLResponse)
def progress(request: Request, head: Head) -> Response:
    """The state of the newest run; when it is done, htmx is told to open the case."""
    if head.latest is None:
        raise NotFound(Text("This case has no analysis yet.", "该案例尚未分析。"))
    response = render(request, "progress.html", run=head.latest, case=head.case)
    if head.latest.state == "done":
        response.headers["HX-Redirect"] = f"/cases/{head.case.id}"
    return response


@router.post("/cases/{case_id}/analysis")
def analyse_again(request: Request, db: DatabaseSession, head: Head) -> Response:
    request_analysis(db, head.case.id)
    return RedirectResponse(f"/cases/{head.case.id}", 303)


@router.post("/cases/{case_id}/analysis/cancel")
def cancel(db: DatabaseSession, head: Head) -> Response:
    """Stop the run that waits or is under way; where it ended in the meantime, its page says so."""
    if head.latest is not None:
        cancel_analysis(db, head.latest.id)
    return RedirectResponse(f"/cases/{head.case.id}", 303)


@router.post("/cases/{case_id}/state")
def set_state(
    db: DatabaseSession, head: Head, state: Annotated[str, Form()], note: Annotated[str, Form(max_length=4000)] = ""
) -> Response:
    if state not in labels.CASE_STATES:
        raise Rejected(Text("A case is open or solved.", "案例只能是未解决或已解决。"))
    case_queries.set_case(db, head.case.id, state=state, note=note.strip())
    return RedirectResponse(f"/cases/{head.case.id}", 303)


@router.post("/cases/{case_id}/points")
def set_points(
    db: DatabaseSession, head: Head, name: Annotated[list[str], Form()], given: Annotated[list[str], Form()]
) -> Response:
    """New names and a new order of the capture points, client first; the analysis runs again."""
    given = [text.strip() for text in given]
    if len(name) != len(given) or not all(given) or len(set(given)) != len(given):
        raise Rejected(Text("Every capture point needs a name of its own.", "每个抓包点都需要一个不重复的名称。"))
    if head.current is not None:
        case_queries.save_points(db, head.case.id, head.current.id, list(zip(name, given, strict=True)))
    request_analysis(db, head.case.id)
    return RedirectResponse(f"/cases/{head.case.id}", 303)
