"""What the case's files are, how they are read, where they were captured; and the lines and frames in them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.core.records import Text
from app.db import case_queries, source_queries
from app.db.load import load_capture_points
from app.db.results import SourceRow
from app.db.session import DatabaseSession
from app.errors import Conflict, NotFound, Rejected
from app.jobs.asking import request_analysis
from app.web.api.cases import link_pages
from app.web.api.problems import problems
from app.web.api.shapes import CaseId, Listed, PageNumber
from app.web.api.source_shapes import (
    FrameState,
    LinesState,
    PairedState,
    PointState,
    SourceChange,
    SourceState,
    WantedPair,
    WantedPoint,
)
from app.web.cases import current_of, load_head
from app.web.evidence import frame_drawer, log_drawer
from app.web.sources import ENCODINGS, LOGS, ZONES_S, known_format, pair_clock

router = APIRouter(tags=["sources"])
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", examples=["ab" * 32])]
LARGEST_NUMBER = 10**12


@router.get("/cases/{case_id}/sources", responses=problems(404))
def list_sources(
    request: Request,
    response: Response,
    db: DatabaseSession,
    case_id: CaseId,
    page: PageNumber = 1,
    kind: Annotated[Literal["inode_log", "server_log", "capture", "device", "other", ""], Query()] = "",
) -> Listed[SourceState]:
    """Every file of the current analysis, used or not, with what was read and what a person said of it."""
    analysis = current_of(load_head(db, case_id))
    found = source_queries.list_sources(db, analysis.id, kind, page)
    link_pages(request, response, found.number, found.last)
    return Listed.of(found, [SourceState.of(row) for row in found.rows])


def _source(db: Session, case_id: int, sha256: str) -> SourceRow:
    source = source_queries.source_by_content(db, current_of(load_head(db, case_id)).id, sha256)
    if source is None:
        raise NotFound(Text("This case has no such file.", "该案例中没有这个文件。"))
    return source


@router.get("/cases/{case_id}/sources/{sha256}", responses=problems(404))
def get_source(db: DatabaseSession, case_id: CaseId, sha256: Sha256) -> SourceState:
    return SourceState.of(_source(db, case_id, sha256))


@router.patch("/cases/{case_id}/sources/{sha256}", status_code=202, responses=problems(404))
def change_source(
    request: Request, db: DatabaseSession, case_id: CaseId, sha256: Sha256, change: SourceChange
) -> SourceState:
    """Say how a file is to be read; null leaves it to the analysis again. The analysis runs anew."""
    source = _source(db, case_id, sha256)
    values: dict[str, Any] = change.model_dump(exclude_unset=True)
    if not values:
        raise Rejected(Text("Nothing to change was given.", "没有给出要修改的内容。"))
    fitting = {
        "encoding": LOGS, "zone_offset_s": LOGS, "clock_offset_s": (*LOGS, "capture"),
        "log_format": ("server_log", "other"), "capture_point": ("capture",),
    }  # fmt: skip
    for name in values:
        if source.kind not in fitting[name]:
            raise Rejected(Text(f"{name} says nothing of a file of this kind.", f"{name} 不适用于此类文件。"))
    if values.get("encoding") not in (None, *ENCODINGS):
        raise Rejected(
            Text(f"The encoding is one of {', '.join(ENCODINGS)}.", f"编码须为 {', '.join(ENCODINGS)} 之一。")
        )
    if values.get("zone_offset_s") not in (None, *ZONES_S):
        raise Rejected(Text("A time zone is a quarter of an hour from UTC.", "时区须为整刻钟。"))
    if values.get("log_format"):
        known_format(request, db, case_id, values["log_format"])
    source_queries.save_setting(db, case_id, sha256, **values)
    request_analysis(db, case_id)
    return SourceState.of(source)


@router.post("/cases/{case_id}/sources/{sha256}/pair", status_code=202, responses=problems(404))
def set_clock_by_pair(
    request: Request, db: DatabaseSession, case_id: CaseId, sha256: Sha256, wanted: WantedPair
) -> PairedState:
    """Set a log's clock by one of its lines and a line or frame elsewhere that tell of the same moment.

    The analysis runs anew. `PATCH` of the source with null takes it back.
    """
    source = _source(db, case_id, sha256)
    if wanted.zone_offset_s not in (None, *ZONES_S):
        raise Rejected(Text("A time zone is a quarter of an hour from UTC.", "时区须为整刻钟。"))
    clock = pair_clock(
        request, db, load_head(db, case_id), source, wanted.line, wanted.other, wanted.other_number,
        wanted.zone_offset_s,
    )  # fmt: skip
    request_analysis(db, case_id)
    return PairedState(zone_offset_s=clock.zone_offset_s, clock_offset_s=clock.error_s)


@router.get("/cases/{case_id}/sources/{sha256}/lines/{line}", responses=problems(404, 409))
def read_lines(
    request: Request,
    db: DatabaseSession,
    case_id: CaseId,
    sha256: Sha256,
    line: Annotated[int, Path(ge=1, le=LARGEST_NUMBER, examples=[31])],
    around: Annotated[int, Query(ge=0, le=400, description="Lines before and after it.")] = 12,
) -> LinesState:
    """A line of a log with those around it."""
    source = _source(db, case_id, sha256)
    if source.kind == "capture":
        raise Conflict(Text("A capture has frames, not lines.", "抓包文件没有文本行，只有帧。"))
    drawer = log_drawer(request.app.state.storage, source, line, around)
    if drawer.problem is not None or drawer.lines is None:
        raise NotFound(drawer.problem or Text("There is no such line.", "没有该行。"))
    return LinesState.of(drawer)


@router.get("/cases/{case_id}/sources/{sha256}/frames/{frame}", responses=problems(404, 409))
def read_frame(
    request: Request,
    db: DatabaseSession,
    case_id: CaseId,
    sha256: Sha256,
    frame: Annotated[int, Path(ge=1, le=LARGEST_NUMBER, examples=[23])],
) -> FrameState:
    """A frame of a capture: its bytes and their full dissection."""
    source = _source(db, case_id, sha256)
    if source.kind != "capture":
        raise Conflict(Text("Only a capture has frames.", "只有抓包文件才有帧。"))
    drawer = frame_drawer(request.app.state.storage, source, frame)
    if drawer.problem is not None:
        raise NotFound(drawer.problem)
    return FrameState.of(drawer)


@router.get("/cases/{case_id}/points", responses=problems(404))
def list_points(db: DatabaseSession, case_id: CaseId) -> list[PointState]:
    """The capture points in path order, client first."""
    analysis = current_of(load_head(db, case_id))
    return [PointState.of(point) for point in load_capture_points(db, analysis.id)]


@router.put("/cases/{case_id}/points", status_code=202, responses=problems(404))
def change_points(db: DatabaseSession, case_id: CaseId, wanted: list[WantedPoint]) -> list[PointState]:
    """Name and order all capture points, client first. The analysis runs anew."""
    analysis = current_of(load_head(db, case_id))
    points = load_capture_points(db, analysis.id)
    names, given = [one.name for one in wanted], [one.new_name or one.name for one in wanted]
    if sorted(names) != sorted(point.name for point in points):
        raise Rejected(Text("Give every capture point of the case once.", "须给出案例的全部抓包点，每个一次。"))
    if len(set(given)) != len(given):
        raise Rejected(Text("Every capture point needs a name of its own.", "每个抓包点都需要一个不重复的名称。"))
    case_queries.save_points(db, case_id, analysis.id, list(zip(names, given, strict=True)))
    request_analysis(db, case_id)
    return [PointState.of(point) for point in points]
