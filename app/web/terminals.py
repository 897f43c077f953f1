"""One terminal with its sessions, and two of them side by side."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Row

from app.charts import ladder_svg
from app.core.analysis import Attempt, CapturePoint, Message, Outcome, Session, Terminal
from app.core.meaning import describe_policy, describe_sizes
from app.core.records import Text
from app.core.timeline.ladder import build_timeline
from app.core.timeline.model import Ref
from app.db import source_queries, terminal_queries
from app.db.claims import load_claims
from app.db.exchanges import load_session
from app.db.judgements import judgements_of
from app.db.session import DatabaseSession
from app.errors import NotFound, Rejected
from app.web.boxes import Cell, cells_of, draw_boxes
from app.web.cases import Choices, Head, current_of, partial_of
from app.web.comparison import Compared, compare
from app.web.evidence import drawer_of
from app.web.findings import terminal_headline
from app.web.ladders import LadderOf, narrow_ladder, page_ladder
from app.web.remembered import capture_points, remember, remember_terminal
from app.web.security import require_same_origin
from app.web.templating import render
from app.web.view import View

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)
MOST_DRAWN = 40  # attempts of one message in a drawing; the figure shows them all


@dataclass(frozen=True, slots=True)
class DatagramLine:
    """One row of the fragment table: an attempt and its cells, one a capture point."""

    message: Message
    attempt: Attempt
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A terminal with the one of its sessions that is shown; `heads` are all of them, without what is below."""

    row: Row[Any]
    heads: Sequence[Row[Any]]
    terminal: Terminal
    session: Session | None


def load_shown(db: DatabaseSession, analysis_id: int, key: str, session_key: str | None) -> Shown:
    """The session that the address names, else the first failed one, else the first. Raises NotFound.

    Kept for a while: a page asks for its ladder at once, and then for its evidence.
    """

    def shown(db: DatabaseSession, analysis_id: int) -> Shown:
        return _load_shown(db, analysis_id, key, session_key)

    return remember_terminal(db, analysis_id, shown, key, session_key)


def _load_shown(db: DatabaseSession, analysis_id: int, key: str, session_key: str | None) -> Shown:
    row = terminal_queries.terminal_by_key(db, analysis_id, key)
    if row is None:
        raise NotFound(Text("This case has no such terminal.", "该案例中没有这个终端。"))
    heads = terminal_queries.session_heads(db, analysis_id, row.no)
    named = next((head for head in heads if head.key == session_key), None)
    failed = next((head for head in heads if head.outcome == "failed"), None)
    chosen = named or failed or next(iter(heads), None)
    session = load_session(db, analysis_id, chosen) if chosen is not None else None
    findings, checks = load_claims(db, analysis_id, row.no)
    terminal = Terminal(
        user=row.user,
        mac=row.mac,
        ip=tuple(row.ip),
        outcome=Outcome(row.outcome),
        sessions=(session,) if session is not None else (),
        findings=findings,
        checks=checks,
        key=row.key,
        client_version=row.client_version,
    )
    return Shown(row, heads, terminal, session)


@router.get("/cases/{case_id}/terminals/{key}", response_class=HTMLResponse)
def terminal(request: Request, db: DatabaseSession, head: Head, key: str, view: Choices) -> Response:
    analysis_id = current_of(head).id
    if partial_of(request) == "drawer":
        return render(request, "drawer.html", drawer=drawer_of(request, db, analysis_id))
    shown = load_shown(db, analysis_id, key, request.query_params.get("session"))
    points = capture_points(db, analysis_id)
    zone = remember(db, analysis_id, source_queries.log_zone)
    before, after = terminal_queries.neighbours(db, analysis_id, shown.row.no)
    is_failed = shown.row.outcome != "passed"
    return render(
        request,
        "terminal.html",
        head=head,
        terminal=shown.terminal,
        judgements=judgements_of(db, head.case.id),
        verdict=terminal_headline(shown.terminal),
        session=shown.session,
        heads=shown.heads,
        points=points,
        before=before,
        after=after,
        healthy=nearest(remember(db, analysis_id, terminal_queries.passed_sizes), shown.row.message3_plain_bytes)
        if is_failed
        else None,
        is_corrected=is_corrected(request),
        ladder=page_ladder(LadderOf(shown.terminal, shown.session, points, is_corrected(request)), view, zone)
        if shown.session
        else None,
        draw_boxes=draw_boxes,
        datagrams=datagram_lines(shown.session, points) if shown.session else [],
        drawing=_drawing(request, view, shown, points, zone) if request.query_params.get("drawing") == "1" else "",
        **_meaning(shown.session),
        zone_offset_s=zone,
        zone_name=view.zone_name(zone),
        drawer=drawer_of(request, db, analysis_id),
    )


