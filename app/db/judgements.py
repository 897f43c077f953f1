"""What people think of the findings of a case."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.models import FindingJudgement


def judgements_of(db: Session, case_id: int) -> dict[str, FindingJudgement]:
    """Code of a finding → what was last said of it."""
    rows = select(FindingJudgement).where(FindingJudgement.case_id == case_id).order_by(FindingJudgement.code)
    return {row.code: row for row in db.scalars(rows)}


def judge_finding(db: Session, case_id: int, code: str, state: str, note: str, author: str) -> FindingJudgement:
    """Keep state and note of a finding, in place of what was said of it before."""
    values = {"state": state, "note": note, "author": author, "changed_at": func.now()}
    kept = insert(FindingJudgement).values(case_id=case_id, code=code, **values)
    kept = kept.on_conflict_do_update(index_elements=["case_id", "code"], set_=values)
    return db.scalars(kept.returning(FindingJudgement), execution_options={"populate_existing": True}).one()
