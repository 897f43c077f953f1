"""Results are replaced while people read: whoever reads sees one analysis, whole."""

from __future__ import annotations

import threading

from sqlalchemy.orm import Session, sessionmaker

from app.db.load import load_analysis
from app.db.models import Case
from app.db.save import prune, save_analysis
from app.db.session import read_one_moment
from tests.db.analyses import analysis

READERS, ROUNDS = 4, 25


def test_readers_see_one_analysis_or_the_next_and_never_half(sessions: sessionmaker[Session]) -> None:
    versions = {number: analysis(number) for number in (2, 5)}
    with sessions() as session, session.begin():
        case = Case(title="x")
        session.add(case)
        session.flush()
        save_analysis(session, case.id, versions[2])
        case_id = case.id
        expected = {number: _shape(version) for number, version in versions.items()}
    over, seen, odd = threading.Event(), [], []

    def read() -> None:
        while not over.is_set():
            with sessions() as session:
                read_one_moment(session)
                shape = _shape(load_analysis(session, case_id))
            (seen if shape in expected.values() else odd).append(shape)

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for number in range(ROUNDS):
        with sessions() as session, session.begin():
            save_analysis(session, case_id, versions[5 if number % 2 == 0 else 2])
        with sessions() as session, session.begin():
            prune(session, case_id)
    over.set()
    for reader in readers:
        reader.join()
    assert odd == []
    assert len(set(seen)) == 2, "the readers must have met both"


def _shape(one: object) -> tuple[int, int, int]:
    terminals = one.terminals  # type: ignore[attr-defined]
    fragments = sum(
        len(attempt.datagram.fragments)
        for terminal in terminals
        for session in terminal.sessions
        for message in session.messages
        for attempt in message.attempts
        if attempt.datagram is not None
    )
    findings = sum(len(terminal.findings) for terminal in terminals) + len(one.findings)  # type: ignore[attr-defined]
    return len(terminals), fragments, findings
