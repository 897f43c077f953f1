"""What to do next, with commands that are ready to paste: this case's addresses, ports, identifications and sizes.

The search is a bisection: with the fault between two points, the next mirror port belongs half-way between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.analysis import Attempt, DatagramFate
from app.core.diagnosis.case_view import COMPRESSION_BYTES, CaseView
from app.core.diagnosis.terminal_view import TerminalView
from app.core.diagnosis.wording import listed
from app.core.records import Direction, Text

RUN_SECONDS = 90  # a receiver gives up reassembly after 30 to 60 s; only then can it say so


@dataclass(frozen=True, slots=True)
class Scene:
    """Whose traffic the commands are about."""

    client: str
    server: str
    ports: tuple[int, ...]
    identifications: tuple[int, ...] = ()
    wire_bytes: int | None = None
    mtu: int = 1500
    translated: tuple[str, ...] = ()  # the client's addresses behind devices that translate

    @property
    def is_v6(self) -> bool:
        return ":" in self.server or ":" in self.client

    @property
    def ping_edge(self) -> int:
        """The largest ping payload that is not fragmented."""
        return self.mtu - (48 if self.is_v6 else 28)


def scene(case: CaseView, terminal: TerminalView, attempts: Iterable[Attempt] = ()) -> Scene:
    datagrams = [a.datagram for a in attempts if a.datagram is not None]
    server = next((ip for s in terminal.sessions for ip in s.server_ip), "")
    client = terminal.terminal.ip[0] if terminal.terminal.ip else ""
    if datagrams and not server:
        server = datagrams[0].destination.rpartition(":")[0].strip("[]")
    sizes = [d.wire_bytes for d in datagrams if d.wire_bytes]
    return Scene(
        client=client,
        server=server,
        ports=tuple(sorted(case.facts.ports)),
        identifications=tuple(d.identification for d in datagrams if d.identification is not None)[:8],
        wire_bytes=max(sizes) if sizes else None,
        mtu=case.mtu,
        translated=_translated(datagrams, client),
    )


def _translated(datagrams: Iterable[DatagramFate], client: str) -> tuple[str, ...]:
    """Addresses that stand for the client at some point of the path."""
    found = {
        end.rpartition(":")[0].strip("[]")
        for datagram in datagrams
        for ends in datagram.translations.values()
        for end, known in zip(ends, (datagram.source, datagram.destination), strict=True)
        if known.rpartition(":")[0].strip("[]") == client
    }
    return tuple(sorted(found - {client, ""}))


# ---------------------------------------------------------------- capture filters


def capture_filter(at: Scene) -> str:
    """BPF that keeps fragments with an offset: they have no ports, so a plain port filter loses them."""
    ports = " or ".join(f"udp port {port}" for port in at.ports)
    wanted = f"{ports} or ({'ip6[6] == 44' if at.is_v6 else 'ip[6:2] & 0x1fff != 0'})"
    icmp = "icmp6" if at.is_v6 else "icmp"
    if at.client and at.server:
        # ICMP errors come from routers on the way: they are to or from the client, but not from the server.
        own = " or ".join(f"host {ip}" for ip in (at.client, *at.translated))
        own = f"({own})" if at.translated else own
        return f"{own} and ({icmp} or (host {at.server} and ({wanted})))"
    host = at.client or at.server
    return f"host {host} and ({wanted} or {icmp})" if host else f"{wanted} or {icmp}"


def display_filter(at: Scene) -> str:
    """For Wireshark, on a capture that is already there."""
    name = "ipv6" if at.is_v6 else "ip"
    if at.identifications and not at.is_v6:
        return "ip.id in {" + ", ".join(f"0x{i:04x}" for i in at.identifications) + "}"
    own = " || ".join(f"{name}.addr == {ip}" for ip in (at.client, *at.translated) if ip)
    own = f"({own})" if at.translated else own
    hosts = " && ".join(part for part in (own, f"{name}.addr == {at.server}" if at.server else "") if part)
    ports = ", ".join(str(port) for port in at.ports)
    # Of a fragmented datagram Wireshark shows ports on the frame that completes it only, or on none.
    fragments = "ipv6.fraghdr" if at.is_v6 else "ip.flags.mf == 1 || ip.frag_offset > 0"
    return " && ".join(part for part in (hosts, f"(udp.port in {{{ports}}} || {fragments})") if part)


def capture_step(at: Scene, where: Text) -> Text:
    bpf = capture_filter(at)
    commands = (
        f"tcpdump -i IFACE -s 0 -w POINT.pcap '{bpf}'\n"
        f'dumpcap -i IFACE -s 0 -a duration:{RUN_SECONDS + 60} -f "{bpf}" -w POINT.pcapng\n'
        f"Wireshark: {display_filter(at)}"
    )
    return Text(
        f"Capture {where.en} with a filter that keeps fragments, from before the authentication until "
        f"{RUN_SECONDS} s after it (behind a VLAN tag write `vlan and …`):\n{commands}",
        f"在{where.zh}抓包，过滤条件须保留非首片分片，从认证开始前一直抓到失败后 {RUN_SECONDS} 秒"
        f"（带 VLAN 标签时在条件前加 vlan and）：\n{commands}",
    )


def settle_with_both_ends(at: Scene) -> Text:
    return capture_step(
        at, Text("on the terminal and on the policy server at the same time", "终端和策略服务器两侧同时")
    )


# ---------------------------------------------------------------- bisection and devices


def halve(at: Scene, between: tuple[str, str], known: Iterable[str] = ()) -> Text:
    """Where the next mirror port belongs."""
    near, far = between
    bpf = capture_filter(at)
    return Text(
        f"Halve the leg {near} → {far}: mirror a port half-way between the two and capture there. If every fragment is "
        f"there, the fault lies between that port and {far}; if not, between {near} and that port. Repeat until one "
        f"device is left: n devices take about log2(n) captures. Filter: {bpf}",
        f"对 {near} → {far} 这一段做二分：在两点中间的设备端口做镜像抓包。若分片齐全，故障在该端口与 {far} 之间；"
        f"若不齐，则在 {near} 与该端口之间。逐次折半直到只剩一台设备，无须逐台排查。抓包过滤：{bpf}",
    )


def single_device(between: tuple[str, str]) -> Text:
    near, far = between
    return Text(
        f"If {near} and {far} are the two sides of one device, that device drops them: check it first.",
        f"若 {near} 与 {far} 正是同一台设备的两侧，丢包设备即为该设备，请先查它。",
    )


def comware_mirror(at: Scene) -> Text:
    commands = (
        "system-view\n"
        "mirroring-group 1 local\n"
        "mirroring-group 1 mirroring-port GigabitEthernet1/0/1 both\n"
        "mirroring-group 1 monitor-port GigabitEthernet1/0/48"
    )
    capture = (
        f'packet-capture interface GigabitEthernet1/0/1 capture-filter "{capture_filter(at)}" write flash:/ead.pcap'
    )
    return Text(
        f"On an H3C device mirror the port (undo it afterwards; tags and duplicates are normal in a "
        f"mirror):\n{commands}\n"
        f"Or capture on the device itself (incoming packets only, so do it on both sides; options differ by "
        f"model):\n{capture}",
        f"在 H3C 设备上做端口镜像（用后删除；镜像中出现标签和重复报文属正常）：\n{commands}\n"
        f"或在设备上直接抓包（只能抓入方向，故需在两侧端口分别执行；参数因型号而异）：\n{capture}",
    )


def comware_count(at: Scene) -> Text:
    """Counting fragments with an ACL; `fragment` means fragments with an offset."""
    pair = f"source {at.client or 'CLIENT'} 0 destination {at.server or 'SERVER'} 0"
    commands = (
        "acl advanced 3999\n"
        f" rule 0 permit ip {pair} fragment counting\n"
        f" rule 5 permit udp {pair} counting\n"
        "interface GigabitEthernet1/0/1\n"
        " packet-filter 3999 inbound\n"
        "display packet-filter statistics interface GigabitEthernet1/0/1 inbound\n"
        "display ip statistics"
    )
    return Text(
        "Or count instead of capturing: rule 0 counts fragments with an offset, rule 5 the rest; read the counters "
        "before "
        f"and after one authentication on both sides, and `display ip statistics` for fragments dropped:\n{commands}\n"
        "Remove the filter afterwards. Paste the output into the case: EADScope reads it.",
        "也可以只计数不抓包：rule 0 统计非首片分片，rule 5 统计其余报文；在设备两侧各读一次认证前后的计数，"
        f"并用 display ip statistics 看分片丢弃数：\n{commands}\n用后请删除该过滤。输出可直接粘贴到本案例，EADScope "
        f"能识别。",
    )


def ping_step(at: Scene) -> Text:
    edge = at.ping_edge
    target = at.server or "SERVER"
    sizes = [edge, edge + 1] + ([at.wire_bytes] if at.wire_bytes and at.wire_bytes > edge + 1 else [])
    commands = "\n".join(f"ping -n 10 -l {size} {target}" for size in sizes)
    return Text(
        f"From the terminal, without -f (do not set DF): the first size fits one packet, the others are fragmented. If "
        f"only the first is answered, fragments are dropped on the way (there or back):\n{commands}\n"
        f"Keep `ping -t {target}` running during an authentication to show that the path stays up.",
        f"在终端上执行，不加 -f（不置 DF）：第一个长度不分片，其余会分片。若只有第一个能通，"
        f"说明途中（去或回）丢弃分片：\n"
        f"{commands}\n认证过程中保持 ping -t {target}，可确认链路一直可达。",
    )


def firewall_step() -> Text:
    return Text(
        "On every firewall and ACL of that leg check: rules that need ports (fragments with an offset have none and "
        "meet "
        "the default deny); `ip virtual-reassembly` (its drop-fragments keyword, 16 fragments, 64 datagrams, 3 s, all "
        "fragments on one interface); fragment-flood and large-packet defence; ICMP 3/4 and 11/1 let through.",
        "检查该段的防火墙和 ACL：依赖端口的规则（非首片分片没有端口，会落到缺省拒绝）；ip virtual-reassembly"
        "（是否配置 drop-fragments，缺省 16 片、64 个报文、3 秒，且所有分片须经同一接口）；分片泛洪及大包防护；ICMP "
        "3/4、11/1 是否放行。",
    )


def fix_step(case: CaseView, plain_bytes: int | None = None) -> Text:
    """What repairs it, and what avoids it until then."""
    edge = case.lower_edge
    en = (
        "To repair: let the device pass fragments (rule for fragments, virtual reassembly, software fix). To avoid it "
        f"until then: fewer patches in the check (message 3 up to {edge} bytes of plaintext is not fragmented), "
        f"another "
        "patch check mode, or an MTU on the path that carries it whole. "
    )
    zh = (
        "根治：让该设备放行分片（分片规则、虚拟分片重组、升级设备软件）。临时规避：减少补丁检查项"
        f"（3 号报文明文不超过 {edge} 字节时不分片），更换补丁检查方式，或增大沿途 MTU 使其不分片。"
    )
    if plain_bytes is not None and plain_bytes <= COMPRESSION_BYTES:
        en += (
            "Packet compression and encryption does not help at this size: "
            f"it applies only above {COMPRESSION_BYTES} bytes."
        )
        zh += f"在此长度下开启报文加密压缩不起作用：超过 {COMPRESSION_BYTES} 字节才会加密压缩。"
    else:
        en += (
            "Turn on packet compression and encryption on the server: "
            f"above {COMPRESSION_BYTES} bytes it makes the message small."
        )
        zh += f"在服务器上开启报文加密压缩：超过 {COMPRESSION_BYTES} 字节的报文会因此变小。"
    return Text(en, zh)


def retest_step() -> Text:
    return Text(
        "When testing again, set the patch check interval to 0 or use a fresh terminal: patch items that passed "
        "are left out for some days, and the failure would vanish by itself.",
        "复测时请把补丁检查间隔设为 0 或换一台新终端：已通过的补丁项在若干天内不再上报，故障会“自行消失”。",
    )


def server_steps(at: Scene) -> tuple[Text, ...]:
    ports = listed(str(port) for port in at.ports)
    return (
        Text(
            f"On the policy server: is the service listening (`netstat -ano -p udp`, ports {ports.en})? "
            "Do receive errors grow (`netstat -s -p udp`)? Is there a host firewall rule for fragments or these "
            "ports? Is the service's "
            "debug log complete at that minute?",
            f"在策略服务器上检查：服务是否在监听（netstat -ano -p udp，端口 {ports.zh}）；"
            "接收错误是否增长（netstat -s -p udp）；本机防火墙是否限制分片或上述端口；服务 debug "
            "日志在该时刻是否完整。",
        ),
    )


def loss_steps(
    case: CaseView, at: Scene, between: tuple[str, str] | None, direction: Direction, plain_bytes: int | None
) -> tuple[Text, ...]:
    """Where to look next and what fixes it, for a loss of fragments on a leg."""
    if between is None:
        where = (
            Text("on the terminal", "终端上") if direction is Direction.TO_SERVER else Text("on the server", "服务器上")
        )
        place: tuple[Text, ...] = (capture_step(at, where),)
    else:
        place = (single_device(between), halve(at, between))
    return (
        *place,
        comware_mirror(at),
        comware_count(at),
        ping_step(at),
        firewall_step(),
        fix_step(case, plain_bytes),
        retest_step(),
    )
