"""Server logs are read by formats that are files."""

from __future__ import annotations

import random
import tomllib

import pytest

from app.core.parsers import log_lines
from app.core.parsers.format_check import check_lines, check_samples
from app.core.parsers.log_choice import sniff_server_log
from app.core.parsers.log_format import FormatError, LogFormat, build_formats
from app.core.parsers.log_times import TimeReader
from app.core.parsers.server_log import parse_server_log
from app.core.parsers.worded_lines import WordedLines
from app.core.records import NS, Direction, EventKind, LogFacts, Side
from app.log_formats import load_formats
from tests.core.parsers.inode_writer import Check, one_line, records, result_body, written

FORMATS = load_formats()
SECOND = 1_772_701_201
FAMILY = (
    "%% 2026-03-05 09:00:00.500 ; [LINF] ; [1] ; EAD ; policy server started\n"
    "%% 2026-03-05 09:00:01.250 ; [LDBG] ; [44] ; EAD ; SecPkt recv: packet type [1] id [7] from [10.2.0.9 : 41000] "
    "139 bytes, "
    "userName=li.lei@branch, hwAddr=001c.420a.5b7e, eventSeqID=q7XwPe2d\n"
    "%% 2026-03-05 09:00:01.251 ; [LDBG] ; [44] ; EAD ; SecPkt send: packet type [2] id [8] to [10.2.0.9 : 41000] 433 "
    "bytes, "
    "eventSeqID=q7XwPe2d\n"
)
OTHER = """
name = "other"
begin = '^(?P<time>\\d\\d/\\d\\d/\\d{4} \\d\\d:\\d\\d:\\d\\d,\\d{3})\\|(?P<level>\\w+)\\|(?P<text>.*)'
time = "%d/%m/%Y %H:%M:%S,%f"
needs = ["number", "direction"]
[fields]
number = ['M(\\d+)']
user = ['u=(\\w+)']
[direction]
received = ["<<"]
sent = [">>"]
[[samples]]
line = "05/03/2026 09:00:01,250|D|<< M3 u=anna"
expect = { time = "2026-03-05T09:00:01.25", direction = "to_server", number = 3, user = "anna" }
"""


def parse(text: str | bytes, formats: tuple[LogFormat, ...] = FORMATS, chosen: str | None = None) -> LogFacts:
    data = text.encode() if isinstance(text, str) else text
    facts = parse_server_log([data], "server.log", formats, chosen)
    assert facts.record_lines + facts.rejected_lines == facts.lines
    return facts


def own_format(text: str) -> tuple[LogFormat, ...]:
    return (*FORMATS, *build_formats([tomllib.loads(text)]))


