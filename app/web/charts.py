"""Figures as JSON, for the script that draws them. Made here out of the one analysis; the browser only draws."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from app.charts import ladder_figure
from app.core.records import Text
from app.core.timeline import build_timeline
from app.db.load import load_capture_points, load_sources, load_terminal
from app.db.session import DatabaseSession
from app.errors import NotFound
from app.web.cases import Choices, Head, log_zone
from app.web.terminals import chosen_session

router = APIRouter(include_in_schema=False)


def _theme(request: Request) -> str:
    """The script says which theme the page has; only it knows what "auto" came to."""
    return "dark" if request.query_params.get("theme") == "dark" else "light"


@router.get("/cases/{case_id}/terminals/{key}/ladder.json")
def ladder(request: Request, db: DatabaseSession, head: Head, key: str, view: Choices) -> Response:
    terminal = load_terminal(db, head.case.id, key)
    session = chosen_session(terminal, request.query_params.get("session"))
    if session is None or head.current is None:
        raise NotFound(Text("This terminal has no session.", "该终端没有会话。"))
    points = load_capture_points(db, head.current.id)
    zone = log_zone(load_sources(db, head.current.id, with_rejected=False))
    is_corrected = request.query_params.get("corrected") != "0"
    timeline = build_timeline(terminal, session, points, corrected=is_corrected)
    return JSONResponse(ladder_figure(timeline, view.language, _theme(request), zone=view.tzinfo(zone)))
