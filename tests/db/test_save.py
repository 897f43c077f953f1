"""Saving and loading an analysis on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.core.analysis import CaseAnalysis
from app.db.load import load_analysis, load_terminal
from app.db.models import Analysis, Case
from app.db.results import TABLES, SightingRow, TerminalRow
from app.db.save import prune, save_analysis
from app.errors import NotFound
from tests.db.analyses import LOG, analysis, text
from tests.web.sample_case import sample_analysis, told_by_a_device


def new_case(session: Session) -> int:
    case = Case(title="a case")
    session.add(case)
    session.flush()
    return case.id


def test_what_was_saved_comes_back_equal(session: Session) -> None:
    case_id = new_case(session)
    saved = analysis()
    save_analysis(session, case_id, saved)
    assert load_analysis(session, case_id) == saved


def test_the_lines_of_devices_come_back(session: Session) -> None:
    case_id = new_case(session)
    saved = told_by_a_device(sample_analysis(2), b"told\n" * 99)
    save_analysis(session, case_id, saved)
    assert load_analysis(session, case_id).terminals == saved.terminals


def test_one_terminal_comes_back_without_the_others(session: Session) -> None:
    case_id = new_case(session)
    saved = analysis(3)
    save_analysis(session, case_id, saved)
    assert load_terminal(session, case_id, "t2") == saved.terminals[1]


def test_a_terminal_that_is_not_there_is_not_found(session: Session) -> None:
    case_id = new_case(session)
    save_analysis(session, case_id, analysis())
    with pytest.raises(NotFound):
        load_terminal(session, case_id, "t99")


def test_a_case_without_analysis_has_nothing_to_load(session: Session) -> None:
    with pytest.raises(NotFound):
        load_analysis(session, new_case(session))


def test_an_analysis_of_nothing_can_be_saved(session: Session) -> None:
    case_id = new_case(session)
    empty = CaseAnalysis((), (), (), (), (), (text("no EAD exchange"),))
    save_analysis(session, case_id, empty)
    assert load_analysis(session, case_id) == empty


def test_a_new_analysis_replaces_the_old_one_and_prune_removes_its_rows(session: Session) -> None:
    case_id = new_case(session)
    save_analysis(session, case_id, analysis(4))
    save_analysis(session, case_id, analysis(2))
    assert len(load_analysis(session, case_id).terminals) == 2
    prune(session, case_id)
    assert session.scalar(select(func.count()).select_from(TerminalRow)) == 2
    assert load_analysis(session, case_id) == analysis(2)


def test_a_reader_sees_the_old_analysis_until_the_new_one_is_whole(sessions: sessionmaker[Session]) -> None:
    with sessions() as writer:
        case_id = new_case(writer)
        save_analysis(writer, case_id, analysis(1))
        writer.commit()
        save_analysis(writer, case_id, analysis(5))
        with sessions() as reader:
            assert load_analysis(reader, case_id) == analysis(1)
        writer.commit()
    with sessions() as reader:
        assert load_analysis(reader, case_id) == analysis(5)
        reader.delete(reader.get_one(Case, case_id))
        reader.commit()


def test_deleting_a_case_takes_every_row_with_it(session: Session) -> None:
    case_id = new_case(session)
    save_analysis(session, case_id, analysis())
    session.delete(session.get_one(Case, case_id))
    session.flush()
    left = {table.__tablename__: session.scalar(select(func.count()).select_from(table)) for table in TABLES}
    assert set(left.values()) == {0}, left


def test_text_that_a_database_refuses_is_kept_readable(session: Session) -> None:
    case_id = new_case(session)
    whole = analysis(1)
    terminal = replace(whole.terminals[0], user="a\x00b\ud800c")
    findings = tuple(replace(found, details={"from": "x\x00y"}) for found in terminal.findings)
    save_analysis(session, case_id, replace(whole, terminals=(replace(terminal, findings=findings),)))
    loaded = load_terminal(session, case_id, "t1")
    assert loaded.user == "a\ufffdb?c"
    assert loaded.findings[0].details == {"from": "x\ufffdy"}


def test_a_number_that_no_database_can_hold_is_dropped_and_nothing_else(session: Session) -> None:
    case_id = new_case(session)
    whole = analysis(1)
    terminal = whole.terminals[0]
    first = terminal.sessions[0].messages[0]
    huge = replace(first, attempts=(replace(first.attempts[0], plain_bytes=10**30, message_id=10**30),))
    changed = replace(terminal.sessions[0], messages=(huge, *terminal.sessions[0].messages[1:]))
    save_analysis(session, case_id, replace(whole, terminals=(replace(terminal, sessions=(changed,)),)))
    loaded = load_terminal(session, case_id, "t1").sessions[0].messages
    assert loaded[0].attempts[0].plain_bytes is None
    assert loaded[1] == terminal.sessions[0].messages[1]


def test_terminals_can_be_found_by_user_mac_and_address(session: Session) -> None:
    case_id = new_case(session)
    save_analysis(session, case_id, analysis(20))
    for word in ("user7@omr", "00:25:11:e9:01:07", "10.1.1.7"):
        keys = session.scalars(select(TerminalRow.key).where(TerminalRow.search.like(f"%{word}%"))).all()
        assert keys == ["t7"]


def test_a_list_of_terminals_knows_size_leg_and_main_finding(session: Session) -> None:
    case_id = new_case(session)
    save_analysis(session, case_id, analysis(2))
    failed, passed = session.scalars(select(TerminalRow).order_by(TerminalRow.no)).all()
    assert (failed.message3_plain_bytes, failed.message3_wire_bytes) == (2641, 2655)
    assert (failed.lost_from, failed.lost_to, failed.main_finding) == ("client", "server", "later-fragments-lost")
    assert (passed.lost_from, passed.main_finding) == (None, None)


def test_the_run_says_how_many_failed_and_what_is_the_matter(session: Session) -> None:
    case_id = new_case(session)
    run = session.get_one(Analysis, save_analysis(session, case_id, analysis(5)))
    session.refresh(run)
    assert (run.terminal_count, run.failed_count, run.main_finding, run.state) == (5, 3, "size-band", "done")


def test_evidence_of_a_source_that_the_analysis_does_not_list_is_kept(session: Session) -> None:
    case_id = new_case(session)
    save_analysis(session, case_id, analysis(1))
    attempt = load_terminal(session, case_id, "t1").sessions[0].messages[1].attempts[0]
    assert [evidence.source for evidence in attempt.evidence][::2] == [LOG, "elsewhere.txt"]


def test_each_fragment_has_a_sighting_at_each_point(session: Session) -> None:
    case_id = new_case(session)
    save_analysis(session, case_id, analysis(1))
    counted = select(SightingRow.state, func.count().label("number")).group_by(SightingRow.state)
    assert {row.state: row.number for row in session.execute(counted)} == {"seen": 6, "missing": 2}
