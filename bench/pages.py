"""How fast the pages are on a big case: 5,000 terminals, 100,000 sessions, 2 million fragments in PostgreSQL.

    python -m bench.pages make DATABASE_URL          fill a database that is at the newest revision
    python -m bench.pages load LINK CASE [USERS] [S]  ask for pages as USERS people do for S seconds

LINK is the one-time address that `eadscope serve` printed, run with DATABASE_URL on that database.

The case is made from one hand-made session a terminal, with twelve heartbeats each, multiplied inside the database.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from dataclasses import replace

import httpx
from sqlalchemy import text

from app.core.analysis import Message, Session
from app.core.records import NS, Direction
from app.db.migrate import migrate
from app.db.models import Analysis, Case
from app.db.save import save_analysis
from app.db.session import make_engine, make_sessions
from tests.people import open_link
from tests.web.sample_case import sample_analysis

TERMINALS, SESSIONS_EACH = 5_000, 20
THINK_S = (1.0, 3.0)  # what a person does with a page before asking for the next


def make(url: str) -> None:
    migrate(url)
    sessions = make_sessions(make_engine(url))
    analysis = sample_analysis(TERMINALS)
    terminals = tuple(
        replace(terminal, sessions=tuple(_with_heartbeats(session) for session in terminal.sessions))
        for terminal in analysis.terminals
    )
    with sessions() as db, db.begin():
        case = Case(title=f"bench: {TERMINALS:,} terminals")
        db.add(case)
        db.flush()
        run = save_analysis(db, case.id, replace(analysis, terminals=terminals))
        counts = {
            table: db.scalar(text(f"SELECT count(DISTINCT no) FROM {table} WHERE analysis_id = :a"), {"a": run})
            for table in ("sessions", "messages", "attempts", "evidence")
        }
        for copy in range(1, SESSIONS_EACH):
            for statement in _COPIES:
                shift = {name: number * copy for name, number in counts.items()}
                db.execute(text(statement), {"a": run, "copy": copy, "later_ns": copy * 3600 * NS, **shift})
        db.execute(
            text("UPDATE terminals SET session_count = :n WHERE analysis_id = :a"), {"n": SESSIONS_EACH, "a": run}
        )
        saved = db.get_one(Analysis, run)
        saved.leg_losses = [
            [*leg, number, lost * SESSIONS_EACH, sent * SESSIONS_EACH] for *leg, number, lost, sent in saved.leg_losses
        ]
        print(f"case {case.id}")
    # What the server would soon do by itself, in the middle of a measurement.
    with sessions() as db:
        db.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("VACUUM (ANALYZE)"))
    with sessions() as db, db.begin():
        for table in ("terminals", "sessions", "attempts", "fragments", "sightings"):
            print(table, db.scalar(text(f"SELECT count(*) FROM {table}")))


def _with_heartbeats(session: Session) -> Session:
    first = session.messages[0].attempts[0]
    beats = [
        Message(
            number,
            direction,
            tuple(replace(first, attempt=n + 1, time_ns=(first.time_ns or 0) + (60 + n * 30) * NS) for n in range(6)),
        )
        for number, direction in ((17, Direction.TO_SERVER), (18, Direction.TO_CLIENT))
    ]
    return replace(session, messages=(*session.messages, *beats))


_COPIES = (
    """INSERT INTO sessions (analysis_id, no, terminal_no, key, event_id, outcome, start_ns, end_ns, server_ip,
       zone_known)
       SELECT analysis_id, no + :sessions, terminal_no, 's' || (:copy + 1), event_id || '-' || :copy, outcome,
              start_ns + :later_ns, end_ns + :later_ns, server_ip, zone_known
       FROM sessions WHERE analysis_id = :a AND key = 's1'""",
    """INSERT INTO messages (analysis_id, no, session_no, number, direction, plain_bytes, deflated_bytes,
       check_result, fields)
       SELECT analysis_id, no + :messages, session_no + :sessions, number, direction, plain_bytes, deflated_bytes,
       check_result, fields
       FROM messages WHERE analysis_id = :a AND no < :messages / :copy""",
    """INSERT INTO attempts (analysis_id, no, message_no, attempt, time_ns, gap_s, plain_bytes, wire_bytes, log_time_ns,
                             server_log_time_ns, tied_by_no, message_id)
       SELECT analysis_id, no + :attempts, message_no + :messages, attempt, time_ns + :later_ns, gap_s,
       plain_bytes, wire_bytes,
              log_time_ns, server_log_time_ns, tied_by_no, message_id
       FROM attempts WHERE analysis_id = :a AND no < :attempts / :copy""",
    """INSERT INTO datagrams (analysis_id, attempt_no, identification, source, destination, ip_version,
       wire_bytes, fate,
                              lost_from, lost_to, coding, match_reason_no, match_confidence, details)
       SELECT analysis_id, attempt_no + :attempts, identification, source, destination, ip_version, wire_bytes,
       fate, lost_from,
              lost_to, coding, match_reason_no, match_confidence, details
       FROM datagrams WHERE analysis_id = :a AND attempt_no < :attempts / :copy""",
    """INSERT INTO fragments (analysis_id, attempt_no, position, offset_bytes, length_bytes)
       SELECT analysis_id, attempt_no + :attempts, position, offset_bytes, length_bytes
       FROM fragments WHERE analysis_id = :a AND attempt_no < :attempts / :copy""",
    """INSERT INTO sightings (analysis_id, attempt_no, position, point_no, state, source_no, frames, raw_time_ns,
       time_ns,
                              reason_no, reason_code)
       SELECT analysis_id, attempt_no + :attempts, position, point_no, state, source_no, frames,
       raw_time_ns + :later_ns,
              time_ns + :later_ns, reason_no, reason_code
       FROM sightings WHERE analysis_id = :a AND attempt_no < :attempts / :copy""",
    """INSERT INTO evidence (analysis_id, no, attempt_no, source_no, line, frame, text)
       SELECT analysis_id, no + :evidence, attempt_no + :attempts, source_no, line, frame, text
       FROM evidence WHERE analysis_id = :a AND attempt_no < :attempts / :copy AND no < :evidence / :copy""",
)


def visits(case: int) -> list[list[tuple[str, str]]]:
    """What people may look at next: for each the addresses that a browser then asks for, with their kinds."""
    terminal = f"/cases/{case}/terminals/t{random.randint(1, TERMINALS)}"
    other = f"t{random.randint(1, TERMINALS)}"
    session = f"session=s{random.randint(1, SESSIONS_EACH)}"
    return [
        [("cases", "/cases")],
        [("cases, searched", f"/cases?q=83010{random.randint(10, 99)}")],
        [
            ("case", f"/cases/{case}"),
            ("plot of sizes", f"/cases/{case}/charts/size"),
            ("plot of the day", f"/cases/{case}/charts/day"),
        ],
        [("case, sorted page", f"/cases/{case}?outcome=failed&sort=size&page={random.randint(1, 40)}")],
        [("case, searched", f"/cases/{case}?q=00:25:11:e9:{random.randint(0, 19):02x}")],
        [("terminal", terminal), ("ladder", f"{terminal}/ladder.json")],
        [("session", f"{terminal}?{session}"), ("ladder", f"{terminal}/ladder.json?{session}")],
        [("compare", f"/cases/{case}/compare?t={terminal.rpartition('/')[2]}&t={other}")],
    ]


async def _look(client: httpx.AsyncClient, visit: list[tuple[str, str]], times: dict[str, list[float]]) -> None:
    for kind, address in visit:
        begin = time.monotonic()
        answer = await client.get(address, headers={"Accept": "text/html"})
        assert answer.status_code == 200, (address, answer.status_code)
        times.setdefault(kind, []).append(time.monotonic() - begin)


async def _user(client: httpx.AsyncClient, case: int, end: float, times: dict[str, list[float]]) -> None:
    await asyncio.sleep(random.uniform(0, THINK_S[1]))
    while time.monotonic() < end:
        await _look(client, random.choice(visits(case)), times)
        await asyncio.sleep(random.uniform(*THINK_S))


def entry(link: str) -> tuple[dict[str, str], str]:
    """Cookies of the person that a one-time link signs in, and the page that it leads to."""
    person, start_page = open_link(link)
    return dict(person.cookies), start_page


async def load(cookies: dict[str, str], start_page: str, case: int, users: int, seconds: float) -> None:
    times: dict[str, list[float]] = {}
    async with httpx.AsyncClient(
        base_url=str(httpx.URL(start_page).copy_with(path="/", query=None)),
        cookies=cookies,
        timeout=60,
        limits=httpx.Limits(max_connections=users),
    ) as client:
        for visit in visits(case):  # until the process has loaded what it needs
            await _look(client, visit, {})
        end = time.monotonic() + seconds
        await asyncio.gather(*(_user(client, case, end, times) for _ in range(users)))
    print(f"{users} people, {THINK_S[0]:.0f} to {THINK_S[1]:.0f} s between an answer and the next question")
    everything = sorted(t for some in times.values() for t in some)
    for name, some in sorted({**times, "all": everything}.items()):
        high = statistics.quantiles(some, n=20)[-1] if len(some) > 1 else some[0]
        print(f"{name:45} n {len(some):5}  median {statistics.median(some) * 1000:7.1f} ms  p95 {high * 1000:7.1f} ms")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        asyncio.run(
            load(
                *entry(sys.argv[2]),
                int(sys.argv[3]),
                int((sys.argv[4:] or ["20"])[0]),
                float((sys.argv[5:] or ["30"])[0]),
            )
        )
