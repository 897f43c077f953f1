"""What every capture can be asked as a witness: what it saw of which stream, and what passed it unseen."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from app.core.analysis import Clock, Role
from app.core.fragmentation.byte_ranges import Range, merged, uncovered
from app.core.network.capture_filters import FilterView
from app.core.network.groups import Group
from app.core.network.traces import CaptureInput
from app.core.records import Direction

_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")


class Kind(IntEnum):
    """What a fragment looks like to a filter, a hash over ports, or a device."""

    WHOLE = 0
    FIRST = 1
    LATER = 2


Route = tuple[str, str]
Subnet = tuple[int, int] | str  # (version, network), an address as it stands where it is none
Stream = tuple[Route, Direction, Kind, tuple[int | None, int | None] | None]


@dataclass(slots=True)
class Tally:
    """Of one stream at one capture: seen there; `passed`: not seen there, though a later point has
    it; `absent`: seen neither there nor later."""

    seen: int = 0
    passed: int = 0
    absent: int = 0


class Journey(NamedTuple):
    """A group with what the guard needs to know: its ends (as seen nearest the client) and places in travel order."""

    group: Group
    direction: Direction
    client_ip: str
    server_ip: str
    flow: tuple[int | None, int | None]  # ports of client and server
    places: tuple[tuple[int, ...], ...]  # captures of each place, in the direction of travel
    kinds: frozenset[Kind]
    is_whole: frozenset[int]  # captures that saw all of it

    def stream(self, kind: Kind) -> Stream:
        """What a device that spreads load over several links keeps together: fragments with an offset have no ports."""
        return (self.client_ip, self.server_ip), self.direction, kind, None if kind == Kind.LATER else self.flow

    def has(self, capture: int, kind: Kind) -> bool:
        seen = self.group.members.get(capture)
        if seen is None:
            return False
        if capture in self.is_whole or kind == Kind.WHOLE:
            return True
        if kind == Kind.FIRST:
            return seen.head is not None
        return any(packet.offset_bytes > 0 for packet in seen.packets)

    def shown_kinds(self, capture: int) -> list[Kind]:
        """As it looked there: of what is cut elsewhere only, the capture shows no fragment."""
        seen = self.group.members[capture]
        if not seen.is_fragmented:
            return [Kind.WHOLE]
        return [kind for kind in self.kinds if self.has(capture, kind)]

    @property
    def is_put_together(self) -> bool:
        """Whether a device on the way made one packet of its fragments."""
        if Kind.WHOLE in self.kinds or self.group.is_alike:
            return False
        members = self.group.members
        shown = [members[capture].is_fragmented for place in self.places for capture in place if capture in members]
        return True in shown and False in shown[shown.index(True) :]

    def ranges(self, capture: int, kind: Kind) -> list[Range]:
        """Its pieces of that kind as the capture saw them."""
        seen = self.group.members.get(capture)
        return [] if seen is None else [piece for piece in seen.ranges if (piece[0] > 0) == (kind == Kind.LATER)]

    def lacks_any(self, capture: int, pieces: Sequence[Range]) -> bool:
        """Whether the capture has not all these bytes: a device behind it may have cut what it saw in one piece."""
        seen = self.group.members.get(capture)
        own = [] if seen is None else merged(seen.ranges)
        return any(uncovered(piece, own) for piece in pieces)


@dataclass(slots=True)
class Watch:
    """One capture as a witness."""

    capture: CaptureInput
    clock: Clock
    part: int
    role: Role
    filter: FilterView
    dropped: int
    clients: set[str] = field(default_factory=set)
    routes: set[tuple[Route, Direction]] = field(default_factory=set)
    subnets: set[tuple[Subnet, str, Direction]] = field(default_factory=set)
    servers: set[str] = field(default_factory=set)
    ways: set[Direction] = field(default_factory=set)
    tallies: dict[Stream, Tally] = field(default_factory=lambda: defaultdict(Tally))
    miss_share: float = 0.0  # of the streams that it sees, how much demonstrably passed it unseen
    elsewhere: set[tuple[Route, Direction]] = field(default_factory=set)  # of which it sees nothing, though they pass
    unseen: set[tuple[Route, Direction, Kind]] = field(default_factory=set)  # some flow of them passes unseen
    balanced: set[Direction] = field(default_factory=set)  # ways in which it sees some streams of a terminal, not all

    def note(self, journey: Journey, kinds: Iterable[Kind], subnet: Subnet, count: int) -> None:
        """These kinds of fragments of so many journeys like this one were seen here."""
        for kind in kinds:
            way = journey.direction
            self.clients.add(journey.client_ip)
            self.servers.add(journey.server_ip)
            self.ways.add(way)
            self.routes.add(((journey.client_ip, journey.server_ip), way))
            self.subnets.add((subnet, journey.server_ip, way))
            self.tallies[journey.stream(kind)].seen += count

    def tally(self, journey: Journey, kind: Kind) -> Tally | None:
        """What it knows of such fragments; nothing where the ports that lead them are not known."""
        if kind != Kind.LATER and None in journey.flow:
            return None
        return self.tallies.get(journey.stream(kind))

    def lacks_flow(self, journey: Journey, kind: Kind) -> bool:
        """Whether what else has these ports passes unseen: first fragments take the way of whole datagrams."""
        other = {Kind.FIRST: Kind.WHOLE, Kind.WHOLE: Kind.FIRST}.get(kind)
        tally = None if other is None else self.tallies.get(journey.stream(other))
        return tally is not None and tally.passed > 0 and not tally.seen

    def lacks_ports(self, journey: Journey) -> bool:
        """Whether all that has these ports passes unseen, in fragments or whole."""
        tallies = [self.tallies.get(journey.stream(kind)) for kind in (Kind.FIRST, Kind.WHOLE)]
        known = [tally for tally in tallies if tally is not None]
        return any(tally.passed for tally in known) and not any(tally.seen for tally in known)

    @property
    def own_clients(self) -> set[str]:
        """Addresses of the terminal that this capture was taken on, empty where it is no terminal's capture."""
        if self.capture.terminal_hint:
            hinted = {hint for hint in self.capture.terminal_hint if not _MAC.fullmatch(hint)}
            return hinted or self.clients
        return self.clients if self.role == Role.CLIENT else set()

    @property
    def is_terminal(self) -> bool:
        return bool(self.capture.terminal_hint) or self.role == Role.CLIENT
