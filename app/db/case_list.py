"""The list of all cases and the search in them: as quick with ten thousand cases as with a hundred.

Every statement stops early. Cases are counted up to `COUNTED`; a page takes its numbers from an index before it reads
a row; and each word of a search first asks, by indexes, which cases have it. A word that too many have is not gathered:
then the list is walked, newest first, and a page is soon full.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, false, func, literal, literal_column, or_, select, true
from sqlalchemy import Text as TextType
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import Session, aliased

from app.access import Principal
from app.core.finding_names import codes_named
from app.db.models import Analysis, Case
from app.db.pages import PER_PAGE, Page, like_pattern
from app.db.results import SessionRow, TerminalRow

COUNTED = 1_000  # more than these are "more than 1,000"
GATHERED_ROWS = 20_000  # of terminals that have a word; a big case alone has 5,000
TRIGRAM = 3  # characters; an index of trigrams says nothing of shorter words inside of others


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What the list of cases is narrowed to; empty strings narrow nothing."""

    text: str = ""
    state: str = ""
    finding: str = ""
    outcome: str = ""  # "failed": a terminal failed; "passed": terminals, none of them failed


@dataclass(frozen=True, slots=True)
class CaseRow:
    case: Case
    analysis: Analysis | None  # the current one
    latest_state: str | None  # of the newest run, which may still be under way


def visible_to(principal: Principal) -> ColumnElement[bool]:
    """The cases that exist for somebody, as a condition: what `app.access.sees` says of one."""
    if principal.role is None:
        return Case.id == principal.shared_case if principal.shared_case is not None else false()
    if principal.sees_all:
        return true()
    conditions = [Case.owner_id == principal.user_id, Case.group_id == principal.group_id]
    known = (principal.user_id, principal.group_id)
    return or_(false(), *(condition for condition, value in zip(conditions, known, strict=True) if value is not None))


def list_cases(db: Session, narrowed: CaseFilter, page: int, principal: Principal) -> Page[CaseRow]:
    """Cases that `principal` may see, last changed first. Two statements, and one for a word or a finding."""
    current = aliased(Analysis)
    wanted = select(Case.id).where(visible_to(principal), *_of_case(db, narrowed))
    if narrowed.outcome:
        wanted = wanted.join(current, current.id == Case.current_analysis_id).where(_ended(current, narrowed.outcome))
    total = db.scalar(select(func.count()).select_from(wanted.limit(COUNTED + 1).subquery())) or 0
    # Rows that are only stepped over are not read: their numbers and times are in the index.
    numbers = (
        wanted.order_by(Case.updated_at.desc(), Case.id.desc()).limit(PER_PAGE).offset((page - 1) * PER_PAGE).subquery()
    )
    latest = (
        select(Analysis.state).where(Analysis.case_id == Case.id).order_by(Analysis.id.desc()).limit(1)
    ).scalar_subquery()
    rows = db.execute(
        select(Case, current, latest)
        .join(numbers, numbers.c.id == Case.id)
        .outerjoin(current, current.id == Case.current_analysis_id)
        .order_by(Case.updated_at.desc(), Case.id.desc())
    )
    found = [CaseRow(*row) for row in rows]
    return Page(found, page, min(total, COUNTED), is_total_exact=total <= COUNTED)


def _of_case(db: Session, narrowed: CaseFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrowed.state:
        conditions.append(Case.state == narrowed.state)
    if narrowed.finding:
        conditions.append(_gathered(db, [_by_finding([narrowed.finding])]))
    conditions.extend(_gathered(db, _places_of(word)) for word in narrowed.text.split())
    return conditions


def _ended(current: type[Analysis], outcome: str) -> ColumnElement[bool]:
    if outcome == "failed":
        return current.failed_count > 0
    return and_(current.terminal_count > 0, current.failed_count == 0)


# ---------------------------------------------------------------- which cases have a word


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a word may stand: how to gather the numbers that have it, and how to ask it of one case."""

    numbers: Select[Any]
    limit: int
    column: ColumnElement[Any]  # what the numbers are numbers of
    of_one: Callable[[], ColumnElement[bool]]


def _places_of(word: str) -> list[_Place]:
    """A word is in the title, site or note, or names a terminal, an event id or a finding of the current analysis."""
    codes = codes_named(word)
    places = [_own_text(word), _named_terminal(word), _event_id(word)]
    return [*places, _by_finding(codes)] if codes else places


def _gathered(db: Session, places: Sequence[_Place]) -> ColumnElement[bool]:
    """The cases that have it in one of the places. One statement, that touches no more than the places' limits."""
    branches = []
    for at, place in enumerate(places):
        some = place.numbers.limit(place.limit + 1).subquery()
        number = some.c[0]
        branches.append(select(literal(at).label("at"), number.label("number"), func.count()).group_by(number))
    found: list[list[int]] = [[] for _ in places]
    rows = [0] * len(places)
    for at, number, count in db.execute(branches[0].union_all(*branches[1:])):
        found[at].append(number)
        rows[at] += count
    conditions = [
        place.of_one() if number > place.limit else place.column == func.any(literal(numbers, ARRAY(BigInteger)))
        for place, numbers, number in zip(places, found, rows, strict=True)
        if numbers
    ]
    return or_(false(), *conditions)


def _own_text(word: str) -> _Place:
    # As in the index `ix_cases_text`. A word has no space, so that none reaches from one into the next.
    text: Any = literal_column("lower(cases.title || ' ' || cases.site || ' ' || cases.note)")
    found = text.like(like_pattern(word.lower()))
    return _Place(select(Case.id).where(found), COUNTED, Case.id.expression, lambda: found)


def _named_terminal(word: str) -> _Place:
    """In a name or address of a terminal; a short word only where it begins one, since the index knows no more."""
    found: ColumnElement[bool] = TerminalRow.search.like(like_pattern(word.lower()))
    if len(word) < TRIGRAM:
        found = and_(literal(word.lower()).op("<%", is_comparison=True)(TerminalRow.search), found)
    of_case = (TerminalRow.analysis_id == Case.current_analysis_id, found)
    return _Place(
        select(TerminalRow.analysis_id).where(found),
        GATHERED_ROWS,
        Case.current_analysis_id.expression,
        # Not EXISTS, which the planner may answer by reading the terminals of all cases.
        lambda: select(true()).select_from(TerminalRow).where(*of_case).limit(1).scalar_subquery(),
    )


def _event_id(word: str) -> _Place:
    found = SessionRow.event_id == word
    of_case = (SessionRow.analysis_id == Case.current_analysis_id, found)
    return _Place(
        select(SessionRow.analysis_id).where(found),
        COUNTED,
        Case.current_analysis_id.expression,
        lambda: select(true()).select_from(SessionRow).where(*of_case).limit(1).scalar_subquery(),
    )


def _by_finding(codes: Sequence[str]) -> _Place:
    """The analysis lists its findings itself, so that nobody reads the findings of all cases."""
    wanted = array([literal(code, TextType) for code in codes])
    found: ColumnElement[bool] = Analysis.finding_codes.op("?|", is_comparison=True)(wanted)
    of_case = (Analysis.id == Case.current_analysis_id, found)
    return _Place(
        select(Analysis.id).where(found),
        COUNTED,
        Case.current_analysis_id.expression,
        lambda: select(true()).select_from(Analysis).where(*of_case).limit(1).scalar_subquery(),
    )
