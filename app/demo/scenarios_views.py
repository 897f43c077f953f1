"""Scenarios that differ in how the network rewrites packets, or in what the captures can see of them."""

from __future__ import annotations

from dataclasses import replace

from app.core.records import Text
from app.demo.building import BAND, PACKED, SMALL, client_taps, line, mirror, server_tap, terminals
from app.demo.bundle import Expected, Scenario
from app.demo.hosts import ServerPlan
from app.demo.inode import InodeStyle
from app.demo.network import HostClock
from app.demo.rules import DropFragments, SplitTo, TranslateClients
from app.demo.tunnels import Tunnel

SERVER = ServerPlan()
DROP_LATER = DropFragments("later")

_PAIR = terminals((BAND, SMALL))
_INSIDE = tuple(plan.ip for plan in _PAIR)
_NAT = TranslateClients(_INSIDE, ("172.31.9.61", "172.31.9.62"), port_shift=7_311)
_LATER_BETWEEN_UPLINK = Expected("later-fragments-lost", ("uplink", "server"), 3)
_LATER_BETWEEN_ENDS = Expected("later-fragments-lost", ("client", "server"), 3)
_ENDS = (*client_taps(_PAIR), server_tap(SERVER))

NAT = Scenario(
    "nat",
    Text(
        "The router rewrites client addresses and ports; behind it later fragments are dropped.",
        "路由器改写客户端地址与端口；其后的防火墙丢弃非首片分片。",
    ),
    line(router=[_NAT], firewall=[DROP_LATER]),
    (*client_taps(_PAIR), mirror("uplink"), mirror("fw-outside"), server_tap(SERVER)),
    _PAIR,
    SERVER,
    failing=Expected("later-fragments-lost", ("fw-outside", "server"), 3),
    also=frozenset({"address-translated"}),
)

SMALL_MTU = Scenario(
    "small-mtu",
    Text(
        "A tunnel of 1,280 bytes splits fragments further; nothing is lost.",
        "途中 MTU 1280 的隧道再次分片，但没有丢失。",
    ),
    line(router=[SplitTo(1_280)]),
    (*client_taps(_PAIR), mirror("uplink"), mirror("fw-outside"), server_tap(SERVER)),
    _PAIR,
    SERVER,
    also=frozenset({"refragmented"}),
)

SMALL_MTU_FAULT = Scenario(
    "small-mtu-fault",
    Text(
        "A tunnel splits fragments further, and a firewall behind it drops what has an offset.",
        "隧道再次分片，其后的防火墙丢弃所有非首片分片。",
    ),
    line(router=[SplitTo(1_280)], firewall=[DROP_LATER]),
    (*client_taps(_PAIR), mirror("uplink"), mirror("fw-outside"), server_tap(SERVER)),
    _PAIR,
    SERVER,
    failing=Expected("later-fragments-lost", ("fw-outside", "server"), 3),
    also=frozenset({"refragmented"}),
)

