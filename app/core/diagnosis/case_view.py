"""The whole case as the rules see it: its points, clocks, sizes, and what all terminals together show of each leg."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median_low

from app.core.analysis import (
    CapturePoint,
    DatagramFate,
    Fate,
    Finding,
    Message,
    Outcome,
    Role,
    Seen,
    Session,
    Source,
    SourceKind,
    Terminal,
)
from app.core.diagnosis.facts import CaseFacts
from app.core.diagnosis.tallies import Tally
from app.core.diagnosis.terminal_view import ANSWERS, REPORT, Names, TerminalView, view_terminal
from app.core.network.traces import IcmpTie, NoteCode, TracedDatagram
from app.core.records import Direction

DEFAULT_MTU = 1500
# Headers in front of the UDP payload of a datagram that is not fragmented, by IP version.
IP_AND_UDP_BYTES = {4: 28, 6: 48}
# The client compresses and encrypts message 3 only above this plaintext size.
COMPRESSION_BYTES = 3000
# The header as the article's sizes show it; replaced by what the case's own captures show.
USUAL_HEADER_BYTES = 28

NamedLeg = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Report:
    """One message 3: its size and how its session ended. `is_network_failure`: failed without an answer."""

    terminal: Terminal
    session: Session
    message: Message
    plain_bytes: int
    has_passed: bool
    is_network_failure: bool


@dataclass(slots=True)
class CaseView:
    facts: CaseFacts
    names: Names
    roles: dict[str, Role]
    points: dict[str, CapturePoint]
    mtu: int = DEFAULT_MTU
    is_mtu_measured: bool = False
    header_bytes: int = USUAL_HEADER_BYTES
    is_header_measured: bool = False
    ip_version: int = 4  # of most datagrams to the server
    pooled: dict[tuple[Direction, NamedLeg], Tally] = field(default_factory=dict)
    icmp_of: dict[int, list[IcmpTie]] = field(default_factory=dict)  # id of a datagram's fate → errors that quote it
    traced_of: dict[int, TracedDatagram] = field(default_factory=dict)  # id of a fate → what was traced
    stray_replies: dict[str, list[TracedDatagram]] = field(default_factory=dict)  # by client address, in no session
    half_blind: frozenset[str] = frozenset()  # points that see only some of what passes
    reports: list[Report] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)  # by the case rules so far
    terminals: list[Terminal] = field(default_factory=list)  # judged

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.facts.sources

    @property
    def lower_edge(self) -> int:
        """The largest plaintext that still fits one packet."""
        return self.packet_room - self.header_bytes

    @property
    def packet_room(self) -> int:
        """The largest UDP payload that is not fragmented."""
        return self.mtu - IP_AND_UDP_BYTES[self.ip_version]

    def points_of(self, role: Role) -> frozenset[str]:
        return frozenset(name for name, its in self.roles.items() if its is role)

    def lossy_points(self) -> frozenset[str]:
        """Points whose captures lost frames themselves."""
        network = self.facts.network
        notes = network.notes_of(NoteCode.DROPPED) if network is not None else ()
        sources = {note.source for note in notes if note.source}
        return frozenset(name for name, point in self.points.items() if sources & set(point.sources))

    def has_kind(self, kind: SourceKind) -> bool:
        return any(source.kind is kind for source in self.sources)

    def is_in_band(self, plain_bytes: int) -> bool:
        """Whether a message 3 of this size is sent plain and in fragments, whatever the server's settings."""
        return self.lower_edge < plain_bytes <= COMPRESSION_BYTES

    def source(self, path: str) -> Source | None:
        return next((source for source in self.sources if source.path == path), None)


def view_case(facts: CaseFacts) -> CaseView:
    names = tuple(point.name for point in sorted(facts.capture_points, key=lambda point: point.order))
    view = CaseView(
        facts=facts,
        names=Names(names, names[::-1]),
        roles={point.name: point.role for point in facts.capture_points},
        points={point.name: point for point in facts.capture_points},
    )
    _index_network(view)
    _measure_sizes(view)
    view.reports = list(_reports(facts.terminals))
    return view


def view_terminals(case: CaseView) -> list[TerminalView]:
    """All terminals, and what they show together of every leg on which anything was lost."""
    case.half_blind = half_blind_points(case)
    views = [view_terminal(terminal, case.names, case.half_blind) for terminal in case.facts.terminals]
    lossy = {(direction, named(view.names, direction, leg)) for view in views for direction, leg in view.legs}
    for direction, leg in lossy:
        case.pooled[direction, leg] = _pool(views, direction, leg)
    return views


