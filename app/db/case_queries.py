"""What pages and API read and write of cases themselves: their heads, what people change on them, saved filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from app.access import Principal
from app.db.case_list import visible_to
from app.db.models import Analysis, Case, PointSetting, SavedFilter, SourceSetting
from app.db.results import (
    SourceRow,
)


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


def add_case(db: Session, title: str, language: str, owner: Principal) -> Case:
    """A case of `owner` and of the owner's group."""
    made = Case(title=title, language=language, owner_id=owner.user_id, group_id=owner.group_id)
    db.add(made)
    db.flush()
    return made


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