DOUBLE_MIRROR = Scenario(
    "double-mirror",
    Text(
        "The mirror shows every frame twice, with VLAN tags; later fragments are dropped behind it.",
        "镜像口把每帧显示两次且带 VLAN 标签；其后非首片分片被丢弃。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_PAIR), mirror("uplink", vlans=((120,), (120, 3001))), server_tap(SERVER)),
    _PAIR,
    SERVER,
    failing=_LATER_BETWEEN_UPLINK,
    also=frozenset({"mirror-duplicates"}),
    report_bytes=1_900,
)

SNAP_96 = Scenario(
    "snap-96",
    Text(
        "All captures were cut to 96 bytes a frame; later fragments are dropped.",
        "所有抓包每帧仅保留 96 字节；非首片分片被丢弃。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_PAIR, snap=96), mirror("uplink", snap=96), server_tap(SERVER, snap=96)),
    _PAIR,
    SERVER,
    failing=_LATER_BETWEEN_UPLINK,
    report_bytes=1_900,
)

_EAD_PORTS = frozenset({9019, 9029})
PORT_FILTER = Scenario(
    "port-filter",
    Text(
        "Nothing is lost, but the server's capture was taken by port and so holds no fragment with an offset.",
        "没有丢包，但服务器侧按端口过滤抓包，因此没有任何非首片分片。",
    ),
    line(),
    (*client_taps(_PAIR), mirror("uplink"), server_tap(SERVER, ports=_EAD_PORTS)),
    _PAIR,
    SERVER,
    also=frozenset({"capture-filtered"}),
)

PORT_FILTER_FAULT = Scenario(
    "port-filter-fault",
    Text(
        "The mirror was taken by port; client and server see everything, and later fragments are lost between them.",
        "镜像按端口过滤；终端与服务器抓包完整，非首片分片在两者之间丢失。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_PAIR), mirror("uplink", ports=_EAD_PORTS, form="pcapng"), server_tap(SERVER)),
    _PAIR,
    SERVER,
    failing=_LATER_BETWEEN_ENDS,
    also=frozenset({"capture-filtered"}),
)

LATE_CAPTURE = Scenario(
    "late-capture",
    Text(
        "The server's capture starts after two of the four sends; later fragments are dropped.",
        "服务器侧抓包在四次发送中的两次之后才开始；非首片分片被丢弃。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_PAIR), mirror("uplink"), server_tap(SERVER, starts_s=16.5)),
    _PAIR,
    SERVER,
    failing=_LATER_BETWEEN_UPLINK,
    also=frozenset({"capture-gap"}),
)

CAPTURE_DROPS = Scenario(
    "capture-drops",
    Text(
        "Nothing is lost on the way; the mirror port itself lost a third of the frames and counted them.",
        "网络没有丢包；镜像抓包自身丢失约三分之一的帧并有计数。",
    ),
    line(),
    (*client_taps(_PAIR), mirror("uplink", loses=0.34, form="pcapng"), server_tap(SERVER)),
    _PAIR,
    SERVER,
    also=frozenset({"capture-dropped"}),
    report_bytes=1_900,
)

_SPREAD = terminals((BAND, SMALL, 140, 160, PACKED))
EQUAL_PATHS = Scenario(
    "equal-paths",
    Text(
        "Two equal paths, a mirror on one of them: it misses later fragments that arrive all the same.",
        "两条等价路径，只镜像其中一条：该处看不到的后续分片其实都已到达。",
    ),
    line(router_is_balancing=True),
    (*client_taps(_SPREAD), mirror("fw-outside", lane=0), server_tap(SERVER)),
    _SPREAD,
    SERVER,
    report_bytes=1_900,
)

EQUAL_PATHS_FAULT = Scenario(
    "equal-paths-fault",
    Text(
        "Two equal paths, a mirror on one of them; a device behind both drops first fragments.",
        "两条等价路径，只镜像其中一条；两路汇合后的设备丢弃首片。",
    ),
    line(router_is_balancing=True, core=[DropFragments("first")]),
    (*client_taps(_SPREAD), mirror("uplink"), mirror("fw-outside", lane=0), server_tap(SERVER)),
    _SPREAD,
    SERVER,
    failing=Expected("first-fragment-lost", ("uplink", "server"), 3),  # where the mirror sees later fragments only
    special={_SPREAD[0].user: Expected("first-fragment-lost", ("fw-outside", "server"), 3)},
    report_bytes=1_900,
)

_SPLIT_PAIR = terminals((BAND, SMALL))
MERGED_ONLY = Scenario(
    "merged-only",
    Text(
        "Only two mirrors on two equal paths: together they hold every fragment, alone neither does.",
        "只有两条等价路径上的两个镜像：合起来分片齐全，单独都不完整。",
    ),
    line(router_is_balancing=True, core=[DROP_LATER]),
    (
        mirror("fw-outside", file="mirror/path-a.pcap", lane=0),
        mirror("fw-outside", file="mirror/path-b.pcap", lane=1),
    ),
    _SPLIT_PAIR,
    SERVER,
    also=frozenset({"complete-only-merged"}),
)

CLOCK_STEP = Scenario(
    "clock-step",
    Text(
        "The mirror's clock is set back by 9 s in the middle of the capture; later fragments are dropped.",
        "镜像主机的时钟在抓包途中被拨回 9 秒；非首片分片被丢弃。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_PAIR), mirror("uplink", clock=HostClock(12.0, 30, step=(14.0, -9.0))), server_tap(SERVER)),
    _PAIR,
    SERVER,
    failing=_LATER_BETWEEN_UPLINK,
    report_bytes=1_900,
)

FORMATS = Scenario(
    "formats",
    Text(
        "The captures come in four formats: pcapng, nanoseconds, the other byte order, and raw IP.",
        "四种格式的抓包：pcapng、纳秒、另一字节序、裸 IP。",
    ),
    line(firewall=[DROP_LATER]),
    (
        *client_taps(_PAIR, form="pcapng"),
        mirror("uplink", form="pcap-be"),
        mirror("fw-outside", form="pcap-ns", is_raw=True),
        server_tap(SERVER, form="pcapng"),
    ),
    _PAIR,
    SERVER,
    failing=Expected("later-fragments-lost", ("fw-outside", "server"), 3),
)

_MESSY = tuple(
    replace(plan, style=style)
    for plan, style in zip(
        terminals((BAND, SMALL, PACKED)),
        (
            InodeStyle(body="one-line", wrap_columns=90),
            InodeStyle(encoding="utf-8-sig", body="indented", has_stray_marks=True, wrap_columns=77),
            InodeStyle(encoding="utf-16", newline="\n", has_stray_marks=True),
        ),
        strict=True,
    )
)
MESSY_LOGS = Scenario(
    "messy-logs",
    Text(
        "As the article, with logs that went through mail and chat: wrapped in mid-word, stray marks, three encodings.",
        "与案例相同，但日志经邮件与聊天工具转存：行中折断、多余符号、三种编码。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_MESSY), mirror("uplink"), server_tap(SERVER)),
    _MESSY,
    SERVER,
    failing=_LATER_BETWEEN_UPLINK,
)

_SIX = tuple(
    replace(plan, ip=f"2001:db8:16::{number}") for number, plan in enumerate(terminals((BAND, SMALL, PACKED)), 1)
)
_SIX_SERVER = ServerPlan(ip="2001:db8:d0::40")
IPV6 = Scenario(
    "ipv6",
    Text("As the article, over IPv6.", "与案例相同，但使用 IPv6。"),
    line(firewall=[DROP_LATER]),
    (*client_taps(_SIX), mirror("uplink"), server_tap(_SIX_SERVER)),
    _SIX,
    _SIX_SERVER,
    failing=_LATER_BETWEEN_UPLINK,
)

_AT_ONCE = terminals((BAND, SMALL, 140, 170), port=50_500, apart_s=0.05)
_SAME_PORT = tuple(replace(plan, mtu=1_400) if number > 1 else plan for number, plan in enumerate(_AT_ONCE))
SAME_PORTS = Scenario(
    "same-ports",
    Text(
        "Four terminals with the same source port at the same time, two of them on lines with an MTU of 1,400.",
        "四台终端同时使用同一源端口，其中两台的线路 MTU 为 1400。",
    ),
    line(firewall=[DROP_LATER]),
    (*client_taps(_SAME_PORT), mirror("uplink"), server_tap(SERVER)),
    _SAME_PORT,
    SERVER,
    failing=_LATER_BETWEEN_UPLINK,
)


def _remote_mirror(tunnel: Tunnel) -> Scenario:
    """The outer packets of full frames pass 1,500 bytes and are fragments themselves."""
    name = tunnel.upper()
    return Scenario(
        f"mirror-{tunnel}",
        Text(
            f"A remote mirror in {name}, whose own packets are fragmented; behind it later fragments are dropped.",
            f"远程镜像经 {name} 封装传来，其外层报文自身也被分片；其后非首片分片被丢弃。",
        ),
        line(firewall=[DROP_LATER]),
        (*client_taps(_PAIR), mirror("uplink", tunnel=tunnel), server_tap(SERVER)),
        _PAIR,
        SERVER,
        failing=_LATER_BETWEEN_UPLINK,
    )


REMOTE_MIRRORS = (_remote_mirror("gre"), _remote_mirror("erspan"), _remote_mirror("vxlan"))

ENDS_ONLY = Scenario(
    "ends-only",
    Text("Captures at both ends only: the loss lies somewhere between them.", "仅有两端抓包：丢失发生在两者之间某处。"),
    line(firewall=[DROP_LATER]),
    _ENDS,
    _PAIR,
    SERVER,
    failing=_LATER_BETWEEN_ENDS,
)

VIEWS: tuple[Scenario, ...] = (
    ENDS_ONLY,
    NAT,
    SMALL_MTU,
    SMALL_MTU_FAULT,
    DOUBLE_MIRROR,
    SNAP_96,
    PORT_FILTER,
    PORT_FILTER_FAULT,
    LATE_CAPTURE,
    CAPTURE_DROPS,
    EQUAL_PATHS,
    EQUAL_PATHS_FAULT,
    MERGED_ONLY,
    CLOCK_STEP,
    FORMATS,
    MESSY_LOGS,
    IPV6,
    SAME_PORTS,
    *REMOTE_MIRRORS,
)