def test_the_family_style_is_recognised_and_read() -> None:
    facts = parse(FAMILY)
    assert (facts.format, facts.side, facts.records, facts.rejected_lines) == ("family", Side.SERVER, 3, 0)
    received, sent = facts.events
    assert (received.kind, received.direction, received.number) == (EventKind.MESSAGE, Direction.TO_SERVER, 1)
    assert (received.user, received.mac, received.event_id) == ("li.lei@branch", "00:1C:42:0A:5B:7E", "q7XwPe2d")
    assert (str(received.peer), received.wire_bytes, received.message_id) == ("10.2.0.9:41000", 139, 7)
    assert (received.thread, received.time_ns, received.resolution_ns) == ("44", SECOND * NS + 250_000_000, 1_000_000)
    assert (sent.direction, sent.number, sent.locator.line) == (Direction.TO_CLIENT, 2, 3)
    data = FAMILY.encode()
    assert data[sent.locator.byte_start : sent.locator.byte_end].startswith(b"%% 2026-03-05 09:00:01.251")


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-05 09:00:01,250 DEBUG receive pkt type: 3 from 10.2.0.9:41000 event id: q7XwPe2d",
        "2026/03/05 09:00:01.250 [7f] <EAD> 收到报文 类型=3 报文类型: 3, 用户名: li.lei@branch, eventSeqID=q7XwPe2d",
        "20260305 09:00:01.250 INFO rcv 3号报文 eventSeqID: q7XwPe2d",
        "D [2026-03-05T09:00:01.250] EAD message [3] received eventSeqID=q7XwPe2d",
    ],
)
def test_the_generic_format_finds_a_message_in_any_line(line: str) -> None:
    facts = parse(line + "\n")
    (event,) = facts.events
    assert facts.format == "generic"
    assert (event.number, event.direction, event.event_id) == (3, Direction.TO_SERVER, "q7XwPe2d")
    assert event.time_ns == SECOND * NS + 250_000_000


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-05 09:00:01,250 DEBUG [EAD-Worker-7] c.h.ead.SecPktHandler - recv packet type=3 id=513 from "
        "/10.2.0.9:41000, 2655 bytes, eventSeqID=q7XwPe2d, userName=li.lei@branch, hwAddr=001c.420a.5b7e",
        "<134>1 2026-03-05T09:00:01.250+08:00 srv ead 44 - - recv msg=3 peer=10.2.0.9:41000 user=li.lei@branch "
        "mac=00-1C-42-0A-5B-7E event=q7XwPe2d len=2655",
        "2026-03-05 09:00:01.250 [调试] 线程44 收到消息3，来自 10.2.0.9:41000，用户：li.lei@branch，"
        "MAC：00:1c:42:0a:5b:7e，事件：q7XwPe2d，长度：2655字节",
        "2026年03月05日 09时00分01.250秒 接收报文类型：3，终端IP：10.2.0.9，端口：41000，用户名：li.lei@branch，"
        "MAC地址：001c-420a-5b7e，eventSeqID：q7XwPe2d，大小：2655",
        'time="2026-03-05T09:00:01.250" level=debug dir=in msg_type=3 client=10.2.0.9 port=41000 user=li.lei@branch '
        "mac=001c420a5b7e eventSeqID=q7XwPe2d len=2655",
        "2026-03-05 09:00:01.250 direction=rx type=3 src=10.2.0.9:41000 dst=10.2.2.2:9029 user=li.lei@branch "
        "mac=001c420a5b7e seq=q7XwPe2d len=2655",
        '{"level":"DEBUG","dir":"in","messageType":3,"userName":"li.lei@branch","hwAddr":"00:1C:42:0A:5B:7E",'
        '"eventSeqID":"q7XwPe2d","clientIp":"10.2.0.9","clientPort":41000,"length":2655,"ts":"2026-03-05T09:00:01.250Z"}',
        "[Thu Mar 05 09:00:01.250 2026] [ead:debug] [pid 44] <-- EAD3 10.2.0.9:41000 user li.lei@branch event q7XwPe2d "
        "hwAddr 00:1c:42:0a:5b:7e size 2655",
        "5/Mar/2026:09:00:01.250 +0800 got check result (message no. 3) from terminal 10.2.0.9 port 41000, user "
        '"li.lei@branch", mac 00:1c:42:0a:5b:7e, event id q7XwPe2d, 2655 bytes',
    ],
)
def test_logs_of_other_families_give_every_field(line: str) -> None:
    facts = parse(line + "\n")
    (event,) = facts.events
    assert (event.direction, event.number, event.time_ns) == (Direction.TO_SERVER, 3, SECOND * NS + 250_000_000)
    assert (event.user or "", event.mac, event.event_id) == ("li.lei@branch", "00:1C:42:0A:5B:7E", "q7XwPe2d")
    assert (str(event.peer), event.wire_bytes) == ("10.2.0.9:41000", 2655)
    assert sniff_server_log(line.encode(), FORMATS)[0] > 0.4


def test_a_record_over_several_lines_is_one_message() -> None:
    body = one_line(result_body(Check()))
    facts = parse(
        "2026-03-05 09:00:01.250 DEBUG EadServer: packet received from 10.2.0.9:41000\n"
        f"  type: 3\n  hwAddr: 00:1c:42:0a:5b:7e\n  eventSeqID: q7XwPe2d\n  {body}\n"
    )
    (event,) = facts.events
    assert (event.number, event.event_id, event.user) == (3, Check().event, Check().user)
    assert event.locator.line == 1 and event.body is not None


