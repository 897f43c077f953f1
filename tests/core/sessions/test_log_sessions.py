"""Sessions out of log events."""

from dataclasses import replace

from app.core.records import NS, Body, Direction, Endpoint, EventKind, Locator, LogEvent, Side
from app.core.sessions.log_sessions import build_log_sessions
from tests.core.build_traces import log_facts


def event(
    at_s: float,
    number: int | None = None,
    *,
    source: str = "iNode.log",
    side: Side = Side.CLIENT,
    to_server: bool = True,
    **more: object,
) -> LogEvent:
    direction = None if number is None else (Direction.TO_SERVER if to_server else Direction.TO_CLIENT)
    kind = EventKind.MESSAGE if number is not None else EventKind.RESULT
    made = LogEvent(
        locator=Locator(source, line=round(at_s) + 1),
        side=side,
        kind=kind,
        time_ns=round(at_s * NS),
        direction=direction,
        number=number,
    )
    return replace(made, **more)  # type: ignore[arg-type]


ME = {"user": "a@x", "mac": "00:11:22:33:44:55", "event_id": "E1"}
YOU = {"user": "b@x", "mac": "00:11:22:33:44:66", "event_id": "E2"}


def test_messages_and_the_result_of_one_check_are_one_session() -> None:
    sessions = build_log_sessions(
        [
            log_facts(
                event(0, 1, **ME),
                event(0, 2, to_server=False, event_id="E1"),
                event(23, 3, **ME),
                event(28, 3, **ME),
                event(43, result_code=4),
            )
        ]
    )
    assert len(sessions) == 1
    assert [e.number for e in sessions[0].client] == [1, 2, 3, 3, None]
    assert sessions[0].identity == ("a@x", "00:11:22:33:44:55")


def test_two_terminals_in_one_log_stay_apart_and_each_gets_its_result() -> None:
    sessions = build_log_sessions(
        [
            log_facts(
                event(0, 1, **ME),
                event(1, 1, **YOU),
                event(20, 3, **ME),
                event(25, 3, **YOU),
                event(40, result_code=4),
                event(45, result_code=0),
            )
        ]
    )
    assert [[e.result_code for e in s.client if e.kind is EventKind.RESULT] for s in sessions] == [[4], [0]]


def test_a_new_start_after_a_result_is_a_new_session_even_under_an_old_event_id() -> None:
    sessions = build_log_sessions([log_facts(event(0, 1, **ME), event(30, result_code=4), event(60, 1, **ME))])
    assert len(sessions) == 2


def test_a_start_sent_again_stays_in_its_session() -> None:
    assert len(build_log_sessions([log_facts(event(0, 1, **ME), event(5, 1, **ME), event(10, 1, **ME))])) == 1


def test_without_event_ids_silence_parts_sessions() -> None:
    who = {"user": "a@x", "mac": "00:11:22:33:44:55"}
    assert len(build_log_sessions([log_facts(event(0, 1, **who), event(20, 3, **who), event(7200, 1, **who))])) == 2


def test_overlapping_rotated_files_count_each_record_once() -> None:
    shared = event(5, 3, body=Body((), 10, digest="d"), **ME)
    first = log_facts(event(0, 1, **ME), shared)
    second = log_facts(
        replace(shared, locator=Locator("iNode.1.log", line=1)),
        event(10, 3, source="iNode.1.log", **ME),
        event(20, source="iNode.1.log", result_code=4),
    )
    for order in ([first, second], [second, first]):
        sessions = build_log_sessions(order)
        assert len(sessions) == 1
        assert [e.time_ns // NS for e in sessions[0].client] == [0, 5, 10, 20]


def test_a_result_at_the_head_of_the_next_file_finds_its_session() -> None:
    sessions = build_log_sessions(
        [log_facts(event(0, 1, **ME), event(5, 3, **ME)), log_facts(event(25, source="iNode.1.log", result_code=4))]
    )
    assert len(sessions) == 1 and sessions[0].has_result


def test_the_server_log_joins_the_session_of_its_event_id() -> None:
    peer = Endpoint("10.1.1.1", 40000)
    server = log_facts(
        event(3600, 1, source="ps.log", side=Side.SERVER, peer=peer, **ME),
        event(3601, 2, source="ps.log", side=Side.SERVER, to_server=False, peer=peer, event_id="E1"),
    )
    sessions = build_log_sessions([log_facts(event(0, 1, **ME)), server])
    assert len(sessions) == 1 and len(sessions[0].server) == 2


def test_a_session_that_only_the_server_knows_stands_alone() -> None:
    server = log_facts(event(0, 1, source="ps.log", side=Side.SERVER, **YOU))
    assert len(build_log_sessions([log_facts(event(0, 1, **ME)), server])) == 2


def test_an_equal_event_id_of_another_terminal_is_another_session() -> None:
    other = {"user": "b@x", "mac": "00:11:22:33:44:66", "event_id": "E1"}
    server = log_facts(event(0, 1, source="ps.log", side=Side.SERVER, **other))
    assert len(build_log_sessions([log_facts(event(0, 1, **ME)), server])) == 2


def test_no_logs_give_no_sessions() -> None:
    assert build_log_sessions([]) == ()
