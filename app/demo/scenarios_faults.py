"""Scenarios that differ in what goes wrong (or does not): one for each cause that the tool tells apart."""

from __future__ import annotations

from dataclasses import replace

from app.core.records import Text
from app.demo.building import (
    BAND,
    PACKED,
    SMALL,
    VERY_LONG,
    client_taps,
    line,
    mirror,
    server_tap,
    terminals,
)
from app.demo.bundle import UNSAID, Expected, Scenario
from app.demo.hosts import ServerPlan
from app.demo.network import HostClock
from app.demo.rules import (
    CorruptLater,
    DropFragments,
    DropFromPort,
    DropHost,
    DropOver,
    DropToPort,
    Going,
    LoseAtRandom,
)
from app.demo.wire import Coding

SERVER = ServerPlan()
DROP_LATER = DropFragments("later")

_DOZEN = terminals((12, 60, 84, 92, 118, 153, 187, 206, 233, 250, 268, VERY_LONG), apart_s=1.1)
_PAIR = terminals((BAND, SMALL))
_FOUR = terminals((BAND, SMALL, 140, PACKED))
_PAIR_CAPTURED = (*client_taps(_PAIR), mirror("uplink"), server_tap(SERVER))
_FOUR_CAPTURED = (*client_taps(_FOUR), mirror("uplink"), server_tap(SERVER))

