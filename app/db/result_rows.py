"""What the tables of results share."""

from __future__ import annotations

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.core.analysis import Fate, Outcome, Role, Seen, Severity, SourceKind
from app.core.records import Confidence, Direction


def values_of(
    enum: type[Fate | Outcome | Role | Seen | Severity | SourceKind | Confidence | Direction],
) -> tuple[str, ...]:
    return tuple(member.value for member in enum)


def part_of(table: str, column: str) -> ForeignKeyConstraint:
    """A key to row `column` of `table` in the same analysis."""
    return ForeignKeyConstraint(["analysis_id", column], [f"{table}.analysis_id", f"{table}.no"], ondelete="CASCADE")


class Numbered:
    """A row that others of the same analysis refer to. The two come first, as they do in every table here."""

    analysis_id: Mapped[int] = mapped_column(
        ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True, sort_order=-2
    )
    no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, sort_order=-1)
