"""Two terminals side by side."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.core.records import Text
from app.db.session import DatabaseSession
from app.errors import NotFound
from app.web.api.problems import problems
from app.web.api.shapes import CaseId
from app.web.cases import current_of, load_head
from app.web.comparison import Compared, Row, compare
from app.web.i18n import translations
from app.web.terminals import load_shown

router = APIRouter(tags=["analysis"])
TerminalChoice = Annotated[str, Query(pattern="^t[0-9]{1,9}$", examples=["t1"], description="Key of a terminal.")]
Told = str | int | float | list[str] | None


class RowState(BaseModel):
    """One property of both. Where a value is null, nothing is known of it."""

    name: str = Field(examples=["Attempts"])
    name_zh: str = Field(examples=["发送次数"])
    part: str | None = Field(description="The message that it is about; null: the whole.", examples=["Message 3"])
    values: list[Told] = Field(min_length=2, max_length=2, examples=[[4, 1]])
    differs: bool


class Comparison(BaseModel):
    terminals: list[str] = Field(examples=[["t1", "t3"]])
    rows: list[RowState]


@router.get("/cases/{case_id}/comparison", responses=problems(404))
def compare_terminals(db: DatabaseSession, case_id: CaseId, left: TerminalChoice, right: TerminalChoice) -> Comparison:
    """What a support engineer would look at first, and where the two differ."""
    analysis_id = current_of(load_head(db, case_id)).id
    pair = []
    for key in (left, right):
        try:
            shown = load_shown(db, analysis_id, key, None)
        except NotFound as error:
            raise NotFound(Text(f"The case has no terminal {key}.", f"该案例中没有终端 {key}。")) from error
        pair.append(Compared(shown.terminal, shown.session, shown.row.session_count))
    return Comparison(terminals=[left, right], rows=_told(compare(*pair)))


def _told(rows: list[Row]) -> list[RowState]:
    """The headings of the page become a member of the rows below them; the last row is about the whole again."""
    told, part = [], None
    for row in rows:
        if row.form == "heading":
            part = row.name
            continue
        about = None if row is rows[-1] else part
        values: list[Told] = [_value(row.left), _value(row.right)]
        zh = translations("zh").gettext(row.name)
        told.append(RowState(name=row.name, name_zh=zh, part=about, values=values, differs=row.differs))
    return told


def _value(value: object) -> Told:
    if isinstance(value, tuple):
        return [str(part) for part in value]
    return value if isinstance(value, str | int | float) else None
