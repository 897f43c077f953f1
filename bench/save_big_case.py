"""How fast a big case gets into the tables and out again: 5,000 terminals, 100,000 sessions, 2,000,000 fragments.

python -m bench.save_big_case [SESSIONS EACH]
"""

from __future__ import annotations

import dataclasses
import resource
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import func, select

from app.core.analysis import CaseAnalysis
from app.db.load import load_terminal
from app.db.migrate import migrate
from app.db.models import Case
from app.db.results import FragmentRow, SessionRow, SightingRow
from app.db.save import prune, save_analysis
from app.db.session import make_engine, make_sessions
from app.embedded import EmbeddedPostgres
from tests.db.analyses import analysis, attempt

TERMINALS = 5_000
ATTEMPTS = 10  # of message 3 in each session, two fragments each


def big_analysis(sessions_each: int) -> CaseAnalysis:
    """Objects are shared between sessions: what is measured is the database, not the making of objects."""
    base = analysis(2)
    attempts = tuple(attempt(number + 1, number % 2 == 0) for number in range(ATTEMPTS))
    terminals = []
    for number in range(TERMINALS):
        terminal = base.terminals[number % 2]
        one = terminal.sessions[0]
        messages = (one.messages[0], dataclasses.replace(one.messages[1], attempts=attempts))
        sessions = tuple(
            dataclasses.replace(one, key=f"s{number}-{place}", messages=messages) for place in range(sessions_each)
        )
        terminals.append(dataclasses.replace(terminal, key=f"t{number}", user=f"user{number}", sessions=sessions))
    return dataclasses.replace(base, terminals=tuple(terminals))


def main(sessions_each: int) -> None:
    with tempfile.TemporaryDirectory(prefix="eadscope-bench-", ignore_cleanup_errors=True) as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        migrate(postgres.url)
        engine = make_engine(postgres.url)
        try:
            measure(make_sessions(engine), big_analysis(sessions_each))
        finally:
            engine.dispose()
            postgres.stop()


def measure(sessions, big: CaseAnalysis) -> None:  # type: ignore[no-untyped-def]
    with sessions() as session:
        case = Case(title="big")
        session.add(case)
        session.commit()
        case_id = case.id
        for name in ("first", "again, beside the first"):
            before = time.monotonic()
            save_analysis(session, case_id, big)
            session.commit()
            print(f"saved ({name}): {time.monotonic() - before:.1f} s")
        before = time.monotonic()
        prune(session, case_id)
        session.commit()
        print(f"old one pruned: {time.monotonic() - before:.1f} s")
        for table in (SessionRow, FragmentRow, SightingRow):
            print(f"{table.__tablename__}: {session.scalar(select(func.count()).select_from(table)):,}")
        before = time.monotonic()
        load_terminal(session, case_id, "t4321")
        print(f"one terminal loaded: {(time.monotonic() - before) * 1000:.0f} ms")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
