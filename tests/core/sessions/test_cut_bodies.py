"""A body that rotation cut in two files is one body again, wherever the cut lies."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.core.parsers.inode_log import parse_inode_log
from app.core.parsers.server_log import parse_server_log
from app.core.records import LogFacts, Rejected
from app.core.sessions.cut_bodies import join_cut_bodies
from app.core.sessions.log_sessions import build_log_sessions
from app.log_formats import load_formats
from tests.core.parsers.inode_writer import Check, one_line, records, result_body, written

CHECK = Check(patches=[f"KB{4_100_000 + at}" for at in range(30)])
WHOLE = written(records(CHECK)).encode()


def bodies() -> list[tuple[int, int]]:
    """Where each body begins and ends."""
    found, at = [], WHOLE.find(b"<data>")
    while at >= 0:
        end = WHOLE.find(b"</data>", at) + len(b"</data>")
        found.append((at, end))
        at = WHOLE.find(b"<data>", end)
    return found


BODIES = bodies()


def parse(data: bytes, source: str) -> LogFacts:
    return parse_inode_log([data], source)


def joined(*parts: tuple[str, bytes]) -> list[LogFacts]:
    logs = join_cut_bodies([parse(data, source) for source, data in parts])
    for log in logs:
        assert log.lines == log.record_lines + log.rejected_lines and log.edges is None
    return logs


@given(st.sampled_from(range(len(BODIES))), st.floats(0, 1), st.booleans())
def test_a_body_cut_at_any_byte_is_read_as_if_it_were_whole(
    which: int, share: float, is_first_given_first: bool
) -> None:
    start, end = BODIES[which]
    cut = start + round(share * (end - 1 - start))
    parts = [("c/iNode.log.1", WHOLE[:cut]), ("c/iNode.log", WHOLE[cut:])]
    logs = joined(*parts) if is_first_given_first else joined(*parts[::-1])[::-1]
    events = [event for log in logs for event in log.events]
    expected = parse(WHOLE, "c/iNode.log.1").events
    plain = [(e.kind, e.direction, e.number, e.body, e.user, e.mac, e.event_id, e.time_ns) for e in expected]
    assert [(e.kind, e.direction, e.number, e.body, e.user, e.mac, e.event_id, e.time_ns) for e in events] == plain
    assert [log.rejected_lines for log in logs] == [0, 0]
    (event,) = [event for event in events if event.rest is not None]
    assert event.locator.source == "c/iNode.log.1" and event.rest is not None
    rest = event.rest.locator
    assert (rest.source, rest.line, rest.byte_start) == ("c/iNode.log", 1, 0)
    assert rest.byte_end is not None and cut + rest.byte_end == end
    assert "rotation" in logs[0].notes[-1].en and "rotation" in logs[1].notes[-1].en


def cut_in_half(which: int = 2) -> tuple[bytes, bytes]:
    start, end = BODIES[which]
    cut = (start + end) // 2
    return WHOLE[:cut], WHOLE[cut:]


def is_joined(*parts: tuple[str, bytes]) -> bool:
    return any(event.rest is not None for log in joined(*parts) for event in log.events)


def test_halves_that_do_not_belong_together_stay_rejected() -> None:
    first, second = cut_in_half()
    assert is_joined(("c/a.log", first), ("c/b.log", second))
    assert not is_joined(("c/a.log", first), ("d/b.log", second))  # another folder, another terminal
    assert not is_joined(("c/a.log", first), ("c/b.log", second.replace(b"2026-03-05 09", b"2026-03-05 11")))
    assert not is_joined(("c/a.log", first), ("c/b.log", second.replace(b"2026-03-05", b"2026-03-04")))
    assert not is_joined(("c/a.log", first), ("c/b.log", second), ("c/copy.log", second))  # which of the two?
    other = written(records(replace(CHECK, mac="00:1C:42:00:00:01", user="other"), hour=10)).encode()
    assert not is_joined(("c/a.log", first), ("c/b.log", second[: second.find(b"\n[")] + b"\n" + other))
    between = b"[2026-03-05 09:00:21] [Cmn] [1] nothing\n"
    assert not is_joined(("c/a.log", first), ("c/b.log", second), ("c/between.log", between))


def test_what_follows_the_rest_in_the_lead_is_still_rejected() -> None:
    first, second = cut_in_half(3)
    head = second.find(b"\n[") + 1
    log, next_log = joined(("c/a.log", first), ("c/b.log", second[:head] + b"stray\nagain\n" + second[head:]))
    assert log.events[-1].body is not None and log.events[-1].body.is_complete
    (rejected,) = next_log.rejected
    rest_lines = second.count(b"\n", 0, head)
    assert isinstance(rejected, Rejected)
    assert (rejected.locator.line, rejected.lines, rejected.sample) == (rest_lines + 1, 2, "stray")
    assert rejected.locator.byte_start == head
    assert next_log.rejected_lines == 2


@given(st.sampled_from(range(len(BODIES))), st.floats(0, 1), st.sampled_from(["gb18030", "utf-16-le"]))
def test_the_rest_is_placed_in_the_file_as_it_is_stored(which: int, share: float, codec: str) -> None:
    text = WHOLE.decode().replace("</i></data>", '</i><i n="说明">策略服务器</i></data>')
    start = [match.end() for match in re.finditer("<data>", text)][which]
    end = text.find("</data>", start) + len("</data>")
    cut = start + round(share * (end - 8 - start))
    begin, mark = ("", b"") if codec == "gb18030" else ("\ufeff", b"\xff\xfe")
    first, second = (begin + text[:cut]).encode(codec), mark + text[cut:].encode(codec)
    logs = joined(("c/iNode.log.1", first), ("c/iNode.log", second))
    (event,) = [event for log in logs for event in log.events if event.rest is not None]
    assert event.rest is not None
    rest = event.rest.locator
    line_end = text.find("\n", end) + 1
    ends = [len(mark) + len(text[cut:to].encode(codec)) for to in (end, line_end)]
    assert rest.byte_start == len(mark) and rest.byte_end is not None and ends[0] <= rest.byte_end <= ends[1]


SERVER_LINE = (
    "%% 2026-03-05 09:00:{:02}.250 ; [LDBG] ; [44] ; EAD ; recv: packet type [{}] id [7] from [10.2.3.4 : 40001]"
)
SERVER_BODY = one_line(result_body(CHECK)).replace("><i", ">\n<i")


def server_log(data: str, source: str) -> LogFacts:
    return parse_server_log([data.encode()], source, load_formats(), "family")


@given(st.floats(0, 1), st.booleans())
def test_a_server_logs_body_cut_at_any_byte_is_whole(share: float, is_named_again: bool) -> None:
    head = SERVER_LINE.format(1, 1) + f", userName={CHECK.user}\n" + SERVER_LINE.format(2, 3) + "\n"
    cut = round(share * (len(SERVER_BODY) - 1))
    name = CHECK.user if is_named_again else "somebody@else"
    rest = SERVER_BODY[cut:] + "\n" + SERVER_LINE.format(9, 1) + f", userName={name}\n"
    (whole,) = join_cut_bodies([server_log(head + SERVER_BODY[:cut] + rest, "s/1.log")])
    first, second = join_cut_bodies([server_log(head + SERVER_BODY[:cut], "s/1.log"), server_log(rest, "s/2.log")])
    assert first.events[-1].body == whole.events[1].body and first.events[-1].body is not None
    assert (first.events[-1].user, first.events[-1].event_id) == (CHECK.user, CHECK.event)
    assert second.rejected_lines == 0 and len(second.events) == 1
    for log in (first, second):
        assert log.lines == log.record_lines + log.rejected_lines and log.edges is None


def test_another_terminals_rest_is_not_put_into_a_server_logs_message() -> None:
    head = SERVER_LINE.format(2, 3) + ", userName=somebody@else\n" + SERVER_BODY[:12]
    rest = SERVER_BODY[12:] + "\n" + SERVER_LINE.format(9, 1) + f", userName={CHECK.user}\n"
    first, second = join_cut_bodies([server_log(head, "s/1.log"), server_log(rest, "s/2.log")])
    assert first.events[-1].rest is None and second.rejected_lines == SERVER_BODY[12:].count("\n") + 1


def heads() -> list[tuple[int, int]]:
    """Where the head of each record that tells of a message begins, and where what tells of it does."""
    found = re.finditer(rb"(?m)^\[[^\n]*?(?=out-pkt|pushSecRslt)", WHOLE)
    return [match.span() for match in found][1:]


@given(st.sampled_from(heads()), st.floats(0, 1))
def test_a_record_cut_in_its_head_is_told_by_both_files(head: tuple[int, int], share: float) -> None:
    start, end = head
    cut = start + 1 + round(share * (end - start - 1))
    logs = joined(("c/iNode.log.1", WHOLE[:cut]), ("c/iNode.log", WHOLE[cut:]))
    events = [event for log in logs for event in log.events]
    expected = parse(WHOLE, "c/iNode.log.1").events
    told = [(e.kind, e.direction, e.number, e.body, e.user, e.result_code, e.time_ns, e.text) for e in events]
    whole = [(e.kind, e.direction, e.number, e.body, e.user, e.result_code, e.time_ns, e.text) for e in expected]
    assert told == whole
    (event,) = [event for event in events if event.rest is not None]
    assert (event.locator.source, event.locator.line, event.locator.byte_start) == ("c/iNode.log", 1, 0)
    assert event.rest is not None and event.rest.locator.source == "c/iNode.log.1"
    assert (event.rest.locator.byte_start, event.rest.locator.byte_end) == (start, cut)
    assert [log.rejected_lines for log in logs] == [0, 0]


def test_a_received_message_cut_in_its_last_head_is_one_message() -> None:
    start = WHOLE.rfind(b"\n[", 0, WHOLE.find(b"transfer")) + 1
    parts = (parse(WHOLE[: start + 30], "c/iNode.log.1"), parse(WHOLE[start + 30 :], "c/iNode.log"))
    (session,) = build_log_sessions(join_cut_bodies(parts))
    (expected,) = build_log_sessions([parse(WHOLE, "c/iNode.log.1")])
    assert [(e.number, e.body, e.peer, e.wire_bytes, e.message_id) for e in session.client] == [
        (e.number, e.body, e.peer, e.wire_bytes, e.message_id) for e in expected.client
    ]


def test_a_last_line_without_an_end_is_not_glued_to_somebody_elses_lines() -> None:
    chatter = b"[2026-03-05 09:00:19] [Cmn] [1] nothing"
    start = WHOLE.find(b"out-pkt [3]")
    head = WHOLE.rfind(b"\n[", 0, start) + 1
    log, following = joined(("c/a.log", WHOLE[:head] + chatter), ("c/b.log", b"stray\n" + WHOLE[head:]))
    assert following.rejected_lines == 1 and not any(e.rest for facts in (log, following) for e in facts.events)


def test_three_files_of_which_each_is_cut_in_a_body() -> None:
    (_, _), (first, end), *_, (last, last_end) = BODIES
    cuts = (first + end) // 2, (last + last_end) // 2
    parts = [WHOLE[: cuts[0]], WHOLE[cuts[0] : cuts[1]], WHOLE[cuts[1] :]]
    logs = joined(*[(f"c/iNode.log.{3 - n}", part) for n, part in enumerate(parts)])
    expected = parse(WHOLE, "c/iNode.log").events
    assert [e.body for log in logs for e in log.events] == [e.body for e in expected]
    assert sum(log.rejected_lines for log in logs) == 0
