"""A log is written, damaged, and read back."""

from __future__ import annotations

import pickle
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.parsers.inode_log import parse_inode_log, sniff_inode_log
from app.core.records import NS, Direction, EventKind, LogEvent, LogFacts, Side
from tests.core.parsers.inode_writer import (
    SYSTEM,
    Check,
    elements,
    one_line,
    policy_body,
    records,
    result_body,
    start_body,
    wrapped,
    written,
)

CHECK = Check()
DAY_NS = 1_772_668_800 * NS  # 2026-03-05 00:00:00


def parse(text: str | bytes, encoding: str = "utf-8", block_bytes: int = 1 << 20) -> LogFacts:
    data = text.encode(encoding) if isinstance(text, str) else text
    facts = parse_inode_log((data[at : at + block_bytes] for at in range(0, len(data), block_bytes)), "t/iNode.log")
    assert facts.record_lines + facts.rejected_lines == facts.lines
    return facts


def messages(facts: LogFacts, number: int | None = None) -> list[LogEvent]:
    return [e for e in facts.events if e.kind is EventKind.MESSAGE and (number is None or e.number == number)]


def assert_whole_check(facts: LogFacts, check: Check = CHECK, is_exact: bool = True) -> None:
    """Everything that was written is there: numbers, sizes, identity, answer, result, notice."""
    assert [e.number for e in messages(facts)] == [1, 2] + [3] * check.sends
    first, policy, *results = messages(facts)
    assert (first.user, first.mac, first.event_id) == (check.user, check.mac, check.event)
    assert first.direction is Direction.TO_SERVER
    assert policy.direction is Direction.TO_CLIENT
    assert (policy.message_id, policy.head_id, policy.wire_bytes) == (check.message_id, 0xAD878, check.wire_bytes)
    assert str(policy.peer) == f"{check.server}:9019"
    assert policy.event_id == check.event and policy.user is None
    for event, body in [(first, start_body), (policy, policy_body), *((e, result_body) for e in results)]:
        assert event.body is not None
        if is_exact:
            assert event.body.is_exact and event.body.plain_bytes == len(one_line(body(check)).encode())
    assert len({e.body.digest for e in results if e.body}) == 1
    for event in results:
        assert event.body is not None and event.body.check is not None
        assert event.body.check.patches == len(check.patches)
        assert event.body.check.distinct_patches == len(set(check.patches))
        assert event.body.check.antivirus == (("Virus-Def-Version", "2026-02-11"), ("AV-Software", "Kaspersky"))
    times = [e.time_ns for e in results]
    assert [b - a for a, b in pairwise(times)] == [5 * NS] * (check.sends - 1)
    assert [e.result_code for e in facts.events if e.kind is EventKind.RESULT] == [check.code]
    assert check.notice in [
        e.text.partition("] ")[2].partition("] ")[2] for e in facts.events if e.kind is EventKind.NOTICE
    ]


def test_a_written_check_is_read_back_whole() -> None:
    facts = parse(written(records()))
    assert_whole_check(facts)
    assert facts.side is Side.CLIENT and facts.format == "inode" and facts.rejected_lines == 0
    assert facts.records == len(records())
    assert facts.first_ns == DAY_NS + (9 * 3600 + 1) * NS and facts.last_ns == DAY_NS + (9 * 3600 + 40) * NS
    body = messages(facts, 3)[0].body
    assert body is not None and body.check is not None
    assert (body.check.system, body.check.language) == ("Windows|10 Professional Service Pack 2", "0x0804")
    assert ("checkResult", SYSTEM) in body.fields, "the patch list itself is not kept"


def test_locators_lead_to_the_lines_of_the_file() -> None:
    data = written(records(), "\r\n").encode("utf-8-sig")
    for event in parse(data).events:
        start = data[event.locator.byte_start : event.locator.byte_end].decode().lstrip("\ufeff")
        assert start.startswith("[2026-03-05 09:00:")
        assert data[: event.locator.byte_start].count(b"\n") == (event.locator.line or 0) - 1
    sent = messages(parse(data), 3)[0].locator
    assert data[sent.byte_start : sent.byte_end].rstrip().endswith(b"</data>")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "  \n"])
def test_any_line_end_reads_the_same(line_end: str) -> None:
    assert_whole_check(parse(written(records(), line_end)))


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_any_encoding_reads_the_same_and_is_named(encoding: str, name: str) -> None:
    check = replace(CHECK, user="张伟@总部")
    data = written(records(check)).encode(encoding)
    facts = parse(data)
    assert_whole_check(facts, check)
    assert facts.encoding == name
    assert sniff_inode_log(data) > 0.7


