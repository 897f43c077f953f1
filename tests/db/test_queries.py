"""Statements of the pages: what they find, how many they are, and that none reads a big table from end to end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session, sessionmaker

from app.config import Settings
from app.db import queries
from app.db.models import Case
from app.db.queries import CaseFilter, TerminalFilter
from app.db.save import save_analysis
from app.main import create_app
from tests.web.sample_case import sample_analysis

BIG = ("terminals", "sessions", "messages", "attempts", "datagrams", "fragments", "sightings", "evidence", "marks")


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
    """Larger than a page, and large enough that the planner has a reason to use an index."""
    number = add_case(sessions, "large_100%", 400)
    with sessions() as db, db.begin():
        db.execute(text("ANALYZE"))
    return number


@pytest.fixture(scope="module")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return create_app(Settings(DATABASE_URL=database_url, var=tmp_path_factory.mktemp("var")))  # type: ignore[call-arg]


def get(app: Any, path: str) -> int:
    """The status of a page, asked for without a network."""

    async def ask() -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
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


@pytest.mark.parametrize(
    "page", [*PAGES, lambda case: "/cases?q=8301001", lambda case: "/cases?finding=size-band&q=evt00007"]
)
def test_no_page_reads_a_big_table_from_end_to_end(
    app: Any, sessions: sessionmaker[Session], large: int, page: Callable[[int], str]
) -> None:
    with statements(app) as heard:
        assert get(app, page(large)) == 200
    with sessions() as db:
        connection = db.connection()
        # These tables are small beside the real thing: ask for the plan that a big one would get.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in heard:
            if not statement.lstrip().upper().startswith("SELECT"):
                continue
            plan = "\n".join(row[0] for row in connection.exec_driver_sql("EXPLAIN " + statement, parameters))
            scanned = set(re.findall(r"Seq Scan on (\w+)", plan))
            assert scanned.isdisjoint(BIG), plan


def test_terminals_are_paged_sorted_and_narrowed_by_the_database(sessions: sessionmaker[Session], large: int) -> None:
    with sessions() as db:
        head = queries.case_head(db, large)
        assert head is not None and head.current is not None
        number = head.current.id
        everything = queries.list_terminals(db, number, TerminalFilter(), 1)
        assert (len(everything.rows), everything.total, everything.last) == (50, 400, 8)
        assert queries.list_terminals(db, number, TerminalFilter(), 9).rows == []
        by_size = queries.list_terminals(db, number, TerminalFilter(sort="size", is_descending=True), 1)
        sizes = [row.message3_plain_bytes or 0 for row in by_size.rows]
        assert sizes == sorted(sizes, reverse=True)
        assert queries.list_terminals(db, number, TerminalFilter(text="00:25:11:e9:00:07"), 1).total == 1
        assert queries.list_terminals(db, number, TerminalFilter(text="evt00123"), 1).total == 1
        assert queries.list_terminals(db, number, TerminalFilter(text="%"), 1).total == 0
        assert queries.list_terminals(db, number, TerminalFilter(sort="; DROP TABLE terminals"), 1).total == 400
        failed = queries.list_terminals(db, number, TerminalFilter(outcome="failed", finding="later-fragments-lost"), 1)
        assert failed.total == head.current.failed_count


def test_cases_are_found_by_what_is_in_them(sessions: sessionmaker[Session], small: int, large: int) -> None:
    with sessions() as db:

        def found(**narrowed: str) -> set[int]:
            return {row.case.id for row in queries.list_cases(db, CaseFilter(**narrowed), 1).rows}

        assert found(text="evt00399") == {large}
        assert found(text="8301002 size-band") == {small, large}
        assert found(text="100%") == {large} and found(text="100_") == set()
        assert found(outcome="failed", state="open") == {small, large}
        assert found(outcome="passed") == set() and found(state="solved") == set()


def test_a_saved_filter_replaces_one_of_the_same_name(session: Session) -> None:
    queries.save_filter(session, "mine", "q=1")
    queries.save_filter(session, "mine", "q=2")
    assert [(f.name, f.query) for f in queries.saved_filters(session)] == [("mine", "q=2")]
    queries.forget_filter(session, queries.saved_filters(session)[0].id)
    assert queries.saved_filters(session) == []


def test_losses_are_counted_by_leg_and_message(sessions: sessionmaker[Session], small: int) -> None:
    with sessions() as db:
        head = queries.case_head(db, small)
        assert head is not None and head.current is not None
        losses = queries.leg_losses(db, head.current.id)
        assert [(loss.lost_from, loss.lost_to, loss.number) for loss in losses] == [("uplink", "server", 3)]
        assert losses[0].datagrams == 4 * head.current.failed_count
