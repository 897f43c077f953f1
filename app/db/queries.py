"""What pages and API read and write beside whole analyses: every statement of the web in one place.

Each function is a fixed number of statements, whatever the size of the case; lists are cut by the database. Results of
an analysis never change once it is the current one, so a caller may keep what it read under the analysis' number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased, defer

from app.access import Principal
from app.db.case_list import visible_to
from app.db.models import Analysis, Blob, Bundle, Case, PointSetting, SavedFilter, SourceSetting, Upload
from app.db.pages import PER_PAGE, Page, like_pattern
from app.db.results import (
    FindingRow,
    SessionRow,
    SourceRow,
    TerminalRow,
)


def page_of(db: Session, rows: Select[*tuple[Any, ...]], count: Select[int], page: int) -> Page[Any]:
    """One page of `rows`, of which there are `count`. Two statements."""
    found = db.execute(rows.limit(PER_PAGE).offset((page - 1) * PER_PAGE)).all()
    return Page(found, page, db.scalar(count) or 0)


# ---------------------------------------------------------------- cases


@dataclass(frozen=True, slots=True)
class CaseHead:
    case: Case
    current: Analysis | None
    latest: Analysis | None


def case_head(db: Session, case_id: int) -> CaseHead | None:
    """The case, the analysis that readers see, and the newest run. One statement."""
    row = db.execute(_HEAD, {"case": case_id}).first()
    return CaseHead(*row) if row else None


def _head_statement() -> Any:
    """Made once: every page of a case begins with it, and making it costs more than running it."""
    wanted = bindparam("case", type_=Integer)
    current, latest = aliased(Analysis), aliased(Analysis)
    newest = select(func.max(Analysis.id)).where(Analysis.case_id == wanted).scalar_subquery()
    head: Any = (
        select(Case, current, latest)
        .outerjoin(current, current.id == Case.current_analysis_id)
        .outerjoin(latest, latest.id == newest)
        .where(Case.id == wanted)
    )
    return head


_HEAD = _head_statement()


def similar_cases(db: Session, head: CaseHead, principal: Principal, limit: int = 5) -> Sequence[Case]:
    """Other cases with the same set of errors, solved ones first, since their notes may already tell the cause."""
    own = head.current
    if own is None or not own.error_codes:
        return []
    return db.scalars(
        select(Case)
        .join(Analysis, Analysis.id == Case.current_analysis_id)
        .where(Analysis.error_codes == own.error_codes, Case.id != head.case.id, visible_to(principal))
        .order_by(case((Case.state == "solved", 0), else_=1), Case.updated_at.desc())
        .limit(limit)
    ).all()


def set_case(db: Session, case_id: int, **values: Any) -> None:
    """Change columns of a case that a person may change, and when it was last changed."""
    db.execute(update(Case).where(Case.id == case_id).values(updated_at=func.now(), **values))


def _filters_of(principal: Principal) -> ColumnElement[bool]:
    return or_(SavedFilter.owner_id == principal.user_id, SavedFilter.owner_id.is_(None))


def saved_filters(db: Session, principal: Principal) -> Sequence[SavedFilter]:
    return db.scalars(select(SavedFilter).where(_filters_of(principal)).order_by(SavedFilter.name)).all()


def save_filter(db: Session, principal: Principal, name: str, query: str) -> SavedFilter:
    """Keep the filters of the list of cases under a name; the same name again replaces it."""
    values = insert(SavedFilter).values(owner_id=principal.user_id, name=name, query=query)
    kept = values.on_conflict_do_update(index_elements=["owner_id", "name"], set_={"query": query})
    return db.scalars(kept.returning(SavedFilter), execution_options={"populate_existing": True}).one()


def forget_filter(db: Session, principal: Principal, filter_id: int) -> bool:
    gone = delete(SavedFilter).where(SavedFilter.id == filter_id, _filters_of(principal)).returning(SavedFilter.id)
    return db.scalar(gone) is not None


# ---------------------------------------------------------------- one case


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


def save_points(db: Session, case_id: int, analysis_id: int, shown: Sequence[tuple[str, str]]) -> None:
    """Names and order of capture points as a person gave them, client first: (name shown before, name wanted).

    A name is kept with the content of the point's captures, so that it stays when files are added.
    """
    wanted = dict(shown)
    captures = db.execute(
        select(SourceRow.sha256, SourceRow.capture_point).where(
            SourceRow.analysis_id == analysis_id, SourceRow.capture_point.in_(list(wanted)), SourceRow.sha256 != ""
        )
    )
    for sha256, name in captures:
        given = wanted.get(name or "")
        if given != name:
            values = insert(SourceSetting).values(case_id=case_id, sha256=sha256, capture_point=given)
            db.execute(
                values.on_conflict_do_update(index_elements=["case_id", "sha256"], set_={"capture_point": given})
            )
    db.execute(delete(PointSetting).where(PointSetting.case_id == case_id))
    db.add_all(PointSetting(case_id=case_id, name=name, position=place) for place, (_, name) in enumerate(shown))


def list_sources(db: Session, analysis_id: int, kind: str, page: int) -> Page[SourceRow]:
    """Files of one kind, or all for an empty one, in the order of the analysis. Two statements."""
    conditions = [SourceRow.analysis_id == analysis_id, *([SourceRow.kind == kind] if kind else [])]
    total = db.scalar(select(func.count()).select_from(SourceRow).where(*conditions)) or 0
    rows = db.scalars(
        select(SourceRow)
        .options(defer(SourceRow.log), defer(SourceRow.capture))
        .where(*conditions)
        .order_by(SourceRow.no)
        .limit(PER_PAGE)
        .offset((page - 1) * PER_PAGE)
    ).all()
    return Page(rows, page, total)


def source_counts(db: Session, analysis_id: int) -> list[tuple[str, str | None, int]]:
    """(kind, capture point or None, number of files)."""
    rows = db.execute(
        select(SourceRow.kind, SourceRow.capture_point, func.count())
        .where(SourceRow.analysis_id == analysis_id)
        .group_by(SourceRow.kind, SourceRow.capture_point)
    )
    return [(kind, point, count) for kind, point, count in rows]


def log_zone(db: Session, analysis_id: int) -> int | None:
    """The zone of the case's logs, seconds east of UTC: the most frequent one; None where none is known."""
    return db.scalar(
        select(SourceRow.zone_offset_s)
        .where(SourceRow.analysis_id == analysis_id, SourceRow.zone_offset_s.is_not(None))
        .group_by(SourceRow.zone_offset_s)
        .order_by(func.count().desc(), SourceRow.zone_offset_s)
        .limit(1)
    )


