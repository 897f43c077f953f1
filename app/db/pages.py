"""What lists share: one page of rows, and how a text is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

PER_PAGE = 50
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list; `number` counts from 1, `total` is the number of rows on all pages.

    Where a total is not exact there are more rows than it says: then the last page is not known either.
    """

    rows: Sequence[Row]
    number: int
    total: int
    per_page: int = PER_PAGE
    is_total_exact: bool = True

    @property
    def last(self) -> int:
        """The last page that is known of."""
        known = max(1, -(-self.total // self.per_page))
        return known if self.is_total_exact else max(known, self.number + self.has_next)

    @property
    def has_next(self) -> bool:
        if self.is_total_exact:
            return self.number < self.last
        return len(self.rows) == self.per_page


def like_pattern(text: str) -> str:
    """A LIKE pattern that finds `text` anywhere, its own wildcards taken literally."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def page_of(db: Session, rows: Select[*tuple[Any, ...]], count: Select[int], page: int) -> Page[Any]:
    """One page of `rows`, of which there are `count`. Two statements."""
    found = db.execute(rows.limit(PER_PAGE).offset((page - 1) * PER_PAGE)).all()
    return Page(found, page, db.scalar(count) or 0)
