"""Figures as JSON, for the script that draws them. Made here out of the one analysis; the browser only draws."""

from __future__ import annotations

import re
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
from app.db import queries
from app.db.load import load_capture_points, load_findings
from app.db.session import DatabaseSession
from app.errors import NotFound
from app.web.cases import Choices, Head, current_of
from app.web.remembered import remember
from app.web.terminals import is_corrected, load_shown

router = APIRouter(include_in_schema=False)


def _theme(request: Request) -> str:
    """The script says which theme the page has; only it knows what "auto" came to."""
    return "dark" if request.query_params.get("theme") == "dark" else "light"


@router.get("/cases/{case_id}/terminals/{key}/ladder.json")
def ladder(request: Request, db: DatabaseSession, head: Head, key: str, view: Choices) -> Response:
    analysis_id = current_of(head).id
    shown = load_shown(db, analysis_id, key, request.query_params.get("session"))
    if shown.session is None:
        raise NotFound(Text("This terminal has no session.", "该终端没有会话。"))
    points = load_capture_points(db, analysis_id)
    zone = remember(db, analysis_id, queries.log_zone)
    timeline = build_timeline(shown.terminal, shown.session, points, corrected=is_corrected(request))
    return JSONResponse(plain(ladder_figure(timeline, view.language, _theme(request), zone=view.tzinfo(zone))))


@router.get("/cases/{case_id}/charts/size")
def size(request: Request, db: DatabaseSession, head: Head, view: Choices) -> Response:
    """Size of message 3 against outcome; a point's `customdata` is the address of its terminal."""
    language, theme = view.language, _theme(request)

    def figure(db: Session, analysis_id: int) -> dict[str, Any]:
        points = queries.terminal_points(db, analysis_id)
        dots = [
            SizeDot(row.key, row.user or row.mac or row.key, row.message3_plain_bytes, Outcome(row.outcome))
            for row in points
            if row.message3_plain_bytes
        ]
        edges = size_edges(CaseAnalysis((), (), (), load_findings(db, analysis_id, None), ()))
        return plain(size_figure(plot_sizes(dots, edges, without_size=len(points) - len(dots)), language, theme))

    return JSONResponse(remember(db, current_of(head).id, figure, language, theme))


@router.get("/cases/{case_id}/charts/day")
def day(request: Request, db: DatabaseSession, head: Head, view: Choices) -> Response:
    """When sessions passed and failed, in the reader's zone."""
    language, theme = view.language, _theme(request)
    zone = view.tzinfo(remember(db, current_of(head).id, queries.log_zone))

    def figure(db: Session, analysis_id: int) -> dict[str, Any]:
        moments = [(start_ns, Outcome(outcome)) for start_ns, outcome in queries.session_starts(db, analysis_id)]
        return plain(time_figure(plot_times(moments, zone), language, theme, zone=zone))

    return JSONResponse(remember(db, current_of(head).id, figure, language, theme, str(zone)))


_MARKUP = re.compile(r"</?(?!br\b)[a-z]+[^<>]*>")


def plain(figure: dict[str, Any]) -> dict[str, Any]:
    """The figure without plotly's pseudo-HTML: plotly makes style attributes of it, which the page's policy forbids.

    Text that is bold throughout keeps its weight through the font. `<` out of logs is written `&lt;` in figures, so
    what looks like a tag is one of ours.
    """
    for note in figure["layout"].get("annotations", ()):
        if str(note.get("text", "")).startswith("<b>"):
            note["font"] = {**note.get("font", {}), "weight": 700}
    for trace in figure["data"]:
        texts = trace.get("text")
        if (
            isinstance(texts, list)
            and texts
            and all(str(text).strip("\u2002").startswith("<b>") for text in texts if text)
        ):
            trace["textfont"] = {**trace.get("textfont", {}), "weight": 700}
    stripped: dict[str, Any] = _strip(figure)
    return stripped


def _strip(value: Any) -> Any:
    if isinstance(value, str):
        return _MARKUP.sub("", value)
    if isinstance(value, list):
        return [_strip(item) for item in value]
    if isinstance(value, dict):
        return {key: _strip(item) if key != "customdata" else item for key, item in value.items()}
    return value
