"""What every capture can be asked as a witness: what it saw of which stream, and what passed it unseen."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from app.core.analysis import Clock, Role
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
    absent: int = 0  # in all
    miss_share: float = 0.0  # of the streams that it sees, how much demonstrably passed it unseen
    elsewhere: set[tuple[Route, Direction]] = field(default_factory=set)  # of which it sees nothing, though they pass
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