def test_utf16_locators_count_bytes_of_the_stored_file() -> None:
    data = written(records(replace(CHECK, user="张伟😀@总部"))).encode("utf-16")
    for event in parse(data).events:
        assert data[event.locator.byte_start :].decode("utf-16-le").startswith("[2026-03-05 ")


def test_encodings_mixed_in_one_file_are_each_read() -> None:
    log = written(records())
    other = written(records(replace(CHECK, user="王芳", event="zz11"), hour=11))
    facts = parse(log.encode() + other.encode("gb18030") + log.replace("09:", "13:").encode("utf-16-le"))
    assert [e.user for e in messages(facts, 1)] == [CHECK.user, "王芳", CHECK.user]
    assert facts.encoding == "mixed: gb18030, utf-16-le, utf-8"
    back = parse(log.encode("utf-16") + other.encode())
    assert [e.user for e in messages(back, 1)] == [CHECK.user, "王芳"]


def test_a_chosen_encoding_is_used_as_chosen() -> None:
    check = replace(CHECK, user="陳大文")
    facts = parse_inode_log(
        [
            written(records(check))
            .replace("，未收到策略服务器回应。即将强行下线", "")
            .replace("安全认证失败", "認證")
            .replace("身份认证成功", "")
            .encode("big5")
        ],
        "x",
        encoding="big5",
    )
    assert facts.encoding == "big5"
    assert messages(facts, 1)[0].user == "陳大文"
    assert parse_inode_log([b"[2026-03-05 09:00:00] [Cmn] [1] x\n"], "x", encoding="no-such").records == 1


@given(column=st.integers(2, 300))
@settings(max_examples=60)
def test_a_hard_wrap_at_any_column_loses_nothing(column: int) -> None:
    facts = parse(wrapped(written(records()), column))
    assert_whole_check(facts)
    assert facts.rejected_lines == 0


@given(
    block_bytes=st.integers(1, 4000),
    user=st.text(st.characters(codec="utf-8", exclude_characters='<>"\r\n\x0b\x0c'), min_size=1, max_size=20),
    patches=st.lists(st.integers(1, 9_999_999), min_size=3, max_size=300),
    sends=st.integers(1, 6),
)
@settings(max_examples=60)
def test_any_content_is_read_back_however_the_blocks_fall(
    block_bytes: int, user: str, patches: list[int], sends: int
) -> None:
    check = Check(user=f"u{user.strip()}x", patches=[f"KB{number}" for number in patches], sends=sends)
    facts = parse(written(records(check)), block_bytes=block_bytes)
    assert_whole_check(facts, check)


@given(cut=st.integers(0, 6000), seed=st.integers(0, 1 << 30))
@settings(max_examples=80)
def test_a_cut_log_tells_what_is_left_and_marks_the_cut_body(cut: int, seed: int) -> None:
    text = written(records())
    cut = min(cut, len(text))
    facts = parse(text[:cut])
    whole = parse(text)
    numbers = [e.number for e in messages(facts)]
    assert numbers == [e.number for e in messages(whole)][: len(numbers)] or numbers[-1] is None
    for event, other in zip(messages(facts), messages(whole), strict=False):
        assert event.time_ns == other.time_ns
        if event.body is not None and event.body != other.body:
            assert not event.body.is_complete and not event.body.is_exact
    del seed


@given(st.randoms(use_true_random=False), st.integers(2, 4))
@settings(max_examples=40)
def test_interleaved_checks_of_several_threads_are_told_apart(rng: random.Random, count: int) -> None:
    checks = [
        Check(user=f"user{n}", event=f"ev{n}", message_id=100 + n, mac=f"02:00:00:00:00:{n:02X}") for n in range(count)
    ]
    logs = []
    for n, check in enumerate(checks):
        log = records(check)
        for thread in ("1394", "1b50", "9b8", "13a8"):
            log = [r.replace(f"[{thread}]", f"[{thread}{n}]", 1) for r in log]
        logs.append(log)
    merged = []
    while any(logs):
        merged.append(rng.choice([log for log in logs if log]).pop(0))
    facts = parse(written(merged))
    for n, check in enumerate(checks):
        own = [e for e in facts.events if e.thread.endswith(str(n)) and len(e.thread) > 3 and e.thread[-1] == str(n)]
        assert_whole_check(replace(facts, events=tuple(own)), check)


@given(st.data())
@settings(max_examples=60)
def test_a_body_cut_in_two_by_other_threads_is_put_together(data: st.DataObject) -> None:
    log = records()
    index = data.draw(st.sampled_from([1, 7, 8]))
    lines = log[index].split("\n")
    at = data.draw(st.integers(2, len(lines) - 1))
    other = f"{log[index][:21]} [Dbg] [77aa] Portal heartBeat: waiting"
    log[index] = "\n".join([*lines[:at], other, *lines[at:]])
    facts = parse(written(log))
    assert_whole_check(facts)
    assert facts.rejected_lines == 0