def half_blind_points(case: CaseView) -> frozenset[str]:
    """Points that showed one piece of a datagram and not another that came past on its way to a later point.

    They sit on one of several equal paths, or lose frames: for fragments of any terminal their misses prove nothing.
    """
    found: set[str] = set()
    for terminal in case.facts.terminals:
        for session in terminal.sessions:
            for message in session.messages:
                for attempt in message.attempts:
                    if attempt.datagram is not None and len(attempt.datagram.fragments) > 1:
                        found |= _half_seen_on_the_way(attempt.datagram, case.names.of(message.direction))
    return frozenset(found)


def _half_seen_on_the_way(datagram: DatagramFate, way: tuple[str, ...]) -> set[str]:
    if all(fate is Fate.WHOLE for fate in datagram.fate.values()):
        return set()
    seen = [{n for n, s in f.sightings.items() if s.state is Seen.SEEN} for f in datagram.fragments]
    somewhere = set.union(*seen)
    result: set[str] = set()
    for its in seen:
        last = max((i for i, name in enumerate(way) if name in its), default=-1)
        result |= {name for name in way[:last] if name not in its and name in somewhere}
    return result - {name for name in result if name in datagram.split_at}


def named(names: Names, direction: Direction, leg: tuple[int, int]) -> NamedLeg:
    way = names.of(direction)
    return (way[leg[0]] if leg[0] >= 0 else None, way[leg[1]])


def _pool(views: Iterable[TerminalView], direction: Direction, leg: NamedLeg) -> Tally:
    result = Tally()
    for view in views:
        way = view.names.of(direction)
        if leg[1] not in way or (leg[0] is not None and leg[0] not in way):
            continue
        position = (-1 if leg[0] is None else way.index(leg[0]), way.index(leg[1]))
        lossy = {p.session for p in view.passages[direction] if p.has_loss and position in p.legs}
        for passage in view.passages[direction]:
            # Small datagrams of every session tell whether the path is up; large ones compare only within a failure.
            if passage.session in lossy or not passage.is_fragmented:
                result.add(passage, position)
    return result


def _index_network(view: CaseView) -> None:
    network = view.facts.network
    if network is None:
        return
    view.traced_of = {id(traced.fate): traced for traced in network.traced}
    for tie in network.icmp:
        if tie.traced is not None:
            view.icmp_of.setdefault(id(network.traced[tie.traced].fate), []).append(tie)
    used = {
        id(attempt.datagram)
        for terminal in view.facts.terminals
        for session in terminal.sessions
        for message in session.messages
        for attempt in message.attempts
        if attempt.datagram is not None
    }
    for traced in network.traced:
        if traced.direction is Direction.TO_CLIENT and id(traced.fate) not in used:
            view.stray_replies.setdefault(traced.client.ip, []).append(traced)


def _measure_sizes(view: CaseView) -> None:
    """Path MTU and header length from the case's own fragments; the defaults stay where nothing shows them."""
    headers: Counter[int] = Counter()
    mtus: Counter[int] = Counter()
    versions: Counter[int] = Counter()
    for terminal in view.facts.terminals:
        for session in terminal.sessions:
            for message in session.messages:
                for attempt in message.attempts:
                    datagram = attempt.datagram
                    if datagram is None or message.direction is not Direction.TO_SERVER:
                        continue
                    versions[datagram.ip_version] += 1
                    if datagram.coding != "encrypted" and datagram.coding != "zlib" and attempt.plain_bytes:
                        extra = (datagram.wire_bytes or 0) - attempt.plain_bytes
                        if 0 <= extra <= 64:
                            headers[extra] += 1
                    if len(datagram.fragments) > 1:
                        mtus[_mtu_of(datagram.fragments[0].length, datagram.ip_version)] += 1
    if headers:
        view.header_bytes, view.is_header_measured = median_low(list(headers.elements())), True
    if versions:
        view.ip_version = versions.most_common(1)[0][0]
    if mtus:
        view.mtu, view.is_mtu_measured = mtus.most_common(1)[0][0], True


def _mtu_of(first_bytes: int, ip_version: int) -> int:
    """The MTU that cuts fragments to this size; they end on multiples of eight, so it may be up to 7 larger."""
    headers = 20 if ip_version == 4 else 40 + 8  # the fragment header too
    return DEFAULT_MTU if DEFAULT_MTU - 8 < first_bytes + headers <= DEFAULT_MTU else first_bytes + headers


def _reports(terminals: Sequence[Terminal]) -> Iterable[Report]:
    for terminal in terminals:
        for session in terminal.sessions:
            message = session.message(REPORT)
            if message is None or message.direction is not Direction.TO_SERVER:
                continue
            plain = message.plain_bytes or next((a.plain_bytes for a in message.attempts if a.plain_bytes), None)
            if plain is None:
                continue
            answered = any(m.number in ANSWERS[REPORT] for m in session.messages)
            yield Report(
                terminal=terminal,
                session=session,
                message=message,
                plain_bytes=plain,
                has_passed=session.outcome is Outcome.PASSED,
                is_network_failure=session.outcome in (Outcome.FAILED, Outcome.INCOMPLETE) and not answered,
            )
