"""Addresses in a captured frame replaced, at every level of it, with all checksums following.

Contents come as a `Plan` for the whole datagram, since a fragment alone knows neither what its neighbours change nor
where a name goes on. What is no IP (ARP, neighbour discovery) is replaced as well; a frame of a link layer that is not
read here is searched for the addresses that dissection found in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from struct import pack_into, unpack_from

from app.core.anonymise.addresses import AddressMap
from app.core.anonymise.checksums import adjusted, change, ones_sum
from app.core.anonymise.names import NameMap
from app.core.parsers.capture_formats import LINK_ETHERNET, LINK_LOOP, LINK_NULL, LINK_RAW, LINK_SLL, LINK_SLL2

VLAN_TYPES = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
IPV4, IPV6, ARP, PPPOE, MPLS, BRIDGED = 0x0800, 0x86DD, 0x0806, 0x8864, 0x8847, 0x6558
ERSPAN_2, ERSPAN_3 = 0x88BE, 0x22EB
ICMP, IPIP, TCP, UDP, SIX, GRE, ICMP6 = 1, 4, 6, 17, 41, 47, 58
VXLAN_PORTS = frozenset({4789, 8472})
QUOTING_V4, QUOTING_V6 = frozenset({3, 4, 5, 11, 12}), frozenset({1, 2, 3, 4})
EXTENSIONS = frozenset({0, 43, 60})
FRAGMENT = 44


@dataclass(frozen=True, slots=True)
class Plan:
    """The IP payload of a whole datagram before and after, equally long; holes are zero in both."""

    old: bytes
    new: bytes

    @property
    def added(self) -> int:
        """What its content adds to the UDP checksum: all of it after the header."""
        return change(self.old[8:], self.new[8:])


@dataclass(frozen=True, slots=True)
class Place:
    """The innermost IP packet of a frame: where its payload lies, and which part of the datagram that is."""

    source: bytes
    destination: bytes
    protocol: int
    identification: int
    offset: int
    payload_at: int
    end: int


class FrameMap:
    """Rewrites frames. `quoted` finds the plan for a datagram that an ICMP error quotes, by its addresses and id."""

    def __init__(
        self, addresses: AddressMap, names: NameMap, quoted: Callable[[bytes, bytes, int], Plan | None]
    ) -> None:
        self._addresses, self._names, self._quoted = addresses, names, quoted

    def rewrite(self, octets: bytes, link_type: int, plan: Plan | None, known: tuple[str, ...] = ()) -> bytes:
        """The frame with everything replaced, as long as before. `known`: addresses that dissection found in it."""
        work = _Rewriting(bytearray(octets), octets, self._addresses, self._names, plan, self._quoted)
        if not work.link(link_type):
            work.search(known)
        return bytes(work.octets)


def innermost(octets: bytes, link_type: int) -> Place | None:
    """Where the innermost IP packet's payload lies; None where the frame's layers are not read here."""
    work = _Rewriting(bytearray(octets), octets, None, None, None, lambda source, destination, number: None)
    work.link(link_type)
    return work.place


@dataclass(slots=True)
class _Rewriting:
    octets: bytearray
    before: bytes
    addresses: AddressMap | None  # None: only look
    names: NameMap | None
    plan: Plan | None
    quoted: Callable[[bytes, bytes, int], Plan | None]
    place: Place | None = None

    # ------------------------------------------------------------ link layers

    def link(self, link_type: int) -> bool:
        """False where the link layer is not known here."""
        if link_type == LINK_ETHERNET:
            self.ethernet(0)
        elif link_type in LINK_RAW:
            self.ip(0, len(self.before))
        elif link_type in (LINK_NULL, LINK_LOOP):
            self.ip(4, len(self.before))
        elif link_type in (LINK_SLL, LINK_SLL2):
            self.cooked(link_type)
        else:
            return False
        return True

    def cooked(self, link_type: int) -> None:
        if len(self.before) < 20:
            return
        first = link_type == LINK_SLL
        length = self._u16(4) if first else self.before[11]
        if length == 6:
            self.mac(6 if first else 12)
        self.payload(self._u16(14 if first else 0), 16 if first else 20, len(self.before))

    def ethernet(self, at: int) -> None:
        if at + 14 > len(self.before):
            return
        self.mac(at)
        self.mac(at + 6)
        self.payload(self._u16(at + 12), at + 14, len(self.before))

    def payload(self, kind: int, at: int, end: int) -> None:
        while kind in VLAN_TYPES and at + 4 <= end:
            kind, at = self._u16(at + 2), at + 4
        if kind == PPPOE and at + 8 <= end:
            kind, at = {0x0021: IPV4, 0x0057: IPV6}.get(self._u16(at + 6), 0), at + 8
        if kind == MPLS:
            while at + 4 <= end and not self.before[at + 2] & 1:
                at += 4
            self.ip(at + 4, end)
        elif kind in (IPV4, IPV6):
            self.ip(at, end)
        elif kind == ARP:
            self.arp(at)
        elif kind == BRIDGED:
            self.ethernet(at)

    def mac(self, at: int) -> None:
        if self.names is not None and at + 6 <= len(self.before):
            told = self.before[at : at + 6].hex(":")
            self.octets[at : at + 6] = bytes.fromhex(self.names.mac(told).replace(":", ""))

    def address(self, at: int, length: int) -> None:
        if self.addresses is not None and at + length <= len(self.before):
            self.octets[at : at + length] = self.addresses.packed(self.before[at : at + length])

    def arp(self, at: int) -> None:
        if at + 28 <= len(self.before) and self.before[at + 4 : at + 6] == b"\x06\x04":
            for start in (at + 8, at + 18):
                self.mac(start)
                self.address(start + 6, 4)

    # ------------------------------------------------------------ IP

    def ip(self, at: int, end: int, plan: Plan | None = None, *, is_quote: bool = False) -> None:
        if at + 20 > end:
            return
        version = self.before[at] >> 4
        if version == 4:
            self.ip4(at, end, plan, is_quote=is_quote)
        elif version == 6 and at + 40 <= end:
            self.ip6(at, end, plan, is_quote=is_quote)

    def ip4(self, at: int, end: int, plan: Plan | None, *, is_quote: bool) -> None:
        header = (self.before[at] & 15) * 4
        if header < 20 or at + header > end:
            return
        total = self._u16(at + 2)
        stop = end if is_quote or total < header else min(end, at + total)
        offset = (self._u16(at + 6) & 0x1FFF) * 8
        source, destination = self.before[at + 12 : at + 16], self.before[at + 16 : at + 20]
        number = self._u16(at + 4)
        place = Place(source, destination, self.before[at + 9], number, offset, at + header, stop)
        self.address(at + 12, 4)
        self.address(at + 16, 4)
        self.inside(place, plan, at + 12, 8, is_quote=is_quote)
        self.follow(at + 10, self._change(at + 12, 8))

    def ip6(self, at: int, end: int, plan: Plan | None, *, is_quote: bool) -> None:
        source, destination = self.before[at + 8 : at + 24], self.before[at + 24 : at + 40]
        length = self._u16(at + 4)
        stop = end if is_quote or not length else min(end, at + 40 + length)
        kind, start, offset, number = self.before[at + 6], at + 40, 0, -1
        while start + 8 <= stop and (kind in EXTENSIONS or kind == FRAGMENT):
            if kind == FRAGMENT:
                offset, number = self._u16(start + 2) & 0xFFF8, unpack_from(">I", self.before, start + 4)[0]
                kind, start = self.before[start], start + 8
            else:
                kind, start = self.before[start], start + (self.before[start + 1] + 1) * 8
        self.address(at + 8, 16)
        self.address(at + 24, 16)
        self.inside(Place(source, destination, kind, number, offset, start, stop), plan, at + 8, 32, is_quote=is_quote)

    def inside(self, place: Place, plan: Plan | None, addresses_at: int, width: int, *, is_quote: bool) -> None:
        """The packet's payload; what is no tunnel makes this packet the innermost."""
        at, end = place.payload_at, place.end
        if is_quote:
            plan = self.quoted(place.source, place.destination, place.identification)
        elif not (place.offset == 0 and self.tunnel(place)):
            self.place = place
            plan = self.plan
        if plan is not None:
            self.apply(plan, place)
        if place.offset:
            return
        pseudo = self._change(addresses_at, width)
        if place.protocol == UDP and at + 8 <= end:
            self.udp(at, end, pseudo, addresses_at, width, plan)
        elif place.protocol == TCP and at + 18 <= end:
            self.follow(at + 16, pseudo)
        elif place.protocol == ICMP and at + 8 <= end:
            if self.before[at] in QUOTING_V4 and not is_quote:
                self.ip(at + 8, end, is_quote=True)
            self.follow(at + 2, self._change(at + 4, end - at - 4))
        elif place.protocol == ICMP6 and at + 8 <= end:
            if self.before[at] in QUOTING_V6 and not is_quote:
                self.ip(at + 8, end, is_quote=True)
            elif 133 <= self.before[at] <= 137:
                self.neighbours(at, end)
            self.follow(at + 2, change_sum(pseudo, self._change(at + 4, end - at - 4)))

    def tunnel(self, place: Place) -> bool:
        at, end = place.payload_at, place.end
        if place.protocol in (IPIP, SIX):
            self.ip(at, end)
            return True
        if place.protocol == GRE and at + 4 <= end:
            flags, kind = self._u16(at), self._u16(at + 2)
            inner = at + 4 + sum(4 for bit in (0x8000, 0x2000, 0x1000) if flags & bit)
            if kind in (ERSPAN_2, ERSPAN_3):
                self.ethernet(inner + (0 if not flags & 0x1000 else 8 if kind == ERSPAN_2 else 12))
            else:
                self.payload(kind, inner, end)
            if flags & 0x8000:
                self.follow(at + 4, self._change(at, end - at))
            return True
        if place.protocol == UDP and at + 16 <= end and self._u16(at + 2) in VXLAN_PORTS:
            self.ethernet(at + 16)
            return True
        return False

    def apply(self, plan: Plan, place: Place) -> None:
        """The planned changes of this part, apart from the UDP header."""
        for index in range(max(place.offset, 8), min(place.offset + place.end - place.payload_at, len(plan.old))):
            if plan.old[index] != plan.new[index]:
                self.octets[place.payload_at + index - place.offset] = plan.new[index]

    def udp(self, at: int, end: int, pseudo: int, addresses_at: int, width: int, plan: Plan | None) -> None:
        stored = self._u16(at + 6)
        if stored == 0:
            return
        # What offloading leaves: the sum over the addresses, protocol and length alone, not complemented.
        addresses = self.before[addresses_at : addresses_at + width]
        alone = change_sum(ones_sum(addresses), UDP + self._u16(at + 4))
        if stored == alone:
            pack_into(">H", self.octets, at + 6, change_sum(stored, pseudo))
            return
        content = plan.added if plan is not None else self._change(at + 8, end - at - 8)
        pack_into(">H", self.octets, at + 6, adjusted(stored, change_sum(pseudo, content)) or 0xFFFF)

    def neighbours(self, at: int, end: int) -> None:
        """Neighbour discovery: the target's address, and link-layer addresses among the options."""
        kind = self.before[at]
        targets = {135: (8,), 136: (8,), 137: (8, 24)}.get(kind, ())
        for target in targets:
            self.address(at + target, 16)
        option = at + {133: 8, 134: 16, 137: 40}.get(kind, 24)
        while option + 8 <= end and self.before[option + 1]:
            if self.before[option] in (1, 2):
                self.mac(option + 2)
            option += self.before[option + 1] * 8

    # ------------------------------------------------------------ other link layers

    def search(self, known: tuple[str, ...]) -> None:
        """Where only the addresses are known: the packet begins where they stand one after the other."""
        if self.addresses is None or len(known) < 2:
            return
        pair = b"".join(ip_address(address).packed for address in known[:2])
        at = self.before.find(pair)
        if at >= 0:
            self.ip(at - (12 if len(pair) == 8 else 8), len(self.before))
        for mac in list(self.names.macs) if self.names is not None else ():
            start = self.before.find(bytes.fromhex(mac.replace(":", "")))
            if start >= 0:
                self.mac(start)

    # ------------------------------------------------------------ sums

    def _u16(self, at: int) -> int:
        return int.from_bytes(self.before[at : at + 2])

    def _change(self, at: int, length: int) -> int:
        return change(self.before[at : at + length], bytes(self.octets[at : at + length]))

    def follow(self, at: int, added: int) -> None:
        if added not in (0, 0xFFFF):
            pack_into(">H", self.octets, at, adjusted(self._u16(at), added))


def change_sum(*parts: int) -> int:
    total = sum(parts)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pieces_of(frames: Iterator[tuple[bytes, Place]]) -> bytes:
    """The IP payload of one datagram out of all frames that carry part of it; holes are zero."""
    whole = bytearray()
    for octets, place in frames:
        stop = place.offset + place.end - place.payload_at
        whole.extend(bytes(max(stop - len(whole), 0)))
        whole[place.offset : stop] = octets[place.payload_at : place.end]
    return bytes(whole)
