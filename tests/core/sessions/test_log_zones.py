"""A log that nothing is tied to still gets its zone where only one makes sense."""

from __future__ import annotations

from app.core.records import NS
from app.core.sessions.exchanges import build_session
from app.core.sessions.log_clocks import ToldClock
from app.core.sessions.log_sessions import build_log_sessions
from app.core.sessions.log_zones import with_presumed_zones
from app.core.sessions.ownership import Ownership, assign
from tests.core.sessions.test_exchanges import ZONE_S, client_log, local
from tests.core.sessions.test_tied_clocks import server_log

# Ten minutes of capture around the session, in UTC.
AROUND = (round((local(100) - ZONE_S - 300) * NS), round((local(100) - ZONE_S + 300) * NS))


def owned_without_captures() -> Ownership:
    return assign(build_log_sessions([client_log()]), (), {})


def test_the_one_zone_that_brings_the_log_into_the_time_of_the_captures_is_taken() -> None:
    owned = with_presumed_zones(owned_without_captures(), [AROUND])
    assert owned.clocks["iNode.log"].zone_offset_s == ZONE_S
    assert build_session(owned.exchanges[0], owned.clocks, "s1").zone_known


def test_captures_of_a_whole_day_leave_the_zone_open() -> None:
    long = (AROUND[0] - 12 * 3600 * NS, AROUND[1] + 12 * 3600 * NS)
    assert "iNode.log" not in with_presumed_zones(owned_without_captures(), [long]).clocks


def test_the_zone_that_all_other_logs_have_is_taken_first() -> None:
    owned = owned_without_captures()
    beside = Ownership(owned.exchanges, {"other.log": ToldClock(3600).clock(None)})
    assert with_presumed_zones(beside, [AROUND]).clocks["iNode.log"].zone_offset_s == 3600


def test_captures_of_another_day_say_nothing() -> None:
    away = (AROUND[0] + 3 * 86_400 * NS, AROUND[1] + 3 * 86_400 * NS)
    assert "iNode.log" not in with_presumed_zones(owned_without_captures(), [away]).clocks


def test_a_server_log_that_was_laid_on_the_clients_written_times_moves_with_them() -> None:
    owned = assign(build_log_sessions([client_log(), server_log(ZONE_S)]), (), {})
    clocks = with_presumed_zones(owned, [AROUND]).clocks
    assert clocks["ps.log"].zone_offset_s == clocks["iNode.log"].zone_offset_s == ZONE_S
    session = build_session(owned.exchanges[0], clocks, "s1")
    assert [len(m.attempts) for m in session.messages if m.number == 1] == [1]
