"""A client that writes events in one file and bodies in another, and files that rotation cut anywhere."""

from __future__ import annotations

import pytest

from app.core.parsers.inode_log import parse_inode_log
from app.core.records import LogFacts
from app.core.sessions.log_sessions import LogSession, build_log_sessions

WHO = '<i n="userName">li@x</i><i n="hwAddr">00:25:11:E9:01:25</i><i n="eventSeqID">q7XwPe2d</i>'
REPORT = f'<data>{WHO}<i n="checkResult">Windows|7|0x0804|KB1000001;KB1000002</i></data>'
OTHER = WHO.replace("q7XwPe2d", "Zz9").replace("E9:01:25", "E9:01:26").replace("li@x", "mo@x")


def head(second: int, thread: str, text: str, level: str = "L_DEBUG") -> str:
    return f"[2026-03-02 10:00:{second:02d}] [{level}] [{thread}] {text}\n"


EVENTS = (
    head(1, "7001", "SecPkt secPushInner: out-pkt [1]")
    + head(1, "7002", "SecPkt secRcvThrd: [10.9.8.7 : 9019] sent me 569 bytes.")
    + head(1, "7002", "SecPkt secDataProc: MsgTYPE is 2")
    + head(1, "7002", "SecPkt secDataProc: MsgID is 53b5")
    + head(1, "7002", "SecPkt sndSecMsg: transfer [2] [21429]")
    + "".join(head(20 + 5 * n, "7003", "SecPkt secPushInner: out-pkt [3]") for n in range(4))
    + head(40, "7004", "SecPkt pushSecRslt(3) returned 4.", "ERROR")
)
BODIES = (
    head(1, "7001", f"SecPktDtl secPushInner: <data>{WHO}</data>")
    + head(2, "7002", 'SecPktDtl sndSecMsg: <data><i n="checkList">Windows</i><i n="eventSeqID">q7XwPe2d</i></data>')
    + "".join(head(20 + 5 * n, "7003", f"SecPktDtl secPushInner: {REPORT}") for n in range(4))
)
WHOLE = (
    head(1, "1394", f"SecPkt secPushInner: out-pkt [1] <data>{WHO}</data>", "DtlCmn")
    + head(2, "1b50", "SecPkt secRcvThrd: [10.9.8.7 : 9019] sent me 569 bytes.", "Dbg")
    + head(2, "1b50", "SecPkt secDataProc: The head id is ad878", "Dbg")
    + head(2, "1b50", "SecPkt secDataProc: The type is 2", "Dbg")
    + head(2, "1b50", "SecPkt secDataProc: The id is 21429", "Dbg")
    + head(2, "1b50", 'SecPkt sndSecMsg: transfer [2] [21429] <data><i n="eventSeqID">q7XwPe2d</i></data>', "DtlCmn")
    + "".join(head(20 + 5 * n, "9b8", f"SecPkt secPushInner: out-pkt [3] {REPORT}", "DtlCmn") for n in range(4))
    + head(40, "13a8", "SecPkt pushSecRslt(3) returned 4.", "Warn")
)


def log(text: str, name: str) -> LogFacts:
    facts = parse_inode_log([text.encode()], name)
    assert facts.record_lines + facts.rejected_lines == facts.lines
    return facts


def counts(session: LogSession) -> list[int | None]:
    return [event.number for event in session.client if event.number is not None and event.result_code is None]


def check(session: LogSession) -> None:
    """The one session that all of these tell of."""
    assert (session.user, session.mac, session.event_id) == ("li@x", "00:25:11:E9:01:25", "q7XwPe2d")
    assert counts(session) == [1, 2, 3, 3, 3, 3]
    assert [event.result_code for event in session.client if event.result_code is not None] == [4]
    received = next(event for event in session.client if event.number == 2)
    assert received.wire_bytes == 569 and received.body is not None


