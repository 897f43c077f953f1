"""Rows of the tables below sessions: all of an analysis, or those of some sessions in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, Integer, Select, any_, bindparam, select, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session as DatabaseSession

from app.db.base import Base
from app.db.json_rows import Rows, as_json, numbers_of, shape, shaped
from app.db.results import (
    AttemptRow,
    CapturePointRow,
    DatagramRow,
    EvidenceRow,
    FragmentRow,
    MarkRow,
    MessageRow,
    PhraseRow,
    SightingRow,
    SourceRow,
)


@dataclass(frozen=True, slots=True)
class ExchangeRows:
    """Of each table its rows in order; of `points`, `paths` and `phrases` what the numbers in the others stand for."""

    points: Rows
    paths: Rows
    phrases: Rows
    marks: Rows
    messages: Rows
    attempts: Rows
    datagrams: Rows
    fragments: Rows
    sightings: Rows
    evidence: Rows


@dataclass(frozen=True, slots=True)
class _Table:
    row: type[Base]
    order: tuple[str, ...]
    wanted: tuple[str, ...] = ()  # columns; empty for all

    @property
    def columns(self) -> list[Any]:
        of_table = self.row.__table__.c
        return [of_table[name] for name in self.wanted] if self.wanted else list(of_table)


TABLES = {
    "points": _Table(CapturePointRow, ("no",), ("no", "name")),
    "paths": _Table(SourceRow, ("no",), ("no", "path")),
    "phrases": _Table(PhraseRow, ("no",), ("no", "en", "zh")),
    "marks": _Table(MarkRow, ("session_no", "position")),
    "messages": _Table(MessageRow, ("no",)),
    "attempts": _Table(AttemptRow, ("no",)),
    "datagrams": _Table(DatagramRow, ("attempt_no",)),
    "fragments": _Table(FragmentRow, ("attempt_no", "position")),
    "sightings": _Table(SightingRow, ("attempt_no", "position", "point_no")),
    "evidence": _Table(EvidenceRow, ("no",)),
}
_ANALYSIS = bindparam("analysis", type_=Integer)


# Columns of the tables, not of the mapper, which takes as long again for each statement as the driver does.
def _rows_of(table: _Table) -> Select[Any]:
    columns = table.row.__table__.c
    return select(*table.columns).where(columns.analysis_id == _ANALYSIS)


_EVERYTHING = {
    name: _rows_of(table).order_by(*(table.row.__table__.c[column] for column in table.order))
    for name, table in TABLES.items()
}
_SHAPES: dict[str, Any] = {
    name: shape(table.row.__name__, [column.name for column in table.columns]) for name, table in TABLES.items()
}


def fetch_everything(session: DatabaseSession, analysis_id: int) -> ExchangeRows:
    """Ten statements, whatever the number of rows."""
    return ExchangeRows(
        **{name: session.execute(rows, {"analysis": analysis_id}).all() for name, rows in _EVERYTHING.items()}
    )


def fetch_under(session: DatabaseSession, analysis_id: int, sessions: list[int]) -> ExchangeRows:
    """What is below the sessions of these numbers. One statement."""
    found = session.execute(_UNDER, {"analysis": analysis_id, "numbers": sessions}).one()
    return ExchangeRows(**{name: shaped(rows, row) for (name, row), rows in zip(_SHAPES.items(), found, strict=True)})


def _under_statement() -> Select[Any]:
    sessions: Any = bindparam("numbers", type_=ARRAY(Integer))
    marks, messages = _below("marks", "session_no", sessions), _below("messages", "session_no", sessions)
    attempts = _below("attempts", "message_no", numbers_of(select(messages.c.no)))
    sent = numbers_of(select(attempts.c.no))
    datagrams, fragments, sightings, evidence = (
        _below(name, "attempt_no", sent) for name in ("datagrams", "fragments", "sightings", "evidence")
    )
    sources = union(*(select(rows.c.source_no) for rows in (marks, sightings, evidence)))
    phrases = union(select(attempts.c.tied_by_no), select(datagrams.c.match_reason_no), select(sightings.c.reason_no))
    levels = {
        "points": _rows_of(TABLES["points"]).cte("some_points"),
        "paths": _below("paths", "no", numbers_of(sources)),
        "phrases": _below("phrases", "no", numbers_of(phrases)),
        "marks": marks,
        "messages": messages,
        "attempts": attempts,
        "datagrams": datagrams,
        "fragments": fragments,
        "sightings": sightings,
        "evidence": evidence,
    }
    return select(*(as_json(levels[name], *table.order) for name, table in TABLES.items()))


def _below(name: str, above: str, numbers: Any) -> CTE:
    """Rows whose column `above` is one of the numbers."""
    return _rows_of(TABLES[name]).where(TABLES[name].row.__table__.c[above] == any_(numbers)).cte(f"some_{name}")


_UNDER = _under_statement()
