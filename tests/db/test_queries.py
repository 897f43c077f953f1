"""Statements of the pages: what they find, how many they are, and that none reads a big table from end to end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session, sessionmaker

from app.access import Principal, Role
from app.config import Settings
from app.db import case_list, case_queries
from app.db.case_list import CaseFilter, list_cases
from app.db.models import Analysis, Case
from app.db.results import TABLES
from app.db.save import save_analysis
from app.db.terminal_queries import TerminalFilter, list_terminals
from app.main import create_app
from tests.people import sign_in
from tests.web.sample_case import sample_analysis

ADMIN = Principal(name="admin", role=Role.ADMIN)
BIG = {table.__tablename__ for table in TABLES} - {"capture_points", "phrases", "rejected_lines"}  # a few rows a case
# Cases as large as the large one: so many in the lists, of so many every message.
OTHERS, WHOLE_OTHERS = 30, 6
LISTED = ("sources", "terminals", "sessions", "findings", "checks")


def add_case(sessions: sessionmaker[Session], title: str, users: int) -> int:
    with sessions() as db, db.begin():
        case = Case(title=title)
        db.add(case)
        db.flush()
        save_analysis(db, case.id, sample_analysis(users))
        return case.id


@pytest.fixture(scope="module")
def small(sessions: sessionmaker[Session]) -> int:
    return add_case(sessions, "small", 3)


@pytest.fixture(scope="module")
def large(sessions: sessionmaker[Session], small: int) -> int:
    """Larger than a page."""
    return add_case(sessions, "large_100%", 400)


@pytest.fixture(scope="module")
def crowded(sessions: sessionmaker[Session], large: int) -> int:
    """The large case among others of its size, and statistics about them: what the planner meets in service."""
    with sessions() as db, db.begin():
        run = db.get_one(Case, large).current_analysis_id
        for number in range(OTHERS):
            case = Case(title=f"other {number}")
            db.add(case)
            db.flush()
            analysis = Analysis(case_id=case.id, state="done", terminal_count=400, failed_count=1)
            db.add(analysis)
            db.flush()
            case.current_analysis_id = analysis.id
            for table in TABLES:
                if number >= WHOLE_OTHERS and table.__tablename__ not in LISTED:
                    continue
                columns = ", ".join(f'"{column.name}"' for column in list(table.__table__.columns)[1:])
                db.execute(
                    text(
                        f"INSERT INTO {table.__tablename__} (analysis_id, {columns})"
                        f" SELECT :new, {columns} FROM {table.__tablename__} WHERE analysis_id = :run"
                    ),
                    {"new": analysis.id, "run": run},
                )
    # As the server does by itself: statistics, and what waits to be sorted into the indexes of words.
    with sessions() as db:
        db.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("VACUUM ANALYZE"))
    return large


@pytest.fixture(scope="module")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    app = create_app(Settings(DATABASE_URL=database_url, var=tmp_path_factory.mktemp("var")))  # type: ignore[call-arg]
    app.state.person = sign_in(app)
    return app


def get(app: Any, path: str) -> int:
    """The status of a page, asked for without a network."""

    async def ask() -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", cookies=app.state.person.cookies
        ) as client:
            return (await client.get(path)).status_code

    return anyio.run(ask)


@contextmanager
def statements(app: Any) -> Iterator[list[tuple[str, Any]]]:
    heard: list[tuple[str, Any]] = []

    def hear(_c: Any, _k: Any, statement: str, parameters: Any, *_more: Any) -> None:
        heard.append((statement, parameters))

    event.listen(app.state.engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(app.state.engine, "before_cursor_execute", hear)


PAGES: list[Callable[[int], str]] = [
    lambda case: f"/cases/{case}",
    lambda case: f"/cases/{case}?q=8301001&outcome=failed&finding=later-fragments-lost&sort=size&desc=1",
    lambda case: f"/cases/{case}/terminals/t1",
    lambda case: f"/cases/{case}/terminals/t1/ladder.json",
    lambda case: f"/cases/{case}/charts/size",
    lambda case: f"/cases/{case}/charts/day",
    lambda case: f"/cases/{case}/compare?t=t1&t=t3",
]


@pytest.mark.parametrize("page", PAGES)
def test_the_number_of_statements_does_not_grow_with_the_case(
    app: Any, small: int, large: int, page: Callable[[int], str]
) -> None:
    numbers = []
    for case in (small, large):
        with statements(app) as heard:
            assert get(app, page(case)) == 200
        numbers.append(len(heard))
    assert numbers[0] == numbers[1] <= 40


def test_terminals_are_paged_sorted_and_narrowed_by_the_database(sessions: sessionmaker[Session], large: int) -> None:
    with sessions() as db:
        head = case_queries.case_head(db, large)
        assert head is not None and head.current is not None
        number = head.current.id
        everything = list_terminals(db, number, TerminalFilter(), 1)
        assert (len(everything.rows), everything.total, everything.last) == (50, 400, 8)
        assert list_terminals(db, number, TerminalFilter(), 9).rows == []
        by_size = list_terminals(db, number, TerminalFilter(sort="size", is_descending=True), 1)
        sizes = [row.message3_plain_bytes or 0 for row in by_size.rows]
        assert sizes == sorted(sizes, reverse=True)
        assert list_terminals(db, number, TerminalFilter(text="00:25:11:e9:00:07"), 1).total == 1
        assert list_terminals(db, number, TerminalFilter(text="evt00123"), 1).total == 1
        assert list_terminals(db, number, TerminalFilter(text="%"), 1).total == 0
        assert list_terminals(db, number, TerminalFilter(sort="; DROP TABLE terminals"), 1).total == 400
        failed = list_terminals(db, number, TerminalFilter(outcome="failed", finding="later-fragments-lost"), 1)
        assert failed.total == head.current.failed_count


def test_cases_are_found_by_what_is_in_them(sessions: sessionmaker[Session], small: int, large: int) -> None:
    with sessions() as db:

        def found(**narrowed: str) -> set[int]:
            return {row.case.id for row in list_cases(db, CaseFilter(**narrowed), 1, ADMIN).rows}

        assert found(text="evt00399") == {large}
        assert found(text="8301002 size-band") == {small, large}
        assert found(text="尺寸区间") == {small, large} == found(text="Size band") and found(text="path down") == set()
        assert found(text="100%") == {large} and found(text="100_") == set()
        assert found(outcome="failed", state="open") == {small, large}
        assert found(outcome="passed") == set() and found(state="solved") == set()


def test_cases_are_counted_and_gathered_only_so_far(
    sessions: sessionmaker[Session], small: int, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word or a finding that too many cases have finds the same as one that few have."""
    monkeypatch.setattr(case_list, "COUNTED", 1)
    monkeypatch.setattr(case_list, "GATHERED_ROWS", 1)
    with sessions() as db:
        for narrowed in (
            CaseFilter(), CaseFilter("8301002"), CaseFilter("size-band"), CaseFilter(finding="size-band"),
            CaseFilter("00:25:11:e9"), CaseFilter("8301002 size-band", outcome="failed", state="open"),
        ):  # fmt: skip
            page = list_cases(db, narrowed, 1, ADMIN)
            assert {small, large} <= {row.case.id for row in page.rows}, narrowed
            assert (page.total, page.is_total_exact, page.has_next) == (1, False, False)
        assert list_cases(db, CaseFilter("evt00399"), 1, ADMIN).is_total_exact