def source_by_path(db: Session, analysis_id: int, path: str) -> SourceRow | None:
    return db.scalar(select(SourceRow).where(SourceRow.analysis_id == analysis_id, SourceRow.path == path))


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


def add_case(db: Session, title: str, language: str, owner: Principal) -> Case:
    """A case of `owner` and of the owner's group."""
    made = Case(title=title, language=language, owner_id=owner.user_id, group_id=owner.group_id)
    db.add(made)
    db.flush()
    return made


def add_upload(
    db: Session, bundle_id: int, path: str, sha256: str, size_bytes: int, user_id: int | None = None
) -> None:
    """Remember a stored file as part of an upload; the same content may be known already."""
    known = insert(Blob).values(sha256=sha256, size_bytes=size_bytes)
    # Taking the row locks it: whoever removes the last use of this content waits, and finds a new one.
    db.execute(known.on_conflict_do_update(index_elements=["sha256"], set_={"size_bytes": size_bytes}))
    db.add(Upload(bundle_id=bundle_id, path=path, sha256=sha256, size_bytes=size_bytes, user_id=user_id))


def has_bundle(db: Session, case_id: int, bundle_id: int) -> bool:
    return db.scalar(select(Bundle.id).where(Bundle.id == bundle_id, Bundle.case_id == case_id)) is not None


def uploads_of(db: Session, case_id: int) -> Sequence[Upload]:
    return db.scalars(
        select(Upload).join(Bundle, Bundle.id == Upload.bundle_id).where(Bundle.case_id == case_id).order_by(Upload.id)
    ).all()


def add_bundle(db: Session, case_id: int) -> Bundle:
    bundle = Bundle(case_id=case_id)
    db.add(bundle)
    db.flush()
    return bundle


# ---------------------------------------------------------------- terminals

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


def open_bundle(db: Session, case_id: int) -> Bundle:
    """The upload of a case that files can still join: its newest one while nothing of it has been unpacked."""
    newest = db.scalar(select(Bundle).where(Bundle.case_id == case_id).order_by(Bundle.id.desc()).limit(1))
    return newest if newest is not None and not newest.unpacked_uploads else add_bundle(db, case_id)
