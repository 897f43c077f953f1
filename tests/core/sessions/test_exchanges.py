"""Whose datagram is it, and what the session then says."""

from dataclasses import replace

from app.core.analysis import Outcome
from app.core.records import NS, Direction, Endpoint, EventKind, LogEvent, LogFacts, Side
from app.core.sessions.exchanges import build_session
from app.core.sessions.log_clocks import ToldClock
from app.core.sessions.log_sessions import build_log_sessions
from app.core.sessions.ownership import BY_ENDPOINT, BY_EVENT_ID, BY_MAC, BY_PEER, BY_RHYTHM, BY_WIRE, assign
from tests.core.build_traces import CLIENT, line, log_facts, wire

ZONE_S = 8 * 3600
ME = {"user": "a@x", "mac": "00:11:22:33:44:55", "event_id": "E1"}


def local(at_s: float) -> float:
    return at_s + ZONE_S


def client_log() -> LogFacts:
    lines = [line(local(100.4), 1, **ME), line(local(100.6), 2, to_server=False, event_id="E1")]
    lines += [line(local(123.7 + 5 * n), 3, body_bytes=2000, **ME) for n in range(4)]
    return log_facts(*lines)


def test_attempts_join_their_line_their_datagram_and_their_gap() -> None:
    traced = [wire(100.41, 1, ident=1, event_id="E1"), wire(100.6, 2, to_server=False, ident=2, event_id="E1")]
    traced += [wire(123.7 + 5 * n, 3, ident=10 + n, event_id="E1") for n in range(4)]
    owned = assign(build_log_sessions([client_log()]), traced, {})
    assert len(owned.exchanges) == 1
    assert owned.clocks["iNode.log"].zone_offset_s == ZONE_S
    session = build_session(owned.exchanges[0], owned.clocks, "s1")
    third = session.message(3)
    assert third is not None and [a.attempt for a in third.attempts] == [1, 2, 3, 4]
    assert [a.gap_s for a in third.attempts] == [None, 5.0, 5.0, 5.0]
    assert [a.datagram.identification for a in third.attempts if a.datagram] == [10, 11, 12, 13]
    assert all(a.log_time_ns is not None and a.tied_by == BY_EVENT_ID for a in third.attempts)
    assert session.outcome is Outcome.FAILED


def test_a_send_that_the_capture_lacks_is_an_attempt_without_a_datagram() -> None:
    traced = [wire(100.41, 1, ident=1, event_id="E1")]
    traced += [wire(123.7 + 5 * n, 3, ident=10 + n, event_id="E1") for n in (0, 2, 3)]
    owned = assign(build_log_sessions([client_log()]), traced, {})
    third = build_session(owned.exchanges[0], owned.clocks, "s1").message(3)
    assert third is not None
    assert [a.datagram.identification if a.datagram else None for a in third.attempts] == [10, None, 12, 13]


def test_encrypted_datagrams_follow_the_port_of_a_plain_one() -> None:
    traced = [wire(100.41, 1, ident=1, event_id="E1")]
    traced += [wire(123.7 + 5 * n, None, ident=10 + n) for n in range(4)]
    owned = assign(build_log_sessions([client_log()]), traced, {})
    assert {owned.exchanges[0].reasons[id(t)] for t in traced[1:]} == {BY_ENDPOINT}
    third = build_session(owned.exchanges[0], owned.clocks, "s1").message(3)
    assert third is not None and all(a.datagram is not None for a in third.attempts)


def test_the_server_log_tells_whose_port_it_was() -> None:
    server = log_facts(line(local(100.42), 1, side=Side.SERVER, source="ps.log", peer=CLIENT, **ME))
    traced = [wire(123.7 + 5 * n, None, ident=10 + n) for n in range(4)]
    owned = assign(build_log_sessions([client_log(), server]), traced, {})
    assert {owned.exchanges[0].reasons[id(t)] for t in traced} == {BY_PEER}


def test_the_rhythm_ties_when_nothing_else_does() -> None:
    traced = [wire(at, None, ident=n) for n, at in enumerate((100.41, 123.72, 128.73, 133.74, 138.75))]
    owned = assign(build_log_sessions([client_log()]), traced, {})
    assert len(owned.exchanges) == 1
    assert {owned.exchanges[0].reasons[id(t)] for t in traced} == {BY_RHYTHM}
    assert owned.clocks["iNode.log"].zone_offset_s == ZONE_S
    numbers = [m.number for m in build_session(owned.exchanges[0], owned.clocks, "s1").messages]
    assert numbers == [1, 2, 3]


