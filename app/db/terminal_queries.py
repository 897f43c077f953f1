"""What pages and API read of an analysis' terminals, sessions and findings.

Each function is a fixed number of statements, whatever the size of the case; lists are cut by the database. Results of
an analysis never change once it is the current one, so a caller may keep what it read under the analysis' number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Integer,
    Row,
    Select,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from app.db.pages import PER_PAGE, Page, like_pattern
from app.db.results import (
    FindingRow,
    SessionRow,
    TerminalRow,
)

# As tables: a row of columns is made in a fraction of the time that an object of the mapper takes.
_terminals, _sessions = TerminalRow.__table__, SessionRow.__table__


SORTS: dict[str, Any] = {
    "user": TerminalRow.user,
    "mac": TerminalRow.mac,
    "outcome": TerminalRow.outcome,
    "size": TerminalRow.message3_plain_bytes,
    "time": TerminalRow.start_ns,
    "sessions": TerminalRow.session_count,
    "finding": TerminalRow.main_finding,
}


@dataclass(frozen=True, slots=True)
class TerminalFilter:
    text: str = ""
    outcome: str = ""
    finding: str = ""
    sort: str = ""  # a key of SORTS; empty: the order of the analysis
    is_descending: bool = False


def list_terminals(db: Session, analysis_id: int, narrowed: TerminalFilter, page: int) -> Page[Row[Any]]:
    """Two statements, each over the rows of this analysis only."""
    statement = _terminals_where(select(_terminals), analysis_id, narrowed)
    total = db.scalar(_terminals_where(select(func.count()).select_from(TerminalRow), analysis_id, narrowed)) or 0
    order: list[Any] = [TerminalRow.no]
    if narrowed.sort in SORTS:
        column = SORTS[narrowed.sort]
        order.insert(0, column.desc().nulls_last() if narrowed.is_descending else column.asc().nulls_last())
    rows = db.execute(statement.order_by(*order).limit(PER_PAGE).offset((page - 1) * PER_PAGE)).all()
    return Page(rows, page, total)


def _terminals_where(statement: Select[Any], analysis_id: int, narrowed: TerminalFilter) -> Select[Any]:
    statement = statement.where(TerminalRow.analysis_id == analysis_id)
    if narrowed.outcome:
        statement = statement.where(TerminalRow.outcome == narrowed.outcome)
    if narrowed.finding:
        statement = statement.where(
            TerminalRow.no.in_(
                select(FindingRow.terminal_no).where(
                    FindingRow.analysis_id == analysis_id, FindingRow.code == narrowed.finding
                )
            )
        )
    for word in narrowed.text.split():
        named = TerminalRow.search.like(like_pattern(word.lower()))
        session = TerminalRow.no.in_(
            select(SessionRow.terminal_no).where(SessionRow.analysis_id == analysis_id, SessionRow.event_id == word)
        )
        statement = statement.where(or_(named, session))
    return statement


# Statements of the pages that are asked for most are made once: making one costs more than running it.
_ANALYSIS = bindparam("analysis", type_=Integer)


_TERMINAL = select(_terminals).where(_terminals.c.analysis_id == _ANALYSIS, _terminals.c.key == bindparam("key"))


_HEADS = (
    select(_sessions)
    .where(_sessions.c.analysis_id == _ANALYSIS, _sessions.c.terminal_no == bindparam("terminal", type_=Integer))
    .order_by(_sessions.c.no)
)


_NEIGHBOURS = select(_terminals.c.no, _terminals.c.key, _terminals.c.user, _terminals.c.mac).where(
    _terminals.c.analysis_id == _ANALYSIS,
    _terminals.c.no.in_((bindparam("before", type_=Integer), bindparam("after", type_=Integer))),
)


def terminal_by_key(db: Session, analysis_id: int, key: str) -> Row[Any] | None:
    """Its columns, by their names."""
    return db.execute(_TERMINAL, {"analysis": analysis_id, "key": key}).first()


def session_heads(db: Session, analysis_id: int, terminal_no: int) -> Sequence[Row[Any]]:
    """The sessions of a terminal, without what is below them."""
    return db.execute(_HEADS, {"analysis": analysis_id, "terminal": terminal_no}).all()


def neighbours(db: Session, analysis_id: int, no: int) -> tuple[Any, Any]:
    """(no, key, user, mac) of the terminals before and after one in the order of the analysis, or None."""
    rows = db.execute(_NEIGHBOURS, {"analysis": analysis_id, "before": no - 1, "after": no + 1})
    by_no = {row.no: row for row in rows}
    return by_no.get(no - 1), by_no.get(no + 1)


def terminal_points(db: Session, analysis_id: int) -> Sequence[Any]:
    """(key, user, mac, outcome, message3_plain_bytes, start_ns, end_ns) of every terminal, for plots."""
    return db.execute(
        select(
            TerminalRow.key,
            TerminalRow.user,
            TerminalRow.mac,
            TerminalRow.outcome,
            TerminalRow.message3_plain_bytes,
            TerminalRow.start_ns,
            TerminalRow.end_ns,
        )
        .where(TerminalRow.analysis_id == analysis_id)
        .order_by(TerminalRow.no)
    ).all()


def session_starts(db: Session, analysis_id: int) -> Sequence[Any]:
    """(start_ns, outcome) of every session that has a time."""
    return db.execute(
        select(SessionRow.start_ns, SessionRow.outcome).where(
            SessionRow.analysis_id == analysis_id, SessionRow.start_ns.is_not(None)
        )
    ).all()


def passed_sizes(db: Session, analysis_id: int) -> list[tuple[int, str]]:
    """(plaintext bytes of message 3, key) of the terminals that passed, by size; those of no known size come first."""
    size = func.coalesce(TerminalRow.message3_plain_bytes, -1)
    rows = db.execute(
        select(size, TerminalRow.key)
        .where(TerminalRow.analysis_id == analysis_id, TerminalRow.outcome == "passed")
        .order_by(size, TerminalRow.no)
    )
    return [(size_bytes, key) for size_bytes, key in rows]


def outcome_counts(db: Session, analysis_id: int) -> dict[str, int]:
    rows = db.execute(
        select(TerminalRow.outcome, func.count())
        .where(TerminalRow.analysis_id == analysis_id)
        .group_by(TerminalRow.outcome)
    )
    return {row.outcome: row[1] for row in rows}


def commonest_finding(db: Session, analysis_id: int) -> tuple[TerminalRow, str] | None:
    """The main finding that the most terminals have, the gravest kind first: the first of them, and its code.

    Terminals carry the code of their main finding, so one small table decides. Two statements.
    """
    code = db.scalar(
        select(TerminalRow.main_finding)
        .where(TerminalRow.analysis_id == analysis_id, TerminalRow.main_finding.is_not(None))
        .group_by(TerminalRow.main_finding, TerminalRow.main_severity)
        .order_by(
            case((TerminalRow.main_severity == "error", 0), (TerminalRow.main_severity == "warning", 1), else_=2),
            func.count().desc(),
            TerminalRow.main_finding,
        )
        .limit(1)
    )
    if code is None:
        return None
    row = db.scalar(
        select(TerminalRow)
        .where(TerminalRow.analysis_id == analysis_id, TerminalRow.main_finding == code)
        .order_by(TerminalRow.no)
        .limit(1)
    )
    return None if row is None else (row, code)


def finding_counts(db: Session, analysis_id: int) -> list[tuple[str, str, int]]:
    """(code, severity, terminals that have it) over all terminals, most frequent first."""
    number = func.count(FindingRow.terminal_no.distinct())
    rows = db.execute(
        select(FindingRow.code, FindingRow.severity, number)
        .where(FindingRow.analysis_id == analysis_id, FindingRow.terminal_no.is_not(None))
        .group_by(FindingRow.code, FindingRow.severity)
        .order_by(number.desc(), FindingRow.code)
    )
    return [(code, severity, count) for code, severity, count in rows]
