"""Cases: make, list, read, change, delete."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from app.accounts import audit
from app.core.records import Text
from app.db import case_list, case_queries
from app.db.case_list import CaseFilter
from app.db.removal import delete_case, is_given_up
from app.db.repeated_requests import case_made_before, remember_case
from app.db.session import DatabaseSession
from app.errors import Conflict, Rejected
from app.web.api.principal import CurrentPrincipal
from app.web.api.problems import problems
from app.web.api.shapes import CaseChange, CaseId, CaseState, Listed, NewCase, NewTitle, PageNumber, Words
from app.web.cases import load_head

router = APIRouter(tags=["cases"])
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A request with a key that was used before is not done again: it gives the answer of then.",
    ),
]


@router.post("/cases", status_code=201, responses=problems())
def create_case(
    response: Response,
    db: DatabaseSession,
    principal: CurrentPrincipal,
    wanted: NewCase,
    idempotency_key: IdempotencyKey = None,
) -> CaseState:
    """Make a case. Files are uploaded into it afterwards, then its analysis is started."""
    case = None if idempotency_key is None else case_made_before(db, principal, idempotency_key)
    if case is None:
        case = case_queries.add_case(db, wanted.title, wanted.language, principal)
        case.site = wanted.site
        db.flush()
        db.refresh(case)
        if idempotency_key is not None:
            remember_case(db, principal, idempotency_key, case.id)
    response.headers["Location"] = f"/api/v1/cases/{case.id}"
    return CaseState.of(case, None)


@router.get("/cases", responses=problems())
def list_cases(
    request: Request,
    response: Response,
    db: DatabaseSession,
    principal: CurrentPrincipal,
    page: PageNumber = 1,
    q: Annotated[Words, Query(description="Words in the title, site, note, or of a terminal.")] = "",
    state: Annotated[Literal["open", "solved", ""], Query()] = "",
    finding: Annotated[Words, Query(description="Code of a finding.", examples=["later-fragments-lost"])] = "",
) -> Listed[CaseState]:
    """Cases, last changed first."""
    found = case_list.list_cases(db, CaseFilter(q, state, finding), page, principal)
    link_pages(request, response, found.number, found.last, is_last_known=found.is_total_exact)
    return Listed.of(found, [CaseState.of(row.case, row.analysis) for row in found.rows])


def link_pages(request: Request, response: Response, number: int, last: int, *, is_last_known: bool = True) -> None:
    """The `Link` header (RFC 8288) to the next and the last page, where there is a next and the last is known."""
    links = [("next", number + 1)] if number < last else []
    if is_last_known:
        links.append(("last", last))
    if not links:
        return
    urls = [(rel, request.url.include_query_params(page=page)) for rel, page in links]
    response.headers["Link"] = ", ".join(f'<{url.path}?{url.query}>; rel="{rel}"' for rel, url in urls)


@router.get("/cases/{case_id}", responses=problems(404))
def get_case(db: DatabaseSession, case_id: CaseId) -> CaseState:
    head = load_head(db, case_id)
    return CaseState.of(head.case, head.current, head.latest)


@router.patch("/cases/{case_id}", responses=problems(404))
def change_case(db: DatabaseSession, case_id: CaseId, change: CaseChange) -> CaseState:
    """Change title, site, state or note."""
    load_head(db, case_id)
    values = {name: value for name, value in change.model_dump(exclude_unset=True).items() if value is not None}
    if not values:
        raise Rejected(Text("Nothing to change was given.", "没有给出要修改的内容。"))
    case_queries.set_case(db, case_id, **values)
    db.expire_all()
    head = load_head(db, case_id)
    return CaseState.of(head.case, head.current, head.latest)


@router.put("/cases/{case_id}/title", responses=problems(404))
def rename_case(db: DatabaseSession, case_id: CaseId, wanted: NewTitle) -> CaseState:
    """Change the title only: whoever may upload into a case may name it."""
    load_head(db, case_id)
    case_queries.set_case(db, case_id, title=wanted.title)
    db.expire_all()
    head = load_head(db, case_id)
    return CaseState.of(head.case, head.current, head.latest)


@router.post("/cases/{case_id}/cancel", status_code=204, responses=problems(404, 409))
def give_up(request: Request, db: DatabaseSession, principal: CurrentPrincipal, case_id: CaseId) -> None:
    """Take back a case of the own that nothing has come to: no file, no note, no analysis; 409 where something has."""
    load_head(db, case_id)
    if principal.user_id is None or not is_given_up(db, case_id, principal.user_id):
        raise Conflict(Text("Something has come of this case: it stays.", "该案例已有内容，予以保留。"))
    audit.record(db, audit.actor_of(principal), "deleted", case_id, f"POST {request.url.path}")
    delete_case(db, request.app.state.storage, case_id)


@router.delete("/cases/{case_id}", status_code=204, responses=problems(404, 409))
def remove_case(request: Request, db: DatabaseSession, case_id: CaseId) -> None:
    """Remove a case with its files and results; 409 while it is on hold."""
    load_head(db, case_id)
    delete_case(db, request.app.state.storage, case_id)
