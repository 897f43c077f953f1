"""What devices do to packets besides passing them on: one small frozen class a misbehaviour.

`apply` gives the packets that go on (none: dropped). A rule with `going` None acts in both directions.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from app.demo.frames import UDP, IpPacket, fragment, translate


class Going(Enum):
    TO_SERVER = 1
    TO_CLIENT = -1


class Rule(Protocol):
    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]: ...


@dataclass(frozen=True, slots=True)
class DropFragments:
    """Drops the "first" fragments, the "later" ones (with an offset) or "all".

    With `only` the rule spares fragments that do not go between these two addresses.
    """

    which: str
    going: Going | None = None
    only: frozenset[str] = frozenset()

    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]:
        concerned = packet.is_fragment and self.going in (None, going)
        if self.only and not {packet.source, packet.destination} <= self.only:
            concerned = False
        matches = {"first": packet.offset == 0, "later": packet.offset > 0, "all": True}[self.which]
        return () if concerned and matches else (packet,)


@dataclass(frozen=True, slots=True)
class DropOver:
    """Drops packets of more than `size` bytes, IP header included."""

    size: int
    going: Going | None = None

    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]:
        is_over = len(packet.to_bytes()) > self.size and self.going in (None, going)
        return () if is_over else (packet,)


@dataclass(frozen=True, slots=True)
class LoseAtRandom:
    """Loses a share (0..1) of all packets, alike."""

    share: float
    going: Going | None = None

    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]:
        is_lost = rng.random() < self.share and self.going in (None, going)
        return () if is_lost else (packet,)


@dataclass(frozen=True, slots=True)
class DropHost:
    """Drops everything from and to one address: for this terminal the path is down."""

    address: str

    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]:
        return () if self.address in (packet.source, packet.destination) else (packet,)


@dataclass(frozen=True, slots=True)
class DropFromPort:
    """Drops UDP from one source port in one direction: an access rule that forgot the way back."""

    port: int
    going: Going

    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]:
        is_hit = packet.protocol == UDP and packet.ports is not None and packet.ports[0] == self.port
        return () if is_hit and going is self.going else (packet,)


@dataclass(frozen=True, slots=True)
class DropToPort:
    """Drops what goes to one port of the server; fragments with an offset have no port and pass."""

    port: int

    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]:
        is_hit = going is Going.TO_SERVER and packet.ports is not None and packet.ports[1] == self.port
        return () if is_hit else (packet,)


@dataclass(frozen=True, slots=True)
class CorruptLater:
    """Damages one byte of every fragment with an offset: all arrives, and the checksum of the whole is wrong."""

    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]:
        if packet.offset == 0:
            return (packet,)
        damaged = packet.payload[:-1] + bytes([packet.payload[-1] ^ 0x20])
        return (replace(packet, payload=damaged),)


@dataclass(frozen=True, slots=True)
class SplitTo:
    """Splits what is over the MTU further, whatever the don't-fragment flag says (a tunnel that ignores it)."""

    mtu: int
    going: Going | None = None

    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]:
        return fragment(packet, self.mtu) if self.going in (None, going) else (packet,)


@dataclass(frozen=True, slots=True)
class TranslateClients:
    """Source translation, one outside address for each inside one; ports are shifted by `port_shift`, ids kept.

    `inside` and `outside` correspond by position. Works per fragment, as hardware does.
    """

    inside: tuple[str, ...]
    outside: tuple[str, ...]
    port_shift: int = 0

    def apply(self, packet: IpPacket, going: Going, rng: random.Random) -> tuple[IpPacket, ...]:
        ports = packet.ports
        if going is Going.TO_SERVER and packet.source in self.inside:
            source = self.outside[self.inside.index(packet.source)]
            moved = (self._shifted(ports[0], self.port_shift), ports[1]) if ports else None
            return (translate(packet, source, packet.destination, moved),)
        if going is Going.TO_CLIENT and packet.destination in self.outside:
            destination = self.inside[self.outside.index(packet.destination)]
            moved = (ports[0], self._shifted(ports[1], -self.port_shift)) if ports else None
            return (translate(packet, packet.source, destination, moved),)
        return (packet,)

    @staticmethod
    def _shifted(port: int, by: int) -> int:
        return (port - 1024 + by) % 64_512 + 1024