def test_the_zone_that_lines_name_is_the_logs_and_lines_of_another_are_moved_into_it() -> None:
    line = "2026-03-29T{}:30:00{} recv packet type=3 eventSeqID=q7XwPe2d\n"
    facts = parse(line.format("01", "+01:00") + line.format("03", "+02:00"))  # an hour and the clocks went forward
    assert facts.zone_offset_s == 3_600
    assert facts.events[1].time_ns - facts.events[0].time_ns == 3_600 * NS
    assert parse(FAMILY).zone_offset_s is None


@pytest.mark.parametrize("unit", ["", ".25", ".250000000", "250", "250000", "250000000"])
@pytest.mark.parametrize(
    "line", ["{} recv packet type=3 eventSeqID=q7XwPe2d", '{{"ts":{},"recv":"packet type 3","mac":"0011-2233-4455"}}']
)
def test_the_generic_format_takes_seconds_since_1970_in_any_unit(line: str, unit: str) -> None:
    (event,) = parse(line.format(f"{SECOND}{unit}") + "\n", chosen="generic").events
    assert event.time_ns == SECOND * NS + (250_000_000 if unit else 0)
    assert (event.number, event.direction) == (3, Direction.TO_SERVER)


def test_a_log_that_tells_of_no_message_says_what_it_lacks() -> None:
    facts = parse("2026-03-05 09:00:01|RECV|3|li.lei@branch\n" * 3, chosen="generic")
    assert not facts.events and "3 name no message number" in facts.notes[0].en


def test_two_letters_inside_another_word_give_no_direction() -> None:
    facts = parse("2026-03-05 09:00:01 vertx prefix packet type=3 eventSeqID=q7XwPe2d answered\n")
    assert facts.events[0].direction is Direction.TO_CLIENT  # by "answer", not by the "rx" that no word is


def test_a_users_own_format_needs_no_code() -> None:
    formats = own_format(OTHER)
    text = "05/03/2026 09:00:01,250|D|<< M3 u=anna\n05/03/2026 09:00:02,000|D|>> M4 u=anna\n"
    assert sniff_server_log(text.encode(), formats)[1] == "other"
    facts = parse(text, formats)
    assert [(e.number, e.direction, e.user) for e in facts.events] == [
        (3, Direction.TO_SERVER, "anna"),
        (4, Direction.TO_CLIENT, "anna"),
    ]
    assert facts.events[0].time_ns == SECOND * NS + 250_000_000
    assert all(sample.is_right for sample in check_samples(formats[-1]))


def test_a_chosen_format_is_forced_and_an_unknown_one_is_said() -> None:
    facts = parse(FAMILY, chosen="generic")
    assert facts.format == "generic" and len(facts.events) == 2
    unknown = parse(FAMILY, chosen="nobody's")
    assert unknown.format == "family" and "nobody's" in unknown.notes[0].zh


def test_lines_before_between_and_with_impossible_times_are_rejected() -> None:
    facts = parse("banner\n" + FAMILY + "  continued\n\nstray\n%% 2026-02-30 09:00:00 ; [L] ; [1] ; EAD ; x\n")
    assert [(r.locator.line, r.lines) for r in facts.rejected] == [(1, 1), (7, 1), (8, 1)]
    assert facts.record_lines == 5


def test_a_body_in_the_server_log_is_read_with_its_message() -> None:
    body = one_line(result_body(Check())).replace("><", ">\n<")
    facts = parse(FAMILY + "%% 2026-03-05 09:00:05.000 ; [LDBG] ; [44] ; EAD ; recv: packet type [3]\n" + body + "\n")
    event = facts.events[-1]
    assert event.body is not None and event.body.plain_bytes == len(one_line(result_body(Check())))
    assert event.user == Check().user


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_server_logs_are_read_in_any_encoding(encoding: str) -> None:
    facts = parse(FAMILY.replace("policy server started", "策略服务器已启动").encode(encoding))
    assert len(facts.events) == 2


