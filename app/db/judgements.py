"""What people think of the findings of a case."""

from __future__ import annotations

from sqlalchemy import Integer, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.models import FindingJudgement

# Made once: every page of a case or terminal asks for it.
_OF_CASE = (
    select(FindingJudgement)
    .where(FindingJudgement.case_id == bindparam("case", type_=Integer))
    .order_by(FindingJudgement.code)
)


def judgements_of(db: Session, case_id: int) -> dict[str, FindingJudgement]:
    """Code of a finding → what was last said of it."""
    return {row.code: row for row in db.scalars(_OF_CASE, {"case": case_id})}


def judge_finding(db: Session, case_id: int, code: str, state: str, note: str, author: str) -> FindingJudgement:
    """Keep state and note of a finding, in place of what was said of it before."""
    values = {"state": state, "note": note, "author": author, "changed_at": func.now()}
    kept = insert(FindingJudgement).values(case_id=case_id, code=code, **values)
    kept = kept.on_conflict_do_update(index_elements=["case_id", "code"], set_=values)
    return db.scalars(kept.returning(FindingJudgement), execution_options={"populate_existing": True}).one()
