"""How the service itself does: the queue, the workers, the disk, and what failed, for administrators' programs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app import __version__
from app.core.records import Text
from app.db import operations
from app.db.models import FAILED, QUEUED, RUNNING
from app.db.session import DatabaseSession
from app.metrics import disk
from app.sandbox import WEAKER, walls
from app.web.api.problems import problems
from app.web.api.shapes import BothLanguages

router = APIRouter(tags=["operations"])


class Queue(BaseModel):
    waiting: int = Field(examples=[2])
    running: int = Field(examples=[1])
    oldest_waits_s: float = Field(description="0 where none waits.", examples=[3.4])


class LaneState(BaseModel):
    name: str = Field(description="Which queue it takes from; empty where an older version does not say.")
    silent_s: float = Field(description="Since its last sign of life.", examples=[4.2])
    is_alive: bool
    case: int | None = Field(description="What it works on.", examples=[7])


class WorkerState(BaseModel):
    name: str = Field(description="Host and number of the process.", examples=["analysis-1:204"])
    is_alive: bool = Field(description="Whether all of its lanes are.")
    lanes: list[LaneState]


class Stored(BaseModel):
    files: int = Field(examples=[120])
    size_bytes: int = Field(examples=[734003200])


class DiskSpace(BaseModel):
    total_bytes: int = Field(examples=[500107862016])
    free_bytes: int = Field(examples=[210453397504])


class RunState(BaseModel):
    """A run that waits or is under way."""

    analysis: int = Field(examples=[12])
    case: int = Field(examples=[7])
    title: str = Field(examples=["Ticket 4711"])
    state: Literal["queued", "running"]
    step: str = Field(description="Empty while it waits.", examples=["matching"])
    fraction: float = Field(description="Of that step.", examples=[0.4])
    starts: int = Field(description="More than one: a worker was lost.", examples=[1])
    requested_at: datetime
    started_at: datetime | None


class FailedRun(BaseModel):
    analysis: int = Field(examples=[12])
    case: int = Field(examples=[7])
    title: str = Field(examples=["Ticket 4711"])
    finished_at: datetime | None
    error: BothLanguages
    traceback: str = Field(description="Empty where the reason is all that there is.")
    is_newest: bool = Field(description="Whether the case was not analysed again since.")


class OperationsState(BaseModel):
    version: str = Field(examples=["1.0.0"])
    queue: Queue
    workers: list[WorkerState]
    stored: Stored
    disk: DiskSpace | None = Field(description="Where the service keeps its files; null where that is away.")
    tshark_walls: str = Field(description="What stands around tshark.", examples=["bubblewrap"])
    tshark_walls_are_weak: BothLanguages | None = Field(description="What is not kept out, where that is so.")
    active: list[RunState] = Field(description="The newest first, 50 at most.")
    failed: list[FailedRun] = Field(description="The newest first, 50 at most.")


@router.get("/operations", responses=problems())
def read_operations(request: Request, db: DatabaseSession) -> OperationsState:
    """What the page of administrators shows. A failure is tried again by `POST /cases/{case_id}/analysis`."""
    options = request.app.state.settings
    waiting, space, weaker = operations.queue_lengths(db), disk(options.var), WEAKER.get(walls())
    stored = operations.stored(db)
    return OperationsState(
        version=__version__,
        queue=Queue(waiting=waiting[QUEUED], running=waiting[RUNNING], oldest_waits_s=operations.queue_wait_s(db)),
        workers=[_worker(one, options.stalled_after_s) for one in operations.workers(db)],
        stored=Stored(files=stored.files, size_bytes=stored.size_bytes),
        disk=DiskSpace(total_bytes=space.total, free_bytes=space.free) if space is not None else None,
        tshark_walls=walls().value,
        tshark_walls_are_weak=_both(weaker) if weaker is not None else None,
        active=[_active(run) for run in operations.runs(db, (QUEUED, RUNNING))],
        failed=[_failed(run) for run in operations.runs(db, (FAILED,))],
    )


def _worker(worker: operations.Worker, stalled_after_s: float) -> WorkerState:
    lanes = [
        LaneState(name=one.name, silent_s=one.silent_s, is_alive=one.silent_s <= stalled_after_s, case=one.case_id)
        for one in worker.lanes
    ]
    return WorkerState(name=worker.name, is_alive=worker.silent_s <= stalled_after_s, lanes=lanes)


def _active(run: operations.Run) -> RunState:
    one = run.analysis
    return RunState.model_validate(
        {
            "analysis": one.id, "case": one.case_id, "title": run.title, "state": one.state, "step": one.step,
            "fraction": one.fraction, "starts": one.run, "requested_at": one.requested_at, "started_at": one.started_at,
        }
    )  # fmt: skip


def _failed(run: operations.Run) -> FailedRun:
    one = run.analysis
    return FailedRun(
        analysis=one.id,
        case=one.case_id,
        title=run.title,
        finished_at=one.finished_at,
        error=BothLanguages(en=one.error_en, zh=one.error_zh),
        traceback=one.traceback,
        is_newest=run.is_newest,
    )


def _both(text: Text) -> BothLanguages:
    return BothLanguages(en=text.en, zh=text.zh)
