"""Filters of the list of cases that somebody named."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from app.core.records import Text
from app.db import case_queries
from app.db.session import DatabaseSession
from app.errors import NotFound
from app.web.api.principal import CurrentPrincipal
from app.web.api.problems import problems
from app.web.api.shapes import LARGEST_ID, FilterName, FilterQuery

router = APIRouter(tags=["filters"])
FilterId = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[1])]


class NewFilter(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "open losses", "query": "state=open&outcome=failed"}}
    )

    name: FilterName
    query: FilterQuery


class FilterState(BaseModel):
    id: int = Field(examples=[1])
    name: str = Field(examples=["open losses"])
    query: str = Field(description="Query string of the list of cases.", examples=["state=open&outcome=failed"])


@router.get("/filters", responses=problems())
def list_filters(db: DatabaseSession, principal: CurrentPrincipal) -> list[FilterState]:
    """The own filters, by name."""
    found = case_queries.saved_filters(db, principal)
    return [FilterState(id=one.id, name=one.name, query=one.query) for one in found]


@router.post("/filters", status_code=201, responses=problems())
def save_filter(db: DatabaseSession, principal: CurrentPrincipal, wanted: NewFilter) -> FilterState:
    """Keep a filter; the same name again replaces it, so that asking twice keeps one."""
    kept = case_queries.save_filter(db, principal, wanted.name.strip(), wanted.query)
    return FilterState(id=kept.id, name=kept.name, query=kept.query)


@router.delete("/filters/{filter_id}", status_code=204, responses=problems(404))
def forget_filter(db: DatabaseSession, principal: CurrentPrincipal, filter_id: FilterId) -> None:
    if not case_queries.forget_filter(db, principal, filter_id):
        raise NotFound(Text(f"There is no filter {filter_id} of yours.", f"您没有编号为 {filter_id} 的筛选条件。"))