def nearest(passed: Sequence[tuple[int, str]], size_bytes: int | None) -> str | None:
    """The key of a passed terminal to compare a failed one with: the one whose message 3 is nearest in size."""
    at = bisect(passed, (size_bytes or 0,))
    around = passed[max(0, at - 1) : at + 1]
    return min(around, key=lambda one: abs(one[0] - (size_bytes or 0)))[1] if around else None


def is_corrected(request: Request) -> bool:
    return request.query_params.get("corrected") != "0"


def _meaning(session: Session | None) -> dict[str, Any]:
    """What the policy demands and the client reported, in words."""
    policy = session.message(2) if session else None
    report = session.message(3) if session else None
    return {
        "policy": describe_policy(policy.fields) if policy else (),
        "report": report,
        "reported": describe_policy(report.fields) if report else (),
        "sizes": describe_sizes(report.plain_bytes, report.deflated_bytes) if report and report.plain_bytes else None,
    }


def datagram_lines(session: Session, points: Sequence[CapturePoint]) -> list[DatagramLine]:
    """Attempts whose datagram some capture saw, as they were sent."""
    names = [point.name for point in points]
    lines = [
        DatagramLine(message, attempt, cells_of(attempt.datagram, names))
        for message in session.messages
        for attempt in message.attempts
        if attempt.datagram is not None
    ]
    return sorted(lines, key=lambda line: (line.attempt.time_ns is None, line.attempt.time_ns or 0))


def _drawing(request: Request, view: View, shown: Shown, points: Sequence[CapturePoint], zone: int | None) -> str:
    """The ladder without script, whose marks are links to the evidence."""
    if shown.session is None:
        return ""

    def link(ref: Ref) -> str:
        return view.url(src=ref.source, line=ref.line, frame=ref.frame)

    timeline = build_timeline(shown.terminal, shown.session, points, corrected=is_corrected(request), limit=MOST_DRAWN)
    theme = "dark" if view.theme == "dark" else "light"
    return ladder_svg(timeline, view.language, theme, 1000, zone=view.tzinfo(zone), link=link)


@router.get("/cases/{case_id}/terminals/{key}/ladder.svg")
def ladder_image(request: Request, db: DatabaseSession, head: Head, key: str, view: Choices) -> Response:
    """The same drawing as an image, for pages without script."""
    analysis_id = current_of(head).id
    shown = load_shown(db, analysis_id, key, request.query_params.get("session"))
    points, zone = capture_points(db, analysis_id), remember(db, analysis_id, source_queries.log_zone)
    return Response(_drawing(request, view, shown, points, zone), media_type="image/svg+xml")


@router.get("/cases/{case_id}/compare", response_class=HTMLResponse)
def side_by_side(request: Request, db: DatabaseSession, head: Head, view: Choices) -> Response:
    keys = request.query_params.getlist("t")[:2]
    if len(keys) < 2:
        raise Rejected(Text("Tick two terminals to compare them.", "请勾选两个终端再进行对比。"))
    analysis_id = current_of(head).id
    left, right = (load_shown(db, analysis_id, key, None) for key in keys)
    pair = tuple(Compared(one.terminal, one.session, one.row.session_count) for one in (left, right))
    points, zone = capture_points(db, analysis_id), remember(db, analysis_id, source_queries.log_zone)
    terminals = f"/cases/{head.case.id}/terminals"
    ladders = [
        narrow_ladder(LadderOf(one.terminal, one.session, points), view, zone, f"{terminals}/{one.row.key}", name)
        if one.session
        else None
        for one, name in ((left, "left"), (right, "right"))
    ]
    context: dict[str, Any] = {
        "head": head,
        "pair": list(zip((left, right), ladders, strict=True)),
        "rows": compare(*pair),
        "zone_name": view.zone_name(zone),
        "drawer": None,
    }
    return render(request, "compare.html", **context)
