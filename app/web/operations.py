"""For those who run the service: metrics, and a page with the queue, the workers, the disk and what failed."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app import __version__
from app.core.records import Text
from app.db import operations
from app.db.models import FAILED, QUEUED, RUNNING, Analysis
from app.db.session import DatabaseSession
from app.errors import Conflict, NotFound
from app.jobs.asking import cancel_analysis, request_analysis
from app.metrics import disk
from app.sandbox import WEAKER, walls
from app.web.security import require_same_origin
from app.web.templating import render

router = APIRouter(dependencies=[Depends(require_same_origin)], include_in_schema=False)
OVER = Text("This run is over already.", "该次分析已结束。")


@router.get("/metrics")
def metrics(request: Request) -> Response:
    return Response(request.app.state.metrics.collect(), media_type=CONTENT_TYPE_LATEST)


@router.get("/admin/operations", response_class=HTMLResponse)
def page(request: Request, db: DatabaseSession) -> Response:
    options = request.app.state.settings
    return render(
        request,
        "operations.html",
        active=operations.runs(db, (QUEUED, RUNNING)),
        failed=operations.runs(db, (FAILED,)),
        workers=operations.workers(db),
        stalled_after_s=options.stalled_after_s,
        queue=operations.queue_lengths(db),
        wait_s=operations.queue_wait_s(db),
        stored=operations.stored(db),
        disk=disk(options.var),
        walls=walls().value,
        weaker=WEAKER.get(walls()),
        version=__version__,
    )


@router.post("/admin/analyses/{analysis_id}/retry")
def retry(db: DatabaseSession, analysis_id: int) -> Response:
    request_analysis(db, _run(db, analysis_id).case_id)
    return RedirectResponse("/admin/operations", 303)


@router.post("/admin/analyses/{analysis_id}/cancel")
def cancel(db: DatabaseSession, analysis_id: int) -> Response:
    if not cancel_analysis(db, _run(db, analysis_id).id):
        raise Conflict(OVER)
    return RedirectResponse("/admin/operations", 303)


def _run(db: DatabaseSession, analysis_id: int) -> Analysis:
    run = db.get(Analysis, analysis_id)
    if run is None:
        raise NotFound(Text(f"There is no analysis {analysis_id}.", f"没有编号为 {analysis_id} 的分析。"))
    return run
