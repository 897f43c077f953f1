"""Figures as JSON, for the script that draws them. Made here out of the one analysis; the browser only draws."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from app.charts import ladder_figure
from app.charts.case_plotly import size_figure, time_figure
from app.core.analysis import CaseAnalysis, Outcome
from app.core.drawings.case_charts import SizeDot, plot_sizes, plot_times, size_edges
from app.core.records import Text
from app.core.timeline.ladder import build_timeline
from app.db import source_queries, terminal_queries
from app.db.session import DatabaseSession
from app.errors import NotFound
from app.web.cases import Choices, Head, current_of
from app.web.remembered import capture_points, case_findings, remember, remember_part
from app.web.terminals import is_corrected, load_shown
from app.web.unchanged import kept_json

router = APIRouter(include_in_schema=False)


def _theme(request: Request) -> str:
    """The script says which theme the page has; only it knows what "auto" came to."""
    return "dark" if request.query_params.get("theme") == "dark" else "light"


def _json(figure: dict[str, Any]) -> bytes:
    return bytes(JSONResponse(figure).body)


@router.get("/cases/{case_id}/terminals/{key}/ladder.json")
def ladder(request: Request, db: DatabaseSession, head: Head, key: str, view: Choices) -> Response:
    analysis_id = current_of(head).id

    def figure() -> bytes:
        shown = load_shown(db, analysis_id, key, request.query_params.get("session"))
        if shown.session is None:
            raise NotFound(Text("This terminal has no session.", "该终端没有会话。"))
        points = capture_points(db, analysis_id)
        zone = view.tzinfo(remember(db, analysis_id, source_queries.log_zone))
        timeline = build_timeline(shown.terminal, shown.session, points, corrected=is_corrected(request))
        is_narrow = request.query_params.get("narrow") == "1"
        return _json(ladder_figure(timeline, view.language, _theme(request), zone=zone, is_narrow=is_narrow))

    return kept_json(request, analysis_id, view, figure)


@router.get("/cases/{case_id}/charts/size")
def size(request: Request, db: DatabaseSession, head: Head, view: Choices) -> Response:
    """Size of message 3 against outcome; a point's `customdata` is the address of its terminal."""
    language, theme = view.language, _theme(request)

    def figure(db: Session, analysis_id: int) -> bytes:
        points = terminal_queries.terminal_points(db, analysis_id)
        dots = [
            SizeDot(row.key, row.user or row.mac or row.key, row.message3_plain_bytes, Outcome(row.outcome))
            for row in points
            if row.message3_plain_bytes
        ]
        edges = size_edges(CaseAnalysis((), (), (), case_findings(db, analysis_id), ()))
        return _json(size_figure(plot_sizes(dots, edges, without_size=len(points) - len(dots)), language, theme))

    analysis_id = current_of(head).id
    return kept_json(
        request, analysis_id, view, lambda: remember_part(db, analysis_id, figure, "size", language, theme)
    )


@router.get("/cases/{case_id}/charts/day")
def day(request: Request, db: DatabaseSession, head: Head, view: Choices) -> Response:
    """When sessions passed and failed, in the reader's zone."""
    language, theme = view.language, _theme(request)
    zone = view.tzinfo(remember(db, current_of(head).id, source_queries.log_zone))

    def figure(db: Session, analysis_id: int) -> bytes:
        moments = [
            (start_ns, Outcome(outcome)) for start_ns, outcome in terminal_queries.session_starts(db, analysis_id)
        ]
        return _json(time_figure(plot_times(moments, zone), language, theme, zone=zone))

    analysis_id = current_of(head).id
    return kept_json(
        request, analysis_id, view, lambda: remember_part(db, analysis_id, figure, "day", language, theme, str(zone))
    )
