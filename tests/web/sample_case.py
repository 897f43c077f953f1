"""A case built by hand, for pages: terminals of several sizes, three points, fragments lost on the second leg."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import count

from app.core.analysis import (
    Attempt,
    CapturePoint,
    CaseAnalysis,
    Check,
    Clock,
    DatagramFate,
    Evidence,
    Fate,
    Finding,
    FragmentFate,
    Mark,
    Message,
    Outcome,
    Role,
    Seen,
    Session,
    Severity,
    Sighting,
    Source,
    SourceKind,
    Terminal,
)
from app.core.records import NS, CheckResult, Confidence, Direction, Text

START_NS = 1_784_000_000 * NS
POINTS = ("client", "uplink", "server")
SIZES = (640, 1_120, 1_430, 1_520, 1_890, 2_260, 2_641, 2_930, 3_310, 3_480)


def log_text(name: str, lines: int = 60) -> bytes:
    """An iNode-like log whose line n says which line it is."""
    rows = [
        f"[2026-07-14 11:{n // 60:02d}:{n % 60:02d}] [SecPkt] [1394] {name} line {n}: 安全认证 step"
        for n in range(1, lines + 1)
    ]
    return "\n".join(rows).encode()


def files(users: int) -> dict[str, bytes]:
    """Path → content of every source that `sample_analysis` lists as a log."""
    return {f"terminal-{n}/iNode.log": log_text(f"user{n}") for n in range(1, users + 1)}


def _seen(source: str, frame: int, time_ns: int) -> Sighting:
    return Sighting(Seen.SEEN, source, (frame,), time_ns, time_ns, reason_code="able")


def _missing() -> Sighting:
    return Sighting(
        Seen.MISSING,
        reason=Text("it was capturing and saw the first fragment", "当时正在抓包，且看到了首片"),
        reason_code="able",
    )


def _unknown() -> Sighting:
    return Sighting(Seen.UNKNOWN, reason=Text("it was not capturing then", "当时未在抓包"), reason_code="not-capturing")


def _datagram(wire: int, at_ns: int, is_lost: bool, identification: int, is_reply: bool = False) -> DatagramFate:
    whole = wire + 8
    ranges = [(start, min(1480, whole - start)) for start in range(0, whole, 1480)]
    order = POINTS[::-1] if is_reply else POINTS
    fragments = []
    for start, length in ranges:
        sightings = {}
        for step, point in enumerate(order):
            gone = is_lost and start > 0 and step == 2
            source = "terminal-1/client.pcap" if point == "client" else f"{point}.pcap"
            sightings[point] = _missing() if gone else _seen(source, 10 + step, at_ns + step * 400_000)
        fragments.append(FragmentFate(start, length, sightings))
    last = Fate.PARTIAL if is_lost and len(ranges) > 1 else Fate.WHOLE
    ends = ("10.1.1.7:39942", "10.208.64.40:9029")
    return DatagramFate(
        identification=identification,
        source=ends[1] if is_reply else ends[0],
        destination=ends[0] if is_reply else ends[1],
        ip_version=4,
        wire_bytes=wire,
        fragments=tuple(fragments),
        fate={"client": Fate.WHOLE, "uplink": Fate.WHOLE, "server": last},
        lost_between=("uplink", "server") if last is Fate.PARTIAL else None,
        coding="plain",
    )


def _attempt(
    number: int, at_ns: int, gap_s: float | None, plain: int, log: str, line: int, is_lost: bool, is_reply: bool = False
) -> Attempt:
    return Attempt(
        number,
        at_ns,
        gap_s,
        plain,
        plain + 28,
        (Evidence(log, line=line, text=f"secPushInner: out-pkt line {line}"), Evidence("uplink.pcap", frame=11)),
        _datagram(plain + 28, at_ns, is_lost, 0xE0F0 + number, is_reply),
        log_time_ns=at_ns,
        tied_by=Text("same address and port, 0.2 s apart", "地址和端口相同，相差 0.2 秒"),
    )


def _terminal(n: int, plain: int, user: str, mac: str) -> Terminal:
    is_bad = 1444 < plain <= 3000
    log, at = f"terminal-{n}/iNode.log", START_NS + n * 37 * NS
    sends = [at + 20 * NS + k * 5 * NS for k in range(4 if is_bad else 1)]
    messages = [
        Message(1, Direction.TO_SERVER, (_attempt(1, at, None, 520, log, 4, False),), plain_bytes=520),
        Message(
            2,
            Direction.TO_CLIENT,
            (_attempt(1, at + NS, None, 541, log, 9, False, True),),
            plain_bytes=2400,
            deflated_bytes=541,
            fields=(
                ("checkList", "1;2"),
                ("heartBeatInterval", "60"),
                ("damProxyIp", "365969448"),
                ("damProxyPort", "9029"),
            ),
        ),
        Message(
            3,
            Direction.TO_SERVER,
            tuple(_attempt(k + 1, t, None if k == 0 else 5.0, plain, log, 20 + k, is_bad) for k, t in enumerate(sends)),
            check=CheckResult(
                "Windows|7 Enterprise Service Pack 1", "0x0804", plain // 12, plain // 12 - 1, ("KB4012212",)
            ),
            plain_bytes=plain,
            deflated_bytes=plain // 3,
        ),
    ]
    if not is_bad:
        messages.append(
            Message(
                4, Direction.TO_CLIENT, (_attempt(1, at + 21 * NS, None, 300, log, 30, False, True),), plain_bytes=300
            )
        )
    mark = Mark(
        "result",
        "client",
        at + 40 * NS,
        at + 40 * NS,
        "pushSecRslt(3) returned 4" if is_bad else "pushSecRslt(3) returned 0",
        Evidence(log, line=40, text="pushSecRslt(3)"),
        code=4 if is_bad else 0,
    )
    outcome = Outcome.FAILED if is_bad else Outcome.PASSED
    session = Session(f"evt{n:05d}", outcome, at, at + 40 * NS, tuple(messages), (mark,), ("10.208.64.40",), key="s1")
    return Terminal(
        user,
        mac,
        (f"10.1.{n // 250}.{n % 250}",),
        outcome,
        (session,),
        (_loss(log),) if is_bad else (_fine(log),),
        (
            Check("later-fragments-lost", "hit" if is_bad else "miss"),
            Check("server-silent", "not-run", (Text("a server log", "服务器日志"),)),
        ),
        key=f"t{n}",
        client_version="V7.3 (E0506)",
    )


def _loss(log: str) -> Finding:
    return Finding(
        "later-fragments-lost",
        Severity.ERROR,
        Confidence.CERTAIN,
        Text(
            "Between uplink and server every fragment with an offset of message 3 is lost, first fragments pass: "
            "4 of 4 datagrams (certain: both points were capturing).",
            "在 uplink 与 server 之间，3 号报文的后续分片全部丢失，"
            "首片均通过：4 个报文无一例外（确定：两点均在抓包）。",
        ),
        (
            *(Evidence(log, line=20 + k, text=f"out-pkt [3] attempt {k + 1}") for k in range(4)),
            Evidence("uplink.pcap", frame=11, text="ip 1480 bytes, more fragments"),
        ),
        message=3,
        between=("uplink", "server"),
        counts={"datagrams": 4, "fragments_sent": 8, "fragments_lost": 4},
        against=(
            Text(
                "first fragments of the same datagrams arrive, so the path is up", "同一报文的首片都能到达，路径是通的"
            ),
        ),
        next_steps=(
            Text(
                "Capture at the server with a filter that keeps fragments:\n"
                "tcpdump -i IFACE -s 0 -w server.pcap 'udp port 9029 or (ip[6:2] & 0x1fff != 0)'",
                "在服务器侧抓包，过滤条件须保留分片：\n"
                "tcpdump -i IFACE -s 0 -w server.pcap 'udp port 9029 or (ip[6:2] & 0x1fff != 0)'",
            ),
            Text("Check the firewall's fragment defence.", "检查防火墙的分片防护功能。"),
        ),
    )


def _fine(log: str) -> Finding:
    return Finding(
        "no-fault",
        Severity.INFO,
        Confidence.CERTAIN,
        Text("The exchange finished well.", "安全认证正常完成。"),
        (Evidence(log, line=30, text="sent me 300 bytes"),),
    )


def sample_analysis(
    users: int = 14, user: str = "83010{n:02d}@OMR", file_name: str = "notes/readme.txt"
) -> CaseAnalysis:
    """`user` may hold a hostile name; `file_name` is a file that is not used."""
    terminals = tuple(
        _terminal(
            n,
            SIZES[(n * 7) % len(SIZES)],
            user.replace("{n:02d}", f"{n:02d}"),
            f"00:25:11:E9:{n // 256:02X}:{n % 256:02X}",
        )
        for n in range(1, users + 1)
    )
    logs = tuple(
        Source(
            path,
            hashlib.sha256(content).hexdigest(),
            len(content),
            SourceKind.INODE_LOG,
            None,
            60,
            0,
            START_NS,
            START_NS + 60 * NS,
            0.0,
            "utf-8",
            "inode",
            1.0,
            28_800,
        )
        for path, content in files(users).items()
    )
    captures = tuple(
        Source(
            path,
            hashlib.sha256(path.encode()).hexdigest(),
            1_234_567,
            SourceKind.CAPTURE,
            point,
            4_000,
            0,
            START_NS,
            START_NS + 600 * NS,
            offset,
        )
        for path, point, offset in (
            ("terminal-1/client.pcap", "client", 0.0),
            ("uplink.pcap", "uplink", 1.25),
            ("server.pcap", "server", 37.25),
        )
    )
    unused = Source(
        file_name,
        "ab" * 32,
        512,
        SourceKind.OTHER,
        notes=(Text("It is neither a log nor a capture.", "既不是日志，也不是抓包文件。"),),
    )
    points = tuple(
        CapturePoint(
            name,
            role,
            order,
            "ttl",
            (source.path,),
            replace(Clock(), offset_s=source.clock_offset_s or 0.0, uncertainty_s=0.0004),
            observed_ns=((START_NS, START_NS + 600 * NS),),
        )
        for order, (name, role, source) in enumerate(
            zip(POINTS, (Role.CLIENT, Role.MIDDLE, Role.SERVER), captures, strict=True)
        )
    )
    band = replace(
        _loss("terminal-1/iNode.log"),
        code="size-band",
        summary=Text(
            "Terminals whose message 3 has 1,473 to 3,000 bytes of plaintext fail, all others pass.",
            "3 号报文明文在 1473 到 3000 字节之间的终端失败，其余均通过。",
        ),
    )
    return CaseAnalysis((*logs, *captures, unused), points, terminals, (band,), (Check("size-band", "hit"),))


def told_by_a_device(case: CaseAnalysis, text: bytes, point: str = "uplink") -> CaseAnalysis:
    """As if `point` were a firewall and each line of its output `text` told of one fragment."""
    device = Source("device/fw1.txt", hashlib.sha256(text).hexdigest(), len(text), SourceKind.DEVICE)
    lines = count(1)

    def told(fragment: FragmentFate) -> FragmentFate:
        sighting = fragment.sightings[point]._replace(source=device.path, frames=(), line=next(lines))
        return fragment._replace(sightings={**fragment.sightings, point: sighting})

    def of_attempt(attempt: Attempt) -> Attempt:
        assert attempt.datagram is not None
        fragments = tuple(told(fragment) for fragment in attempt.datagram.fragments)
        return replace(attempt, datagram=attempt.datagram._replace(fragments=fragments))

    def of_session(session: Session) -> Session:
        messages = (
            replace(message, attempts=tuple(of_attempt(attempt) for attempt in message.attempts))
            for message in session.messages
        )
        return replace(session, messages=tuple(messages))

    terminals = tuple(
        replace(terminal, sessions=tuple(of_session(session) for session in terminal.sessions))
        for terminal in case.terminals
    )
    return replace(case, sources=(*case.sources, device), terminals=terminals)