def test_a_record_glued_to_a_cut_line_is_found() -> None:
    log = written(records()).replace("the state send before is 3\n", "the state send bef")
    assert_whole_check(parse(log))


def test_a_copy_with_every_line_fenced_and_prose_between_is_read() -> None:
    """The way the article was published: fences, blank lines, stray quotes, text after the end, misspelt modules."""
    fenced = "\n\n".join(f"```\n{line}\n```" for line in written(records()[:4]).splitlines())
    rest = written(records()[4:]).replace("[DtlCmn]", "[DtCmn]", 1).replace('"antiProxy">', '"antiProxy">>')
    rest = rest.replace("Windows|10", "Windows]10", 2).replace(
        '</i>\n<i n="damProxyPort', '</i>  \n><i n="damProxyPort'
    )
    rest = rest.replace('<i n="FWcheckResult"></i>\n</data>', '</data>\n```\n\n<i n="FWcheckResult"></i>  \n\n</data>')
    prose = "客户端没有收到回应，因此需要抓包分析。"
    facts = parse(f"# 标题\n\n{prose}\n\n{fenced}\n\n{prose}\n\n{rest}\n{prose}\n\n- 1. {prose}\n")
    assert_whole_check(facts)
    assert facts.rejected_lines == 5
    assert {r.sample for r in facts.rejected} >= {prose, "# 标题"}
    reasons = [r.reason.en for r in facts.rejected]
    assert "before the first record" in reasons[0] and "neither a record nor a message body" in reasons[-1]


def test_a_space_eaten_by_a_soft_wrap_is_settled_by_a_retransmission() -> None:
    log = records()
    log[8] = log[8].replace("Service Pack 2", "Service Pack\n2").replace("Professional", "Profess\nional")
    log[9] = log[9].replace("Profess", "Pro\nfess")
    facts = parse(written(log))
    assert_whole_check(facts)


def test_a_space_that_nobody_can_know_makes_the_size_an_estimate() -> None:
    log = [r.replace("Service Pack 2", "Service Pack\n2") for r in records()]
    facts = parse(written(log))
    assert_whole_check(facts, is_exact=False)
    for event in messages(facts, 3):
        assert event.body is not None and not event.body.is_exact
        assert event.body.plain_bytes == len(one_line(result_body(CHECK)).encode()), "the likely space is counted"


def test_a_linux_clients_words_are_understood() -> None:
    log = (
        "[2026-03-05 09:00:02] [L_DEBUG] [0x7f12aa] secPushInner: out-pkt [47#]\n"
        "[2026-03-05 09:00:02] [L_DEBUG] [0x7f12aa] secSendPkt: The packet to send  is 71, length is 1843\n"
        "[2026-03-05 09:00:03] [H_DEBUG] [2291] secDataProc: MsgTYPE is 2\n"
        "[2026-03-05 09:00:03] [H_DEBUG] [2291] secDataProc: MsgID is 0x53b5\n"
        "[2026-03-05 09:00:09] [ERROR] [2291] secSendPkt: sendto return error 101\n"
    )
    sent, received, error = parse(log).events
    assert (sent.number, sent.wire_bytes, sent.thread) == (0x47, 1843, "0x7f12aa")
    assert (received.number, received.message_id, received.direction) == (2, 0x53B5, Direction.TO_CLIENT)
    assert error.kind is EventKind.SEND_ERROR


def test_bodies_in_a_file_of_their_own_are_events_without_number() -> None:
    body = one_line(result_body(CHECK))
    (event,) = parse(f"[2026-03-05 09:00:02] [L_DEBUG] [2291] {body}\n").events
    assert (event.kind, event.number, event.direction, event.event_id) == (EventKind.MESSAGE, None, None, CHECK.event)
    assert event.body is not None and event.body.plain_bytes == len(body)


def test_impossible_times_are_rejected_with_the_reason() -> None:
    facts = parse(
        "[2026-02-30 09:00:02] [Cmn] [1] x\n[2026-03-05 09:00:02] [Cmn] [1] y\n[2026-03-05 25:00:02] [Cmn] [1] y\n"
    )
    assert (facts.records, facts.rejected_lines) == (1, 2)
    assert "does not exist" in facts.rejected[0].reason.en and "不存在" in facts.rejected[0].reason.zh