@pytest.mark.parametrize("numbered", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
def test_bodies_in_a_file_of_their_own_go_to_their_events(numbered: bool, swapped: bool) -> None:
    bodies = BODIES
    if numbered:
        bodies = bodies.replace(f"{REPORT}", f"out-pkt [3] {REPORT}")
    logs = [log(EVENTS, "t/SecPkt20260302.log"), log(bodies, "t/SecPktDtl20260302.log")]
    (session,) = build_log_sessions(logs[::-1] if swapped else logs)
    check(session)
    reports = [event for event in session.client if event.number == 3 and event.result_code is None]
    assert all(event.body is not None and event.body.check is not None for event in reports)
    assert {event.locator.source for event in reports} == {"t/SecPkt20260302.log"}


def test_bodies_of_another_folder_are_left_alone() -> None:
    sessions = build_log_sessions([log(EVENTS, "a/SecPkt20260302.log"), log(BODIES, "b/SecPktDtl20260302.log")])
    assert len(sessions) > 1


@pytest.mark.parametrize("overlap", [0, 1, 3])
@pytest.mark.parametrize("names", [("iNode.log.1", "iNode.log"), ("a.log", "b.log"), ("b.log", "a.log")])
def test_a_log_that_rotation_cut_anywhere_is_one_session(names: tuple[str, str], overlap: int) -> None:
    lines = WHOLE.splitlines(keepends=True)
    for cut in range(1, len(lines)):
        parts = ["".join(lines[: cut + overlap]), "".join(lines[cut:])]
        logs = sorted((log(text, f"t/{name}") for text, name in zip(parts, names, strict=True)), key=lambda f: f.source)
        (session,) = build_log_sessions(logs)
        check(session)


def test_the_first_record_of_a_cut_file_goes_to_the_session_that_it_is_the_rest_of() -> None:
    """Another session of the same folder ended later than the one that was cut had begun."""
    length = head(20, "9b8", "SecPkt sendPkt: The packet to send  is 3, length is 2490", "Dbg")
    before = head(10, "9b9", f"SecPkt secPushInner: out-pkt [3] <data>{OTHER}</data>", "DtlCmn")
    lines = WHOLE.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if "out-pkt [3]" in line) + 1
    logs = [
        log(before + "".join(lines[:at]), "t/iNode.log.1"),
        log(length + "".join(lines[at:]), "t/iNode.log"),
    ]
    found = {session.event_id: session for session in build_log_sessions(logs)}
    assert counts(found["Zz9"]) == [3]
    check(found["q7XwPe2d"])
    first = next(event for event in found["q7XwPe2d"].client if event.number == 3)
    assert first.wire_bytes == 2490


def test_a_result_goes_to_the_session_whose_message_it_speaks_of() -> None:
    """Two terminals in one log: one waits for an answer to 1, the other has its answer to 3."""
    text = (
        head(1, "a1", f"SecPkt secPushInner: out-pkt [1] <data>{WHO}</data>", "DtlCmn")
        + head(2, "b1", f"SecPkt secPushInner: out-pkt [3] <data>{OTHER}</data>", "DtlCmn")
        + head(3, "b2", 'SecPkt sndSecMsg: transfer [4] [9] <data><i n="eventSeqID">Zz9</i></data>', "DtlCmn")
        + head(3, "b3", "SecPkt pushSecRslt(3) returned 0.", "Warn")
        + head(6, "a1", f"SecPkt secPushInner: out-pkt [1] <data>{WHO}</data>", "DtlCmn")
        + head(11, "a2", "SecPkt pushSecRslt(1) returned 4.", "Warn")
    )
    found = {session.event_id: session for session in build_log_sessions([log(text, "t/iNode.log")])}
    results = {name: [e.result_code for e in s.client if e.result_code is not None] for name, s in found.items()}
    assert results == {"q7XwPe2d": [4], "Zz9": [0]}
    assert counts(found["q7XwPe2d"]) == [1, 1]