@pytest.mark.parametrize(
    "text",
    [
        "Mar  5 09:00:00 host sshd[812]: Accepted password for root\n" * 50,
        '{"time": "2026-03-05T09:00:00Z", "msg": "user=a type 3"}\n' * 50,
        "2026-03-05 09:00:00,123 INFO [main] o.a.c.core.StandardService - started\n" * 50,
        "a prose text of 2026 about packets\n" * 30,
        "date,mac,type\n2026-03-05 09:00:00,00:25:11:E9:55:B9,3\n" * 30,
        "<html><body>2026-03-05 09:00:00</body></html>",
        "2026-03-05 09:00:00 dhcpd: DHCPREQUEST for 10.0.0.1 from 00:25:11:e9:55:b9 type 3 via eth0\n" * 30,
    ],
)
def test_other_logs_and_texts_score_low(text: str) -> None:
    assert sniff_server_log(text.encode(), FORMATS)[0] < 0.2


def test_binary_scores_nothing_and_an_inode_log_less_than_as_one() -> None:
    assert sniff_server_log(bytes(range(256)) * 50, FORMATS)[0] < 0.2
    assert sniff_server_log(written(records()).encode(), FORMATS)[0] < 0.5


def test_a_missing_format_is_a_note_not_an_error() -> None:
    assert parse(FAMILY, ()).notes


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (('needs = ["number", "direction"]', "needs = [1]"), "needs"),
        (("(?P<time>", "(?P<clock>"), "begin"),
        (("M(\\d+)", "(M+)+"), "fields.number"),
        (("[fields]", "colour = 1\n[fields]"), "colour"),
        (("user = ", "shoe = "), "fields.shoe"),
        (('name = "other"', 'name = "a b"'), "name"),
        (("[fields]", 'uses = "nothing"\n[fields]'), "uses"),
        (('received = ["<<"]', "received = 3"), "direction"),
    ],
)
def test_a_wrong_format_says_which_key_is_wrong(change: tuple[str, str], key: str) -> None:
    with pytest.raises(FormatError) as wrong:
        build_formats([tomllib.loads(OTHER.replace(*change))])
    assert wrong.value.text.en.startswith(f"{key}:") and wrong.value.text.zh.startswith(f"{key}：")


@pytest.mark.parametrize("log_format", FORMATS, ids=lambda item: item.name)
def test_the_products_formats_read_their_own_samples(log_format: LogFormat) -> None:
    samples = check_samples(log_format)
    assert samples and [sample.wrong for sample in samples if not sample.is_right] == []


def test_lines_are_checked_one_by_one() -> None:
    family = next(item for item in FORMATS if item.name == "family")
    results = [checked.result.en for checked in check_lines(family, [*FAMILY.splitlines(), "stray"])]
    assert [result.split()[0] for result in results] == ["record,", "message", "message", "begins"]
    assert "lacks number" in results[0]


def test_a_wrong_sample_is_told() -> None:
    (log_format,) = build_formats([tomllib.loads(OTHER.replace("number = 3", "number = 4"))])
    (sample,) = check_samples(log_format)
    assert not sample.is_right and sample.wrong == {"number": ("4", "3")}


