"""An analysis with something in every field that tables keep, made by hand: no parser has to work for these tests."""

from __future__ import annotations

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
from app.core.records import (
    CaptureFacts,
    CheckResult,
    Confidence,
    Direction,
    InterfaceFacts,
    Locator,
    LogFacts,
    Rejected,
    Side,
    Text,
)

T0 = 1_700_000_000_000_000_000
LOG, CLIENT, SERVER, OTHER = "t1/iNode.log", "t1/client.pcap", "server/server.pcap", "readme.txt"


def text(word: str) -> Text:
    return Text(word, f"{word}（中）")


def log_facts() -> LogFacts:
    rejected = Rejected(Locator(LOG, line=7, byte_start=100, byte_end=180), text("no time"), 2, "?? broken")
    return LogFacts(
        LOG, Side.CLIENT, "inode", "gb18030", 100, 40, 98, 2, (), (rejected,), T0, T0 + 5, 0.9, (text("bent"),)
    )


def capture_facts(source: str) -> CaptureFacts:
    interface = InterfaceFacts(0, "eth0", 1, 262_144, "udp", 10, 1, "uplink")
    return CaptureFacts(
        source, "pcapng", (interface,), 24, T0, T0 + 9, True, 1, 96, 2, 3, 4, 15, (9019, 9029), 4, 2, 1,
        ((T0, T0 + 3),), ((T0 + 4, T0 + 5),), ("by hand",), (text("cut"),), 1,
    )  # fmt: skip


def sources() -> tuple[Source, ...]:
    return (
        Source(LOG, "a" * 64, 1000, SourceKind.INODE_LOG, None, 40, 2, T0, T0 + 5, -0.5, "gb18030", "inode", 0.9,
               28_800, (text("zone inferred"),), log=log_facts()),
        Source(CLIENT, "b" * 64, 2000, SourceKind.CAPTURE, "client", 24, 0, T0, T0 + 9, 0.0,
               capture=capture_facts(CLIENT)),
        Source(SERVER, "c" * 64, 3000, SourceKind.CAPTURE, "server", 12, 0, T0, T0 + 9, 37.25,
               capture=capture_facts(SERVER)),
        Source(OTHER, "", 10, SourceKind.OTHER, notes=(text("not used"),)),
    )  # fmt: skip


def points() -> tuple[CapturePoint, ...]:
    clock = Clock(37.25, 37.2, None, -50.0, 0.0004, "both ways", "client", text("matched"), T0,
                  ((T0 + 4, 1.5),), 9, 0.25)  # fmt: skip
    return (
        CapturePoint("client", Role.CLIENT, 0, "named", (CLIENT,), Clock(), {CLIENT: Clock()}, ((T0, T0 + 9),)),
        CapturePoint("server", Role.SERVER, 4, "ttl", (SERVER,), clock, {SERVER: clock}, (), (text("mirror"),)),
    )


def datagram(lost: bool) -> DatagramFate:
    seen = Sighting(Seen.SEEN, CLIENT, (26, 30), T0 + 1, T0 + 2)
    gone = Sighting(Seen.MISSING, reason=text("it was capturing"), reason_code="able")
    there = Sighting(Seen.SEEN, SERVER, (14,), T0 + 3, T0 + 4)
    return DatagramFate(
        0xE0F6, "10.1.1.1:39942", "10.208.64.40:9029", 4, 2655,
        (
            FragmentFate(0, 1480, {"client": seen, "server": there}),
            FragmentFate(1480, 1183, {"client": seen, "server": gone if lost else there}),
        ),
        {"client": Fate.WHOLE, "server": Fate.PARTIAL if lost else Fate.WHOLE},
        ("client", "server") if lost else None, "plain", text("same content"), Confidence.CERTAIN,
        translations={"server": ("192.0.2.1:39942", "10.208.64.40:9029")}, split_at={"server": ((0, 740), (740, 740))},
        duplicates={"client": 2}, anomalies={"server": ("overlap", "tiny")}, tunnels={"server": ("gre",)},
        ttl={"client": 64, "server": 60},
    )  # fmt: skip


def attempt(number: int, lost: bool) -> Attempt:
    stray = Evidence("elsewhere.txt", line=1)
    evidence = (Evidence(LOG, line=31, text="out-pkt [3]"), Evidence(CLIENT, frame=26), stray)
    return Attempt(
        number, T0 + number, None if number == 1 else 5.0, 2641, 2655, evidence, datagram(lost), T0, None,
        text("same size"), 21_429,
    )  # fmt: skip


def session(key: str, outcome: Outcome) -> Session:
    lost = outcome is Outcome.FAILED
    check = CheckResult("Windows|7", "0x0804", 207, 206, ("KB2393802",), (("Virus-Engine-Version", "5800.7501"),))
    mark = Mark("result", "client", T0 + 8, T0 + 7, "pushSecRslt(3) returned 4", Evidence(LOG, line=90, text="x"), 4)
    return Session(
        "n1MqMbBr", outcome, T0, T0 + 20,
        (
            Message(1, Direction.TO_SERVER, (Attempt(1, None, None, 300, None, ()),)),
            Message(3, Direction.TO_SERVER, (attempt(1, lost), attempt(2, lost)), check,
                    (("userName", "ab"), ("checkResult", ""), ("checkResult", "1")), 2641, 900),
        ),
        (mark,), ("10.208.64.40",), False, key,
    )  # fmt: skip


def finding(code: str) -> Finding:
    return Finding(
        code, Severity.ERROR, Confidence.CERTAIN, text("lost"), (Evidence(SERVER, frame=14, text="…"),), 3,
        ("client", "server"), {"datagrams": 4}, (text("first ones pass"),), (text("look at the firewall"),),
        {"edge_bytes": 1472, "ratio": 0.5},
    )  # fmt: skip


def analysis(terminals: int = 2) -> CaseAnalysis:
    """`terminals` of them, the odd ones failed."""
    made = tuple(
        Terminal(
            f"user{number}@OMR", f"00:25:11:E9:01:{number % 256:02X}", (f"10.1.1.{number % 256}",), outcome,
            (session(f"s{number}", outcome),), (finding("later-fragments-lost"),) if outcome is Outcome.FAILED else (),
            (Check("server-silent", "not-run", (text("server log"),)),), f"t{number}", "iNode 7.1",
        )
        for number in range(1, terminals + 1)
        for outcome in (Outcome.FAILED if number % 2 else Outcome.PASSED,)
    )  # fmt: skip
    return CaseAnalysis(
        sources(), points(), made, (finding("size-band"),), (Check("size-band", "hit"),), (text("whole case"),)
    )