ARTICLE = Scenario(
    "article",
    Text(
        "A firewall drops fragments with an offset: terminals whose check result is plain and over 1,472 bytes fail.",
        "防火墙丢弃非首片分片：检查结果为明文且超过 1472 字节的终端认证失败。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_DOZEN[3:8]), mirror("uplink"), server_tap(SERVER)),
    _DOZEN,
    SERVER,
    failing=Expected("later-fragments-lost", ("uplink", "server"), 3),
    also=frozenset({"size-band"}),
    report_bytes=2_100,
    seconds=75,
)

OK = Scenario(
    "ok",
    Text("Nothing is wrong: fragments pass, every terminal is let in.", "一切正常：分片可达，所有终端通过安全检查。"),
    line(),
    _FOUR_CAPTURED,
    _FOUR,
    SERVER,
    report_bytes=2_100,
)

HOPS = Scenario(
    "hops",
    Text(
        "Five capture points: the firewall between two of them drops later fragments.",
        "五个抓包点：位于其中两点之间的防火墙丢弃非首片分片。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_PAIR), mirror("uplink"), mirror("fw-outside"), mirror("fw-inside"), server_tap(SERVER)),
    _PAIR,
    SERVER,
    failing=Expected("later-fragments-lost", ("fw-outside", "fw-inside"), 3),
    report_bytes=1_900,
)

FIRST_LOST = Scenario(
    "first-fragment",
    Text(
        "The firewall lets fragments with an offset pass and drops the first ones.", "防火墙放行后续分片，却丢弃首片。"
    ),
    line(firewall=[DropFragments("first")]),
    _PAIR_CAPTURED,
    _PAIR,
    SERVER,
    failing=Expected("first-fragment-lost", ("uplink", "server"), 3),
)

ALL_LOST = Scenario(
    "all-fragments",
    Text("The firewall drops every fragment; what fits one packet passes.", "防火墙丢弃所有分片；单个报文可以通过。"),
    line(firewall=[DropFragments("all")]),
    _PAIR_CAPTURED,
    _PAIR,
    SERVER,
    failing=Expected("fragmented-datagrams-lost", ("uplink", "server"), 3),
)

_TEN = terminals((BAND,) * 10)
RANDOM_LOSS = Scenario(
    "random-loss",
    Text(
        "A bad link between router and server loses two packets in five, of any size.",
        "路由器与服务器之间的链路质量差，约四成报文随机丢失，与大小无关。",
    ),
    line(firewall=[LoseAtRandom(0.4)]),
    (*client_taps(_TEN[:5]), mirror("uplink"), server_tap(SERVER)),
    _TEN,
    SERVER,
    failing=Expected("random-loss", ("uplink", "server")),
    passing=UNSAID,  # a terminal that got through after all may be told of the loss first
    special={_TEN[3].user: UNSAID},  # none of its four small datagrams crossed: the path might as well be down
    report_bytes=2_100,
    seconds=90,
)

PATH_DOWN = Scenario(
    "path-down",
    Text(
        "Nothing of one terminal crosses the firewall; its neighbour passes.",
        "某一终端的报文完全无法穿过防火墙，其邻居正常。",
    ),
    line(firewall=[DropHost(_PAIR[0].ip)]),
    _PAIR_CAPTURED,
    _PAIR,
    SERVER,
    failing=Expected("path-down", ("uplink", "server"), 1),
)

REPLY_LOST = Scenario(
    "reply-lost",
    Text(
        "The verdict leaves the server from port 9029 and is dropped on the way back.",
        "服务器从 9029 端口发出的结果报文在回程中被丢弃。",
    ),
    line(firewall=[DropFromPort(9029, Going.TO_CLIENT)]),
    _PAIR_CAPTURED,
    _PAIR,
    SERVER,
    failing=Expected("reply-lost", ("server", "uplink"), 4),
)

_LONG_POLICY = replace(SERVER, coding=Coding.PLAIN, policy_padding=60)
POLICY_LOST = Scenario(
    "policy-fragments",
    Text(
        "Message 2 itself is long, leaves the server in fragments, and the later ones are dropped on the way back.",
        "2 号报文本身较长，以分片方式离开服务器，其后续分片在回程中被丢弃。",
    ),
    line(firewall=[DropFragments("later", Going.TO_CLIENT)]),
    (*client_taps(_PAIR), mirror("uplink"), server_tap(_LONG_POLICY)),
    _PAIR,
    _LONG_POLICY,
    failing=Expected("reply-lost", ("server", "uplink"), 2),
)

SILENT_LOGGED = Scenario(
    "server-silent",
    Text(
        "Message 3 reaches the server whole, the server logs it and does not answer.",
        "3 号报文完整到达并被服务器记录，但服务器不回应。",
    ),
    line(),
    _PAIR_CAPTURED,
    _PAIR,
    replace(SERVER, silent=frozenset({3})),
    failing=Expected("server-silent", None, 3),
)

SILENT_DEAF = Scenario(
    "server-deaf",
    Text(
        "Message 3 reaches the server's card whole, and the service never sees it.",
        "3 号报文完整到达服务器网卡，但服务进程从未收到。",
    ),
    line(),
    _PAIR_CAPTURED,
    _PAIR,
    replace(SERVER, deaf=frozenset({3})),
    failing=Expected("server-silent", None, 3),
)

_BLOCKED = (replace(_PAIR[0], blocked=frozenset({3})), _PAIR[1])
NEVER_SENT = Scenario(
    "never-sent",
    Text(
        "The client logs message 3 and a firewall on the terminal swallows it.",
        "客户端日志显示已发送 3 号报文，但被终端自身的防火墙拦截。",
    ),
    line(),
    (*client_taps(_BLOCKED), mirror("uplink"), server_tap(SERVER)),
    _BLOCKED,
    SERVER,
    failing=Expected("never-sent", None, 3),
)

_NOT_COMPLIANT = (replace(_PAIR[0], is_compliant=False), _PAIR[1])
CHECK_FAILED = Scenario(
    "check-failed",
    Text(
        "The exchange finishes and the policy says no: patches are missing.",
        "交互完整，但安全检查结论为不合格：缺少补丁。",
    ),
    line(),
    (*client_taps(_NOT_COMPLIANT), mirror("uplink"), server_tap(SERVER)),
    _NOT_COMPLIANT,
    SERVER,
    failing=Expected("check-failed"),
)

_PLAIN_SERVER = replace(SERVER, coding=Coding.PLAIN)
_PLAIN_DOZEN = terminals((12, 60, 84, 118, 187, 233, 268, 310), apart_s=1.1)
ENCRYPTION_OFF = Scenario(
    "encryption-off",
    Text(
        "Later fragments are dropped and the server has encryption off: everything over 1,472 bytes fails.",
        "非首片分片被丢弃，且服务器未启用加密压缩：超过 1472 字节的全部失败。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_PLAIN_DOZEN[3:]), mirror("uplink"), server_tap(_PLAIN_SERVER)),
    _PLAIN_DOZEN,
    _PLAIN_SERVER,
    failing=Expected("later-fragments-lost", ("uplink", "server"), 3),
    also=frozenset({"size-band"}),
    seconds=75,
)

ENCRYPTED = Scenario(
    "encrypted",
    Text(
        "As the article, with large check results encrypted on the wire.",
        "与案例相同，但较大的检查结果在线路上加密传输。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_FOUR), mirror("uplink"), server_tap(SERVER)),
    _FOUR,
    replace(SERVER, coding=Coding.ENCRYPTED),
    failing=Expected("later-fragments-lost", ("uplink", "server"), 3),
)

_LARGE_POLICY_PORTS = ServerPlan(first_port=9119, proxy_port=9140)
OTHER_PORTS = Scenario(
    "other-ports",
    Text("The site uses ports of its own, known only from the logs.", "现场使用自定义端口，只能从日志得知。"),
    line(firewall=[DROP_LATER]),
    (*client_taps(_PAIR), mirror("uplink"), server_tap(_LARGE_POLICY_PORTS)),
    _PAIR,
    _LARGE_POLICY_PORTS,
    failing=Expected("later-fragments-lost", ("uplink", "server"), 3),
)

OVER_SIZE = Scenario(
    "over-size",
    Text(
        "A device drops every packet over 1,400 bytes: the first fragment is lost, the shorter second one passes.",
        "某设备丢弃所有超过 1400 字节的报文：首片丢失，较短的第二片通过。",
    ),
    line(firewall=[DropOver(1_400)]),
    _PAIR_CAPTURED,
    _PAIR,
    SERVER,
    failing=Expected("first-fragment-lost", ("uplink", "server"), 3),
)

_UNSPLIT = (replace(_PAIR[0], patches=84, do_not_fragment=True), _PAIR[1])
TOO_BIG = Scenario(
    "too-big",
    Text(
        "A tunnel takes 1,300 bytes and answers ICMP 3/4 to what may not be split; the client sends the same again.",
        "途中隧道 MTU 为 1300；对禁止分片的报文回应 ICMP 3/4，而客户端仍按原样重发。",
    ),
    line(router_mtu=1_300),
    (*client_taps(_UNSPLIT), mirror("uplink"), server_tap(SERVER)),
    _UNSPLIT,
    SERVER,
    failing=Expected("too-big", ("uplink", "server"), 3),
    also=frozenset({"too-big"}),
)

_TIMEOUT_SERVER = replace(SERVER, reports_timeout=True)
TIMEOUT = Scenario(
    "reassembly-timeout",
    Text(
        "Later fragments are dropped, and 30 s after each first one the server says so by ICMP 11/1.",
        "非首片分片被丢弃，服务器在收到每个首片 30 秒后回应 ICMP 11/1。",
    ),
    line(firewall=[DROP_LATER]),
    _PAIR_CAPTURED,
    _PAIR,
    _TIMEOUT_SERVER,
    failing=Expected("later-fragments-lost", ("uplink", "server"), 3),
    also=frozenset({"reassembly-timeout"}),
    seconds=95,
)

_AHEAD = HostClock(37.0, 80.0)
_CLOCKED_SERVER = replace(SERVER, clock=_AHEAD)
_CLOCKED = terminals((BAND, SMALL, PACKED, SMALL, 140), clocks=(HostClock(-2.4, 15),))
CLOCKS = Scenario(
    "clocks",
    Text(
        "The server's clock is 37 s ahead and gains 80 ppm; later fragments are dropped.",
        "服务器时钟快 37 秒且每秒多走 80 微秒；非首片分片被丢弃。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_CLOCKED), mirror("uplink", clock=HostClock(-1.7, -20)), server_tap(_CLOCKED_SERVER)),
    _CLOCKED,
    _CLOCKED_SERVER,
    failing=Expected("later-fragments-lost", ("uplink", "server"), 3),
    also=frozenset({"clocks-apart"}),
    report_bytes=1_900,
)

_ALL_SMALL = terminals((SMALL, 60, 80))
PORT_BLOCKED = Scenario(
    "port-blocked",
    Text(
        "The firewall lets port 9019 pass and not 9029: message 1 is answered, message 3 of any size is lost.",
        "防火墙放行 9019 端口而未放行 9029：1 号报文有回应，任何大小的 3 号报文都丢失。",
    ),
    line(firewall=[DropToPort(9029)]),
    (*client_taps(_ALL_SMALL), mirror("uplink"), server_tap(SERVER)),
    _ALL_SMALL,
    SERVER,
    failing=Expected("port-blocked", ("uplink", "server"), 3),
)

_MIXED = terminals((84, SMALL, 80, 12))
LARGE_LOST = Scenario(
    "large-lost",
    Text(
        "A device drops every packet over 1,200 bytes without a word; nothing here is fragmented.",
        "某设备静默丢弃所有超过 1200 字节的报文；此处没有分片。",
    ),
    line(firewall=[DropOver(1_200)]),
    (*client_taps(_MIXED), mirror("uplink"), server_tap(SERVER)),
    _MIXED,
    SERVER,
    failing=Expected("large-datagrams-lost", ("uplink", "server"), 3),
)

_TWO_ADDRESSES = replace(SERVER, answers_from="10.208.64.41")
ANSWERED_ELSEWHERE = Scenario(
    "answered-elsewhere",
    Text(
        "The server answers from its second address, and clients do not take such answers.",
        "服务器从其另一个地址回应，客户端不接受这样的回应。",
    ),
    line(),
    (*client_taps(_PAIR), mirror("uplink"), server_tap(_TWO_ADDRESSES, host=None)),
    _PAIR,
    _TWO_ADDRESSES,
    failing=Expected("answered-elsewhere", None, 2),
)

CORRUPTED = Scenario(
    "corrupted",
    Text(
        "A device damages later fragments: all of them arrive, and the server throws the whole away.",
        "某设备损坏后续分片：分片全部到达，但服务器因校验和错误而整体丢弃。",
    ),
    line(firewall=[CorruptLater()]),
    _PAIR_CAPTURED,
    _PAIR,
    SERVER,
    failing=Expected("reassembly-failed", None, 3),
)

FAULTS: tuple[Scenario, ...] = (
    ARTICLE,
    OK,
    HOPS,
    FIRST_LOST,
    ALL_LOST,
    RANDOM_LOSS,
    PATH_DOWN,
    REPLY_LOST,
    POLICY_LOST,
    SILENT_LOGGED,
    SILENT_DEAF,
    NEVER_SENT,
    CHECK_FAILED,
    ENCRYPTION_OFF,
    ENCRYPTED,
    OTHER_PORTS,
    OVER_SIZE,
    TOO_BIG,
    TIMEOUT,
    CLOCKS,
    PORT_BLOCKED,
    LARGE_LOST,
    ANSWERED_ELSEWHERE,
    CORRUPTED,
)
