"""Small builders for the session tree, so that a test reads like the case it tells.

Points are given in path order. A fate is written per point as a string: one character for each fragment,
`x` seen, `.` missing, `?` unknown; `client="xx", server="x."` is a datagram whose later fragment was lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.core.analysis import (
    Attempt,
    CapturePoint,
    DatagramFate,
    Evidence,
    Fate,
    FragmentFate,
    Mark,
    Message,
    Outcome,
    Role,
    Seen,
    Session,
    Sighting,
    Source,
    SourceKind,
    Terminal,
)
from app.core.diagnosis import CaseFacts, diagnose
from app.core.network.traces import IcmpTie, NetworkFacts, NetworkNote, NoteCode, TracedDatagram
from app.core.records import NS, CheckResult, Confidence, Direction, Endpoint, Packet, Quote, Text

START = 1_795_000_000 * NS
STATES = {"x": Seen.SEEN, ".": Seen.MISSING, "?": Seen.UNKNOWN}
CLIENT, SERVER = "192.0.2.17:40001", "198.51.100.7"
WHY = Text("test", "测试")


def at(seconds: float) -> int:
    return START + round(seconds * NS)


def datagram(
    sights: Mapping[str, str],
    *,
    ident: int = 0x1000,
    wire: int = 2655,
    to_server: bool = True,
    port: int = 9029,
    seconds: float = 0.0,
    reasons: Mapping[str, str] | None = None,
    coding: str | None = "plain",
    **more: object,
) -> DatagramFate:
    """A datagram of as many fragments as the strings are long."""
    count = len(next(iter(sights.values())))
    total = wire + 8
    bounds = [min(total, 1480 * i) for i in range(count)] + [total] if count > 1 else [0, total]
    fragments = tuple(
        FragmentFate(
            bounds[i],
            bounds[i + 1] - bounds[i],
            {
                point: _sighting(point, STATES[states[i]], ident * 10 + i + 1, seconds, (reasons or {}).get(point, ""))
                for point, states in sights.items()
            },
        )
        for i in range(count)
    )
    ends = (CLIENT, f"{SERVER}:{port}")
    source, destination = ends if to_server else ends[::-1]
    return DatagramFate(
        identification=ident,
        source=source,
        destination=destination,
        ip_version=4,
        wire_bytes=wire,
        fragments=fragments,
        fate={p: _fate(s) for p, s in sights.items()},
        lost_between=None,
        coding=coding,
        match_confidence=Confidence.CERTAIN,
        **more,  # type: ignore[arg-type]
    )


def _sighting(point: str, state: Seen, frame: int, seconds: float, reason: str) -> Sighting:
    if state is not Seen.SEEN:
        return Sighting(state, reason=WHY, reason_code=reason)
    return Sighting(state, f"{point}.pcap", (frame,), at(seconds), at(seconds))


def _fate(states: str) -> Fate:
    if "?" in states:
        return Fate.UNKNOWN if "x" not in states else Fate.PARTIAL if "." in states else Fate.UNKNOWN
    if set(states) == {"x"}:
        return Fate.WHOLE
    return Fate.ABSENT if set(states) == {"."} else Fate.PARTIAL


def send(
    fate: DatagramFate | None,
    number: int,
    seconds: float,
    *,
    attempt: int = 1,
    client_log: bool = True,
    server_log: bool = False,
    plain: int | None = None,
    source: str = "t1/iNode.log",
) -> Attempt:
    """One send; without any log and datagram it would have no evidence, so that is refused."""
    evidence: list[Evidence] = []
    if client_log:
        evidence.append(Evidence(source, line=round(seconds * 10) + number, text=f"out-pkt [{number}]"))
    if server_log:
        evidence.append(Evidence("server/debug.log", line=round(seconds * 10) + number, text=f"type [{number}]"))
    if fate is not None:
        evidence.extend(
            Evidence(s.source, frame=s.frames[0])
            for f in fate.fragments
            for s in f.sightings.values()
            if s.source and s.frames
        )
    assert evidence
    return Attempt(
        attempt=attempt,
        time_ns=at(seconds),
        gap_s=None if attempt == 1 else 5.0,
        plain_bytes=plain,
        wire_bytes=fate.wire_bytes if fate else None,
        evidence=tuple(evidence),
        datagram=fate,
        log_time_ns=at(seconds) if client_log else None,
        server_log_time_ns=at(seconds) if server_log else None,
    )


def message(
    number: int,
    attempts: Sequence[Attempt],
    *,
    plain: int | None = None,
    patches: int | None = None,
    deflated: int | None = None,
) -> Message:
    direction = Direction.TO_SERVER if number % 2 else Direction.TO_CLIENT
    check = None if patches is None else CheckResult(patches=patches, distinct_patches=patches)
    sizes = [a.plain_bytes for a in attempts if a.plain_bytes]
    return Message(
        number,
        direction,
        tuple(attempts),
        check,
        plain_bytes=plain or (sizes[0] if sizes else None),
        deflated_bytes=deflated,
    )


def result(code: int, seconds: float = 20.0) -> Mark:
    return Mark(
        "result",
        "client",
        at(seconds),
        at(seconds),
        f"pushSecRslt(3) returned {code}.",
        Evidence("t1/iNode.log", line=900 + code, text=f"pushSecRslt(3) returned {code}."),
        code,
    )


def session(
    messages: Sequence[Message], outcome: Outcome = Outcome.FAILED, *, marks: Sequence[Mark] = (), key: str = "s1"
) -> Session:
    times = [a.time_ns for m in messages for a in m.attempts if a.time_ns is not None]
    return Session(
        "ev" + key,
        outcome,
        min(times, default=None),
        max(times, default=None),
        tuple(messages),
        tuple(marks),
        (SERVER,),
        key=key,
    )


def terminal(*sessions: Session, key: str = "t1", ip: str = "192.0.2.17") -> Terminal:
    return Terminal(f"user-{key}", "02:00:00:00:00:01", (ip,), sessions[-1].outcome, sessions, key=key)


def hello(
    points: Sequence[str], *, client_log: bool = True, seconds: float = 0.0, server_log: bool = False
) -> list[Message]:
    """Messages 1 and 2, which pass everywhere."""
    seen = dict.fromkeys(points, "x")
    one = datagram(seen, ident=1, wire=151, port=9019, seconds=seconds)
    two = datagram(seen, ident=2, wire=569, port=9019, to_server=False, seconds=seconds)
    return [
        message(1, [send(one, 1, seconds, client_log=client_log, server_log=server_log)]),
        message(2, [send(two, 2, seconds + 0.1, client_log=client_log, server_log=server_log)]),
    ]


def report(sights: Sequence[Mapping[str, str]], *, plain: int = 2641, wire: int = 2655, **more: object) -> Message:
    """Message 3, sent once for each entry, five seconds apart."""
    sends = [
        send(
            datagram(s, ident=0x3000 + i, wire=wire, seconds=2 + 5 * i),
            3,
            2 + 5 * i,
            attempt=i + 1,
            plain=plain,
            **more,
        )  # type: ignore[arg-type]
        for i, s in enumerate(sights)
    ]
    return message(3, sends, plain=plain)


def points(*names: str, seconds: float = 120.0) -> tuple[CapturePoint, ...]:
    """In path order; `client…` and `server…` have the roles of their names."""
    roles = {"client": Role.CLIENT, "server": Role.SERVER}
    return tuple(
        CapturePoint(n, roles.get(n, Role.MIDDLE), i, "named", (f"{n}.pcap",), observed_ns=((at(-10), at(seconds)),))
        for i, n in enumerate(names)
    )


def case(
    *terminals: Terminal,
    at_points: Sequence[CapturePoint] = (),
    logs: Sequence[SourceKind] = (SourceKind.INODE_LOG,),
    network: NetworkFacts | None = None,
    **more: object,
) -> CaseFacts:
    sources = tuple(Source(f"{k.value}.log", "0" * 64, 1, k) for k in logs) + tuple(
        Source(s, "0" * 64, 1, SourceKind.CAPTURE, p.name) for p in at_points for s in p.sources
    )
    if network is None and at_points:
        network = NetworkFacts(points=tuple(at_points))
    return CaseFacts(sources, tuple(at_points), terminals, network, **more)  # type: ignore[arg-type]


def codes(facts: CaseFacts) -> list[str]:
    """Codes of the first terminal, most important first."""
    return [finding.code for finding in diagnose(facts).terminals[0].findings]


def first(facts: CaseFacts):  # type: ignore[no-untyped-def]
    return diagnose(facts).terminals[0].findings[0]


def named(facts: CaseFacts, code: str):  # type: ignore[no-untyped-def]
    """The finding with this code, on the first terminal or the case; None where there is none."""
    analysis = diagnose(facts)
    return next((f for f in (*analysis.terminals[0].findings, *analysis.findings) if f.code == code), None)


def renamed(made: Terminal, key: str, ip: str) -> Terminal:
    return replace(made, key=key, user=f"user-{key}", ip=(ip,))


def icmp(facts: CaseFacts, icmp_type: int, code: int, number: int = 3, *, mtu: int | None = None) -> CaseFacts:
    """The same case with an ICMP error that quotes every send of this message of the first terminal."""
    made = facts.terminals[0]
    datagrams = [
        a.datagram for s in made.sessions for m in s.messages if m.number == number for a in m.attempts if a.datagram
    ]
    traced = tuple(
        TracedDatagram(d, (), Direction.TO_SERVER, Endpoint("192.0.2.17", 40001), Endpoint(SERVER, 9029), None, at(2))
        for d in datagrams
    )
    ties = tuple(
        IcmpTie(_icmp_packet(icmp_type, code, d.identification or 0, i, mtu), "client", i, WHY)
        for i, d in enumerate(datagrams)
    )
    return replace(facts, network=NetworkFacts(facts.capture_points, {}, traced, ties))


def _icmp_packet(icmp_type: int, code: int, ident: int, index: int, mtu: int | None) -> Packet:
    quote = Quote(icmp_type, code, "192.0.2.17", SERVER, 17, ident, 0, 40001, 9029, mtu)
    return Packet("client.pcap", 500 + index, at(33), 4, SERVER, "192.0.2.17", 1, 7, 0, 64, False, 60, quote=quote)


def note(code: NoteCode, *, point: str = "server", **more: object) -> NetworkNote:
    return NetworkNote(
        code,
        Text("the network part noted something", "网络部分有所发现"),
        point=point,
        evidence=(Evidence(f"{point}.pcap", frame=1, text="noted"),),
        **more,
    )  # type: ignore[arg-type]


def noted(*notes: NetworkNote, at_points: Sequence[CapturePoint] = (), failing: bool = False) -> CaseFacts:
    """A healthy or failing case of one terminal with these notes."""
    outcome = Outcome.FAILED if failing else Outcome.PASSED
    its = tuple(at_points) or points("client", "server")
    names = [p.name for p in its]
    made = session([*hello(names), report([dict.fromkeys(names, "xx")])], outcome, marks=[result(4 if failing else 0)])
    return case(terminal(made), at_points=its, network=NetworkFacts(its, notes=notes))


def sized(rows: Sequence[tuple[int, bool]], *, patches: Sequence[int | None] = ()) -> CaseFacts:
    """Many terminals from their logs: (plaintext bytes of message 3, whether it passed)."""
    made: list[Terminal] = []
    for i, (plain, passed) in enumerate(rows):
        source = f"t{i}/iNode.log"
        sends = [send(None, 3, 2 + 5 * n, attempt=n + 1, plain=plain, source=source) for n in range(1 if passed else 4)]
        start = [message(1, [send(None, 1, 0, source=source)]), message(2, [send(None, 2, 0.1, source=source)])]
        body = message(3, sends, plain=plain, patches=patches[i] if patches else None)
        answer = [message(4, [send(None, 4, 3, source=source)])] if passed else []
        its = session(
            [*start, body, *answer],
            Outcome.PASSED if passed else Outcome.FAILED,
            marks=[result(0 if passed else 4)],
            key=f"s{i}",
        )
        made.append(terminal(its, key=f"t{i}", ip=f"192.0.2.{i + 1}"))
    return case(*made)