def test_a_large_log_gives_the_same_events_as_its_parts() -> None:
    """Beyond a few thousand events the facts hold a packed table; it must read like the tuple."""
    checks = [Check(event=f"e{n}", message_id=n, user=f"u{n % 7}") for n in range(700)]
    facts = parse("".join(written(records(check)) for check in checks))
    assert len(facts.events) == 700 * 9
    assert not isinstance(facts.events, tuple)
    for n in (0, 311, 699):
        alone = parse(written(records(checks[n])))
        base = facts.events[9 * n].locator
        for mine, own in zip(facts.events[9 * n : 9 * n + 9], alone.events, strict=True):
            assert replace(mine, locator=own.locator, body=None) == replace(own, body=None)
            assert (mine.body is None) == (own.body is None)
            if mine.body is not None and own.body is not None:
                assert replace(mine.body, deflated_bytes=0) == replace(own.body, deflated_bytes=0)
        assert base.line == n * len(written(records(CHECK)).splitlines()) + 1


def test_a_body_holds_what_zlib_makes_of_it() -> None:
    import zlib

    body = messages(parse(written(records())), 3)[0].body
    assert body is not None and body.deflated_bytes == len(zlib.compress(one_line(result_body(CHECK)).encode()))


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\r", b"\x00" * 5000, b"\xff\xfe", b"\xff\xfe\x00", b"[" * 10_000, b"<data>" * 5000]
)
def test_rubbish_gives_no_events_and_no_error(data: bytes) -> None:
    facts = parse(data)
    assert not facts.events or all(e.number is None for e in facts.events)
    assert sniff_inode_log(data) < 0.2
    assert facts.records or facts.notes


@pytest.mark.parametrize(
    "text",
    [
        "iNode is a client. [2017] It logs." * 20,
        '{"time": "2026-03-05 09:00:00", "type": 3}\n' * 50,
        "a,b,c\n2026-03-05,1,2\n" * 50,
        "<html><body><p>out-pkt [3]</p></body></html>\n" * 10,
        "2026-03-05 09:00:00,123 INFO [main] server started\n" * 50,
        "Mar  5 09:00:00 host sshd[812]: Accepted password for root\n" * 50,
        "[2026-03-05 09:00:00] production.INFO: user login\n" * 50,
    ],
)
def test_what_is_no_inode_log_sniffs_low(text: str) -> None:
    assert sniff_inode_log(text.encode()) < 0.2
    assert sniff_inode_log(text.encode("utf-16")) < 0.2


def test_a_capture_sniffs_low() -> None:
    capture = (
        b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00"
        + bytes(16)
        + (bytes(16) + one_line(elements([("userName", "a")])).encode()) * 40
    )
    assert sniff_inode_log(capture) < 0.2


def test_an_endless_line_and_an_endless_record_stay_within_bounds() -> None:
    facts = parse(
        b"[2026-03-05 09:00:00] [Cmn] [1] x" + b"y" * 3_000_000 + b"\n" + b"z\n" * 200_000 + written(records()).encode()
    )
    assert_whole_check(facts)
    assert facts.lines == 1 + 200_000 + len(written(records()).splitlines())


def test_a_packed_table_survives_the_way_to_another_process() -> None:
    facts = parse("".join(written(records(Check(event=f"e{n}"))) for n in range(600)))
    assert not isinstance(facts.events, tuple)
    assert list(pickle.loads(pickle.dumps(facts)).events) == list(facts.events)


def test_a_log_in_the_clients_style_that_receives_what_clients_send_is_the_servers() -> None:
    text = (
        "[2026-11-23 16:51:53] [Dbg] [1130] SecPkt recvThread: [10.1.1.1 : 39942] sent me 125 bytes.\n"
        "[2026-11-23 16:51:53] [Dbg] [1130] SecPkt procPkt: The head id is ad877\n"
        "[2026-11-23 16:51:53] [Dbg] [1130] SecPkt procPkt: The type is 1\n"
        "[2026-11-23 16:51:53] [Dbg] [1130] SecPkt procPkt: The id is 500\n"
        '[2026-11-23 16:51:53] [Dbg] [1130] SecPkt push: out-pkt [2]\n<data><i n="eventSeqID">n1</i></data>\n'
    )
    facts = parse_inode_log([text.encode()], "server.log")
    assert facts.side is Side.SERVER and "policy server" in facts.notes[0].en
    assert [(e.side, e.direction, e.number) for e in facts.events] == [
        (Side.SERVER, Direction.TO_SERVER, 1),
        (Side.SERVER, Direction.TO_CLIENT, 2),
    ]
    assert facts.events[0].peer is not None and facts.events[0].wire_bytes == 125


def test_a_body_behind_a_phrase_that_tells_of_no_message_is_read() -> None:
    head = b"[2026-03-05 09:00:00] [Dbg] [1b50] SecPkt secPushInner: the state send before is 3\n"
    facts = parse_inode_log([head + b'<data><i n="a">b</i></data>\n'], "a.log")
    (event,) = facts.events
    assert event.body is not None and event.body.first("a") == "b" and facts.rejected_lines == 0
