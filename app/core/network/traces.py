"""What the network part takes in and gives back: captures of one case in, datagrams traced over all points out.

Facts only: no rule judges here. Offsets and lengths are bytes of the IP payload, clocks in seconds, times in ns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from app.core.analysis import CapturePoint, Clock, DatagramFate, Evidence, Role
from app.core.records import CaptureFacts, Confidence, Datagram, Direction, Endpoint, Packet, Text, WireMessage


@dataclass(frozen=True, slots=True)
class CaptureInput:
    """One capture file with what it saw.

    `point` names the place; captures with the same name are one point, each with its own clock.
    `terminal_hint`: IP and MAC addresses of the terminal the capture was taken on, empty if it is not known to be a
    terminal's own capture.
    """

    facts: CaptureFacts
    datagrams: tuple[Datagram, ...] = ()
    icmp: tuple[Packet, ...] = ()
    point: str = ""
    role_hint: Role | None = None
    terminal_hint: frozenset[str] = frozenset()

    @property
    def source(self) -> str:
        return self.facts.source


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """`order`: point names from client to server as the user gave them (it may leave some out).
    `manual_offset_s`: by source, added to what was measured. `servers`: policy server IPs known from logs."""

    ports: frozenset[int] = frozenset({9019, 9029})
    order: tuple[str, ...] = ()
    manual_offset_s: dict[str, float] = field(default_factory=dict)
    servers: frozenset[str] = frozenset()


class NoteCode(StrEnum):
    """What `NetworkNote` tells; the first group carries the names of the findings built on it."""

    FILTERED = "capture-filtered"
    DROPPED = "capture-dropped"
    MIRRORED = "mirror-duplicates"
    TRANSLATED = "address-translated"
    REFRAGMENTED = "refragmented"
    CLOCKS_APART = "clocks-apart"
    GAP = "capture-gap"
    MERGED_ONLY = "complete-only-merged"
    AMBIGUOUS = "ambiguous-match"
    OFF_PATH = "off-path"
    CLOCK_UNKNOWN = "clock-unknown"
    CLOCK_CONTRADICTION = "clock-contradiction"
    CLOCK_STEP = "clock-step"
    REWRITTEN = "identification-rewritten"
    ALTERED = "payload-altered"
    OFFLOAD = "offload"
    CUT = "cut-frames"


@dataclass(frozen=True, slots=True)
class NetworkNote:
    """A fact about one source, one point or one leg, with the frames that show it.

    `between` is a leg (client side first). `counts` and `details` hold the numbers that a finding will quote, e.g.
    REFRAGMENTED details {"mtu": 1400}, MIRRORED details {"share": 1.0}, TRANSLATED details {"from": …, "to": …},
    CLOCKS_APART details {"offset_s": 37.2}, GAP counts {"datagrams": n}.
    """

    code: NoteCode
    text: Text
    source: str | None = None
    point: str | None = None
    between: tuple[str, str] | None = None
    evidence: tuple[Evidence, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    details: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another sighting that may be the same datagram and could not be told apart."""

    source: str
    frames: tuple[int, ...]
    reason: Text


class TracedDatagram(NamedTuple):
    """One EAD datagram over all capture points.

    `datagrams` holds one per capture that saw it (more where a mirror shows twins), in the direction of travel.
    `client` and `server` are the addresses as seen nearest the client. `time_ns`: reference clock, at the first point
    that saw it. `is_orphan`: only fragments without ports were seen anywhere, so that it is EAD is a guess by its
    addresses. `is_merged_only`: whole only when the fragments of several points are put together.
    """

    fate: DatagramFate
    datagrams: tuple[Datagram, ...]
    direction: Direction
    client: Endpoint
    server: Endpoint
    message: WireMessage | None
    time_ns: int
    candidates: tuple[Candidate, ...] = ()
    is_orphan: bool = False
    is_merged_only: bool = False


@dataclass(frozen=True, slots=True)
class IcmpTie:
    """An ICMP error and the datagram it quotes: `traced` is an index into `NetworkFacts.traced`, None where the
    quoted datagram is not among them. `between` candidates are for rules; `point` is where the error was captured."""

    packet: Packet
    point: str
    traced: int | None
    reason: Text
    confidence: Confidence = Confidence.CERTAIN
    time_ns: int = 0  # reference clock
    copies: tuple[Packet, ...] = ()  # the same error at other points


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """All that captures tell. `points` in path order, client first; `clocks` by source; `traced` by time."""

    points: tuple[CapturePoint, ...] = ()
    clocks: dict[str, Clock] = field(default_factory=dict)
    traced: tuple[TracedDatagram, ...] = ()
    icmp: tuple[IcmpTie, ...] = ()
    notes: tuple[NetworkNote, ...] = ()

    def notes_of(self, code: NoteCode, source: str | None = None) -> Iterator[NetworkNote]:
        return (note for note in self.notes if note.code == code and (source is None or note.source == source))
