"""What pages and API read and write of sources and of a case's log formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    delete,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, defer

from app.db.models import CaseFormat, SourceSetting
from app.db.pages import PER_PAGE, Page
from app.db.results import (
    RejectedRow,
    SourceRow,
)

MOST_REJECTED = 100
MOST_OTHERS = 500


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


def source_by_content(db: Session, analysis_id: int, sha256: str) -> SourceRow | None:
    """The first file with this content: repetitions of it are listed and not read."""
    found = select(SourceRow).where(SourceRow.analysis_id == analysis_id, SourceRow.sha256 == sha256)
    return db.scalar(found.order_by(SourceRow.no).limit(1))


def rejected_lines(db: Session, source: SourceRow) -> Sequence[RejectedRow]:
    """The first MOST_REJECTED pieces of a log that could not be read."""
    mine = (RejectedRow.analysis_id == source.analysis_id) & (RejectedRow.source_no == source.no)
    return db.scalars(select(RejectedRow).where(mine).order_by(RejectedRow.position).limit(MOST_REJECTED)).all()


def setting_of(db: Session, case_id: int, sha256: str) -> SourceSetting | None:
    return db.get(SourceSetting, (case_id, sha256))


def save_setting(db: Session, case_id: int, sha256: str, **values: Any) -> None:
    """Change what a person said of a file, column by column; None leaves it to the analysis again."""
    row = insert(SourceSetting).values(case_id=case_id, sha256=sha256, **values)
    db.execute(row.on_conflict_do_update(index_elements=["case_id", "sha256"], set_=values))


def case_formats(db: Session, case_id: int) -> Sequence[CaseFormat]:
    return db.scalars(select(CaseFormat).where(CaseFormat.case_id == case_id).order_by(CaseFormat.name)).all()


def save_format(db: Session, case_id: int, name: str, toml: str) -> None:
    """A format of the same name is replaced."""
    row = insert(CaseFormat).values(case_id=case_id, name=name, toml=toml)
    db.execute(row.on_conflict_do_update(index_elements=["case_id", "name"], set_={"toml": toml}))


def forget_format(db: Session, case_id: int, name: str) -> bool:
    gone = delete(CaseFormat).where(CaseFormat.case_id == case_id, CaseFormat.name == name).returning(CaseFormat.id)
    return db.scalar(gone) is not None


def write_formats(db: Session, case_id: int, folder: Path) -> None:
    """The case's formats as files, for `load_formats`."""
    for row in case_formats(db, case_id):
        (folder / f"{row.id:06d}.toml").write_text(row.toml, encoding="utf-8")


def source_by_name(db: Session, analysis_id: int, path: str) -> SourceRow | None:
    return db.scalar(select(SourceRow).where(SourceRow.analysis_id == analysis_id, SourceRow.path == path).limit(1))


def timed_sources(db: Session, source: SourceRow) -> Sequence[SourceRow]:
    """The other logs and captures of the analysis: each has moments that a line of `source` may be held against."""
    return db.scalars(
        select(SourceRow)
        .where(
            SourceRow.analysis_id == source.analysis_id,
            SourceRow.no != source.no,
            SourceRow.kind.in_(("inode_log", "server_log", "capture")),
            SourceRow.sha256 != "",
        )
        .order_by(SourceRow.path)
        .limit(MOST_OTHERS)
    ).all()
