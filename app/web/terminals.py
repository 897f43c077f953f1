"""One terminal with its sessions, and two of them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from app.charts import ladder_svg
from app.core.analysis import Attempt, CapturePoint, Message, Session, Terminal
from app.core.meaning import describe_policy, describe_sizes
from app.core.records import Text
from app.core.timeline import build_timeline
from app.core.timeline_model import Ref
from app.db import queries
from app.db.load import load_capture_points, load_sources, load_terminal
from app.db.session import DatabaseSession
from app.errors import Rejected
from app.web.boxes import Cell, cells_of
from app.web.cases import Choices, Head, current_of, log_zone, partial_of
from app.web.comparison import compare
from app.web.evidence import drawer_of
from app.web.findings import terminal_headline
from app.web.security import require_same_origin
from app.web.templating import render
from app.web.view import View

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)


@dataclass(frozen=True, slots=True)
class DatagramLine:
    """One row of the fragment table: an attempt and its cells, one a capture point."""

    message: Message
    attempt: Attempt
    cells: tuple[Cell, ...]


def chosen_session(terminal: Terminal, key: str | None) -> Session | None:
    """The session that the address names, else the first failed one, else the first."""
    named = next((session for session in terminal.sessions if session.key == key), None)
    failed = next((session for session in terminal.sessions if session.outcome == "failed"), None)
    return named or failed or next(iter(terminal.sessions), None)


@router.get("/cases/{case_id}/terminals/{key}", response_class=HTMLResponse)
def terminal(request: Request, db: DatabaseSession, head: Head, key: str, view: Choices) -> Response:
    analysis_id = current_of(head).id
    if partial_of(request) == "drawer":
        return render(request, "drawer.html", drawer=drawer_of(request, db, analysis_id))
    found = load_terminal(db, head.case.id, key)
    row = queries.terminal_by_key(db, analysis_id, key)
    assert row is not None  # load_terminal has just found it
    points = load_capture_points(db, analysis_id)
    zone = log_zone(load_sources(db, analysis_id, with_rejected=False))
    session = chosen_session(found, request.query_params.get("session"))
    before, after = queries.neighbours(db, analysis_id, row.no)
    is_corrected = request.query_params.get("corrected") != "0"
    healthy = None if found.outcome == "passed" else queries.a_healthy_terminal(db, analysis_id, row.message3_plain_bytes)
    return render(
        request,
        "terminal.html",
        head=head,
        terminal=found,
        verdict=terminal_headline(found),
        session=session,
        points=points,
        before=before,
        after=after,
        healthy=healthy,
        is_corrected=is_corrected,
        datagrams=datagram_lines(session, points) if session else [],
        ladder=_ladder(view, found, session, points, is_corrected, zone) if session else "",
        **_meaning(session),
        zone_offset_s=zone,
        zone_name=view.zone_name(zone),
        drawer=drawer_of(request, db, analysis_id),
    )


def _meaning(session: Session | None) -> dict[str, Any]:
    """What the policy demands and the client reported, in words."""
    policy = session.message(2) if session else None
    report = session.message(3) if session else None
    return {
        "policy": describe_policy(policy.fields) if policy else (),
        "report": report,
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


def _ladder(
    view: View, terminal: Terminal, session: Session, points: Sequence[CapturePoint], is_corrected: bool, zone: int | None
) -> str:
    """The drawing for browsers without script, with the same links."""

    def link(ref: Ref) -> str:
        return view.url(src=ref.source, line=ref.line, frame=ref.frame)

    timeline = build_timeline(terminal, session, points, corrected=is_corrected, limit=40)
    theme = "dark" if view.theme == "dark" else "light"
    return ladder_svg(timeline, view.language, theme, 1000, zone=view.tzinfo(zone), link=link)


@router.get("/cases/{case_id}/compare", response_class=HTMLResponse)
def side_by_side(request: Request, db: DatabaseSession, head: Head, view: Choices) -> Response:
    keys = request.query_params.getlist("t")[:2]
    if len(keys) < 2:
        raise Rejected(Text("Tick two terminals to compare them.", "请勾选两个终端再进行对比。"))
    analysis_id = current_of(head).id
    left, right = (load_terminal(db, head.case.id, key) for key in keys)
    points = load_capture_points(db, analysis_id)
    zone = log_zone(load_sources(db, analysis_id, with_rejected=False))
    context: dict[str, Any] = {
        "head": head,
        "pair": (left, right),
        "sessions": (chosen_session(left, None), chosen_session(right, None)),
        "rows": compare(left, right, chosen_session(left, None), chosen_session(right, None)),
        "points": points,
        "zone_name": view.zone_name(zone),
        "zone_offset_s": zone,
        "drawer": None,
    }
    return render(request, "compare.html", **context)