@pytest.mark.parametrize(
    ("time_format", "text", "expected"),
    [
        ("auto", "2026-03-05 09:00:01", SECOND * NS),
        ("auto", "2026/3/5T09:00:01.5", SECOND * NS + NS // 2),
        ("epoch", "1772701201.25", SECOND * NS + NS // 4),
        ("epoch", "1772701201250", SECOND * NS + NS // 4),
        ("%d.%m.%Y %H:%M:%S", "05.03.2026 09:00:01", SECOND * NS),
        ("%m/%d/%y %I:%M:%S.%f %p", "03/05/26 09:00:01.250 AM", SECOND * NS + NS // 4),
        ("auto", "no time", None),
        ("%H", "25", None),
        ("auto", "2026-02-30 00:00:00", None),
    ],
)
def test_times_are_read_as_written(time_format: str, text: str, expected: int | None) -> None:
    read = TimeReader(time_format).read(text)
    assert (read[0] if read else None) == expected


def test_places_after_an_endless_line_are_still_right() -> None:
    text = FAMILY + "x" * 3_500_000 + "\n" + FAMILY
    event = parse(text).events[-1]
    assert text[event.locator.byte_start : event.locator.byte_end].startswith("%% 2026-03-05 09:00:01.251")
    assert event.locator.line == 7


def test_a_body_goes_on_after_a_blank_line_and_other_text_does_not() -> None:
    body = one_line(result_body(Check())).replace("><", ">\n\n<")
    facts = parse(
        FAMILY + "%% 2026-03-05 09:00:05.000 ; [LDBG] ; [44] ; EAD ; recv: packet type [3]\n" + body + "\n\nx\n"
    )
    assert facts.events[-1].body is not None and facts.events[-1].body.is_complete
    assert [r.sample for r in facts.rejected] == ["x"]


def test_the_words_of_a_format_outweigh_the_usual_ones() -> None:
    text = OTHER.replace("<<", "OUT").replace(">>", "IN").replace("(?P<text>", "(?P<direction>[A-Z]+) (?P<text>")
    formats = own_format(text[: text.index("[[samples]]")])
    facts = parse("05/03/2026 09:00:01,250|D|OUT M3 u=anna\n05/03/2026 09:00:02,000|D|IN M4 u=anna\n", formats, "other")
    assert [event.direction for event in facts.events] == [Direction.TO_SERVER, Direction.TO_CLIENT]


def test_the_number_of_a_thread_or_a_process_is_no_message_number() -> None:
    line = "2026-03-05 09:00:01,250 DEBUG [EAD-7] ead[44] cache of user=li.lei@branch refreshed\n"
    assert not parse(line, chosen="generic").events


@pytest.mark.parametrize("chosen", ["family", "generic", "other"])
@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_a_log_reads_the_same_where_every_expression_is_tried_on_every_line(
    chosen: str, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(f"{chosen} {codec}")
    data = "".join(_any_line(chance) for _ in range(600)).encode(codec, "replace")
    formats = own_format(OTHER)
    sieved = parse(data, formats, chosen)
    monkeypatch.setattr(log_lines, "finder", lambda some, _: lambda text, _, end=1 << 20: some.search(text, 0, end))
    monkeypatch.setattr(WordedLines, "of", lambda _, data, lines: [True] * lines)
    assert parse(data, formats, chosen) == sieved
    assert 10 < len(sieved.events) < sieved.records - 10


def _any_line(chance: random.Random) -> str:
    second = f"{chance.randrange(60):02}.{chance.randrange(1_000):03}"
    head = chance.choice(
        (
            f"%% 2026-03-05 09:00:{second} ; [LDBG] ; [4] ; EAD ; ",
            f"2026-03-05T09:00:{second}+08:00 ",
            f"05/03/2026 09:00:{second.replace('.', ',')}|D|",
            f"2026-02-30 09:00:{second} ",
            "  ",
            "<data>",
        )
    )
    words = ("packet", "type [3]", "type=1", "PacKet", "mſg", "2号报文", "EAD 4", "M3 <<", "u=anna", "user=li")
    more = ("thread", "eventSeqID=q7XwPe2d", "mac 00:11:22:33:44:55", "读取", "header")
    return head + " ".join(chance.choices(words + more, k=chance.randrange(5))) + chance.choice(("\n", "\n\n"))


@pytest.mark.parametrize("end", ["\n", "", "\n\n"])
def test_lines_before_the_first_record_keep_their_place_in_the_file(end: str) -> None:
    """A rotation may have left nothing in a file but the rest of a record."""
    rest = '<i n="a">1</i>\n</data>' + end
    edges = parse(rest, chosen="family").edges
    assert edges is not None and edges.lead == rest.encode()
    assert edges.lead_places[-1] == len(rest)
