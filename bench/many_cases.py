"""Whether 10,000 cases are as fast as 100: pages' queries, saving, pruning and deleting, and the size of the tables.

python -m bench.many_cases [CASES]

One case is saved and copied inside the database, so that it takes minutes. Prints of each operation, with few and with
many cases, the median time and the pages of the database that it touched, which no other load on the machine changes.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from app.access import Principal, Role
from app.db.case_list import CaseFilter, list_cases
from app.db.load import load_terminal
from app.db.migrate import migrate
from app.db.models import Case
from app.db.removal import delete_case
from app.db.results import TABLES
from app.db.save import prune, save_analysis
from app.db.session import make_engine, make_sessions
from app.embedded import EmbeddedPostgres
from app.storage import FolderStorage
from bench import save_big_case

FEW = 100
TERMINALS, SESSIONS = 5, 1  # of each case: 100 fragments at two points
REPEAT = 15
WHO = Principal("bench", None, Role.ADMIN)


def main(cases: int) -> None:
    save_big_case.TERMINALS = TERMINALS
    with tempfile.TemporaryDirectory(prefix="eadscope-bench-", ignore_cleanup_errors=True) as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        migrate(postgres.url)
        engine = make_engine(postgres.url)
        try:
            storage = FolderStorage(Path(folder) / "storage")
            storage.prepare()
            measure(engine, storage, cases)
        finally:
            engine.dispose()
            postgres.stop()


def measure(engine: Engine, storage: FolderStorage, cases: int) -> None:
    sessions = make_sessions(engine)
    event.listen(sessions, "before_commit", count_at_once)
    with sessions() as session:
        case = Case(title="template")
        session.add(case)
        session.flush()
        save_analysis(session, case.id, save_big_case.big_analysis(SESSIONS))
        session.commit()
    grow(engine, FEW)
    few = run(sessions, storage)
    began = time.monotonic()
    grow(engine, cases)
    print(f"{cases:,} cases made in {time.monotonic() - began:.0f} s")
    many = run(sessions, storage)
    for name, (time_s, pages) in few.items():
        more_s, more_pages = many[name]
        print(
            f"{name}: {time_s * 1000:.1f} → {more_s * 1000:.1f} ms ({more_s / time_s:.2f}×),"
            f" {pages:,} → {more_pages:,} pages ({more_pages / max(1, pages):.2f}×)"
        )
    with engine.connect() as connection:
        for table in ("sightings", "fragments", "attempts", "terminals"):
            row = connection.execute(
                text(
                    "SELECT reltuples, pg_size_pretty(pg_total_relation_size(oid)) FROM pg_class WHERE relname = :name"
                ),
                {"name": table},
            ).one()
            print(f"{table}: {row[0]:,.0f} rows, {row[1]}")


def grow(engine: Engine, cases: int) -> None:
    """Copies of the first case, by the server itself; keys are right by construction and not checked row by row."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        there = connection.scalar(text("SELECT count(*) FROM cases")) or 0
        for table, columns in (("cases", "title, updated_at"), ("analyses", "case_id, state, terminal_count")):
            made = {
                "cases": "SELECT 'site ' || n, now() - n * interval '1 minute'"
                " FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n",
                "analyses": "SELECT c.id, 'done', 5 FROM cases c WHERE current_analysis_id IS NULL",
            }[table]
            connection.execute(text(f"INSERT INTO {table} ({columns}) {made}"), {"first": there, "last": cases - 1})
        connection.execute(text("CREATE TEMP TABLE fresh ON COMMIT DROP AS SELECT a.id FROM analyses a JOIN cases c"
                                " ON c.id = a.case_id WHERE c.current_analysis_id IS NULL"))  # fmt: skip
        for result in TABLES:
            names = [f'"{column.name}"' for column in result.__table__.columns if column.name != "analysis_id"]
            connection.execute(
                text(
                    f"INSERT INTO {result.__tablename__} (analysis_id, {', '.join(names)})"
                    f" SELECT fresh.id, {', '.join(f't.{name}' for name in names)} FROM fresh"
                    f" CROSS JOIN {result.__tablename__} t WHERE t.analysis_id = 1"
                )
            )
        connection.execute(text("UPDATE cases SET current_analysis_id = a.id FROM analyses a JOIN fresh USING (id)"
                                " WHERE a.case_id = cases.id"))  # fmt: skip
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def run(sessions: sessionmaker[Session], storage: FolderStorage) -> dict[str, tuple[float, int]]:
    """Seconds and pages of each operation."""
    small = save_big_case.big_analysis(SESSIONS)

    def saved() -> int:
        with sessions() as session:
            case = Case(title="new")
            session.add(case)
            session.flush()
            save_analysis(session, case.id, small)
            session.commit()
            return case.id

    def again(case_id: int) -> None:
        with sessions() as session:
            save_analysis(session, case_id, small)
            session.commit()
            prune(session, case_id)
            session.commit()

    def deleted(case_id: int) -> None:
        with sessions() as session:
            delete_case(session, storage, case_id)

    with sessions() as session:
        pages: dict[str, Callable[[], object]] = {
            "list of cases": lambda: list_cases(session, CaseFilter("", "", ""), 1, WHO),
            "list, page 2 of a search": lambda: list_cases(session, CaseFilter("site 7", "", ""), 1, WHO),
            "a user in all cases": lambda: list_cases(session, CaseFilter("user1234567", "", ""), 1, WHO),
            "one terminal": lambda: load_terminal(session, 57, "t3"),
        }
        found = {name: median(sessions, lambda page=page: (page(), session.commit())) for name, page in pages.items()}
    made = [saved() for _ in range(REPEAT)]
    found["saving a case"] = median(sessions, lambda: made.append(saved()))
    found["analysing it again"] = median(sessions, lambda: again(made[0]))
    found["deleting a case"] = median(sessions, lambda: deleted(made.pop()))
    for case_id in made:
        deleted(case_id)
    return found


def median(sessions: sessionmaker[Session], action: Callable[[], object]) -> tuple[float, int]:
    action()
    taken, touched = [], []
    for _ in range(REPEAT):
        pages, before = touched_pages(sessions), time.monotonic()
        action()
        taken.append(time.monotonic() - before)
        touched.append(touched_pages(sessions) - pages)
    return statistics.median(taken), int(statistics.median(touched))


def touched_pages(sessions: sessionmaker[Session]) -> int:
    with sessions() as session:
        count = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"
        return int(session.scalar(text(count)) or 0)


def count_at_once(session: Session) -> None:
    """The server adds up what a connection touched once a second, unless it is asked."""
    session.execute(text("SELECT pg_stat_force_next_flush()"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