def test_a_short_word_finds_a_terminal_whose_name_begins_with_it(session: Session) -> None:
    name = "张三"
    terminal = replace(sample_analysis(1).terminals[0], user=name)
    case = Case(title="short")
    session.add(case)
    session.flush()
    save_analysis(session, case.id, replace(sample_analysis(1), terminals=(terminal,)))
    assert [row.case.id for row in list_cases(session, CaseFilter(name), 1, ADMIN).rows] == [case.id]
    assert list_cases(session, CaseFilter("三"), 1, ADMIN).rows == []
    assert list_cases(session, CaseFilter("李四"), 1, ADMIN).rows == []


def test_a_saved_filter_replaces_one_of_the_same_name(session: Session) -> None:
    case_queries.save_filter(session, ADMIN, "mine", "q=1")
    case_queries.save_filter(session, ADMIN, "mine", "q=2")
    assert [(f.name, f.query) for f in case_queries.saved_filters(session, ADMIN)] == [("mine", "q=2")]
    case_queries.forget_filter(session, ADMIN, case_queries.saved_filters(session, ADMIN)[0].id)
    assert case_queries.saved_filters(session, ADMIN) == []


def test_losses_are_counted_by_leg_and_message_when_an_analysis_is_saved(
    sessions: sessionmaker[Session], small: int
) -> None:
    with sessions() as db:
        head = case_queries.case_head(db, small)
        assert head is not None and head.current is not None
        failed = head.current.failed_count
        assert head.current.leg_losses == [["uplink", "server", 3, 4 * failed, 4 * failed + (3 - failed)]]


# The last test here: it fills the database with other cases.
def test_no_page_reads_a_big_table_from_end_to_end(app: Any, sessions: sessionmaker[Session], crowded: int) -> None:
    """Sequential scans are allowed here; the planner does not want them.

    In a database with a single case it may: where every row is asked for, reading the table is the shortest way.
    """
    pages = [
        *PAGES,
        lambda case: f"/cases/{case}?finding=no-fault&page=2",
        lambda case: f"/cases/{case}?q=evt00007",
        lambda case: f"/cases/{case}/terminals/t1?session=s1&corrected=0",
        lambda _case: "/cases?q=8301001",
        lambda _case: "/cases?finding=size-band&q=evt00007",
        lambda _case: "/cases?q=lost&finding=later-fragments-lost&outcome=failed",
    ]
    for page in pages:
        with statements(app) as heard:
            assert get(app, page(crowded)) == 200
        with sessions() as db:
            connection = db.connection()
            for statement, parameters in heard:
                if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
                    continue
                plan = "\n".join(row[0] for row in connection.exec_driver_sql("EXPLAIN " + statement, parameters))
                scanned = set(re.findall(r"Seq Scan on (\w+)", plan))
                assert scanned.isdisjoint(BIG), f"{page(crowded)}\n{statement}\n{plan}"