def test_captures_alone_make_a_session_and_number_it_by_order() -> None:
    traced = [
        wire(1, None, ident=1),
        wire(1.1, None, to_server=False, ident=2),
        wire(24, None, ident=3),
        wire(29, None, ident=4),
    ]
    owned = assign((), traced, {})
    session = build_session(owned.exchanges[0], owned.clocks, "s1")
    assert [(m.number, len(m.attempts)) for m in session.messages] == [(1, 1), (2, 1), (3, 2)]
    assert {owned.exchanges[0].reasons[id(t)] for t in traced} == {BY_WIRE}
    assert session.outcome is Outcome.FAILED


def test_two_clients_behind_equal_ports_stay_apart() -> None:
    other = Endpoint("192.168.7.10", CLIENT.port)
    owned = assign((), [wire(1, 1, ident=1), wire(1.5, 1, ident=2, client=other)], {})
    assert len(owned.exchanges) == 2


def test_a_repeated_event_id_goes_to_the_session_of_its_time() -> None:
    events = [line(local(at), 1, **ME) for at in (100, 5000)]
    results = [
        LogEvent(events[0].locator, Side.CLIENT, EventKind.RESULT, int(local(at)) * NS, result_code=4)
        for at in (130, 5030)
    ]
    log = log_facts(events[0], results[0], events[1], results[1])
    traced = [wire(100.2, 1, ident=1, event_id="E1"), wire(5000.2, 1, ident=2, event_id="E1")]
    owned = assign(build_log_sessions([log]), traced, {"iNode.log": ToldClock(ZONE_S)})
    assert [[t.fate.identification for t in e.traced] for e in owned.exchanges] == [[1], [2]]


def test_the_senders_mac_ties_an_unknown_port() -> None:
    first = wire(100.41, 1, ident=1, event_id="E1")
    report = wire(123.7, None, ident=10, client=Endpoint("192.168.7.99", 6000))
    packet = report.datagrams[0].packets[0]
    seen = replace(report.datagrams[0], packets=(replace(packet, source_mac=ME["mac"]),))
    report = report._replace(datagrams=(seen,))
    owned = assign(build_log_sessions([client_log()]), [first, report], {})
    assert owned.exchanges[0].reasons[id(report)] == BY_MAC


def test_without_captures_times_stay_local_and_say_so() -> None:
    owned = assign(build_log_sessions([client_log()]), (), {})
    session = build_session(owned.exchanges[0], owned.clocks, "s1")
    assert not session.zone_known
    assert [(m.number, m.direction, len(m.attempts)) for m in session.messages] == [
        (1, Direction.TO_SERVER, 1),
        (2, Direction.TO_CLIENT, 1),
        (3, Direction.TO_SERVER, 4),
    ]
    third = session.message(3)
    assert third is not None and [a.gap_s for a in third.attempts] == [None, 5.0, 5.0, 5.0]


def test_server_lines_find_their_attempts_with_milliseconds_between_clocks() -> None:
    server = log_facts(
        line(local(100.45 + 37), 1, side=Side.SERVER, source="ps.log", **ME),
        line(local(133.75 + 37), 3, side=Side.SERVER, source="ps.log", **ME),
    )
    traced = [wire(100.41, 1, ident=1, event_id="E1")]
    traced += [wire(123.7 + 5 * n, 3, ident=10 + n, event_id="E1") for n in range(4)]
    owned = assign(build_log_sessions([client_log(), server]), traced, {})
    third = build_session(owned.exchanges[0], owned.clocks, "s1").message(3)
    assert third is not None
    assert [a.server_log_time_ns is not None for a in third.attempts] == [False, False, True, False]


def test_a_named_zone_leaves_the_rest_of_the_measured_offset_as_the_clocks_error() -> None:
    traced = [wire(100.41, 1, ident=1, event_id="E1")]
    traced += [wire(123.7 + 5 * n, 3, ident=10 + n, event_id="E1") for n in range(4)]
    owned = assign(build_log_sessions([client_log()]), traced, {"iNode.log": ToldClock(ZONE_S + 3_600)})
    clock = owned.clocks["iNode.log"]
    assert (clock.zone_offset_s, clock.error_s) == (ZONE_S + 3_600, -3_600)
    assert abs(clock.to_reference(int(local(123.7)) * NS) / NS - 123.7) < 1


def test_an_error_told_by_hand_outweighs_what_was_measured_and_the_zone_is_measured_against_it() -> None:
    traced = [wire(100.41, 1, ident=1, event_id="E1")]
    for told, zone_s in ((ToldClock(None, 40.0), ZONE_S), (ToldClock(3_600, 86_400.5), 3_600)):
        clock = assign(build_log_sessions([client_log()]), traced, {"iNode.log": told}).clocks["iNode.log"]
        assert (clock.zone_offset_s, clock.error_s) == (zone_s, told.error_s)
        assert clock.offset_ns == -round((zone_s + (told.error_s or 0)) * NS)
