"""Logs of the two sides set each other's clocks where no capture does."""

from __future__ import annotations

from app.core.records import NS, LogFacts, Side
from app.core.sessions.exchanges import build_session
from app.core.sessions.log_clocks import ToldClock
from app.core.sessions.log_sessions import build_log_sessions
from app.core.sessions.ownership import assign
from tests.core.build_traces import line, log_facts
from tests.core.sessions.test_exchanges import ME, ZONE_S, client_log, local


def server_log(offset_s: float) -> LogFacts:
    """What the server wrote of the same session, its clock that far from UTC."""
    return log_facts(
        line(100.45 + offset_s, 1, side=Side.SERVER, source="ps.log", **ME),
        line(100.55 + offset_s, 2, side=Side.SERVER, source="ps.log", to_server=False, event_id="E1"),
    )


def test_two_logs_without_captures_are_laid_on_the_clients_times() -> None:
    owned = assign(build_log_sessions([client_log(), server_log(37)]), (), {})
    clock = owned.clocks["ps.log"]
    assert abs(clock.to_reference(int((100.45 + 37) * NS)) / NS - local(100.45)) < 1
    assert clock.zone_offset_s is None and "iNode.log" not in owned.clocks
    session = build_session(owned.exchanges[0], owned.clocks, "s1")
    assert not session.zone_known
    first = session.message(1)
    assert first is not None and first.attempts[0].server_log_time_ns is not None


def test_a_zone_that_one_log_names_gives_the_other_its_own() -> None:
    told = {"ps.log": ToldClock(3_600)}
    owned = assign(build_log_sessions([client_log(), server_log(3_600)]), (), told)
    assert owned.clocks["iNode.log"].zone_offset_s == ZONE_S
    assert owned.clocks["iNode.log"].error_s == 0
    assert build_session(owned.exchanges[0], owned.clocks, "s1").zone_known
