"""What one capture saw of one datagram, in the shape that matching works on.

An `Observation` gathers the twins of a datagram within one capture: a mirror of both sides of a router shows every
frame twice, with another TTL, VLAN tag or MAC address. That is one point seeing it twice, not two datagrams.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product
from operator import attrgetter

from app.core.fragmentation.byte_ranges import Range, pieces
from app.core.records import Datagram, Packet

UDP = 17
UDP_HEADER_BYTES = 8
# Copies of one frame leave a mirror within milliseconds; a second bears a congested mirror port, and is far less than
# any retransmission by the client.
TWIN_NS = 1_000_000_000
# Without an identification only the payload tells datagrams apart, and a payload may be sent again.
NAMELESS_TWIN_NS = 20_000_000
# A capture on a translating device itself sees both sides within this time.
BOTH_SIDES_NS = 50_000_000
CONTRADICTION = -1
Name = tuple[str, str, int | None]  # source and destination address, identification

Flow = tuple[str, str, tuple[int, int] | None]  # addresses, and ports where they were seen


class Observation:
    """One datagram at one capture. `capture` is the index of the capture; `name` is by what its sender tells it from
    others; `packets` are all its pieces there; `is_single` where each was seen once."""

    __slots__ = (
        "capture", "datagrams", "destination_ip", "frame", "head", "identification", "is_ead", "is_fragmented",
        "is_single", "name", "packets", "ports", "ranges", "source_ip", "time_ns", "total", "udp_length",
    )  # fmt: skip

    def __init__(self, capture: int, datagram: Datagram, ports: frozenset[int]) -> None:
        packets = datagram.packets
        lead = packets[0]
        start = lead.offset_bytes
        self.capture = capture
        self.datagrams: tuple[Datagram, ...] = (datagram,)
        self.packets = packets
        self.frame = lead.frame
        self.source_ip = source_ip = lead.source_ip
        self.destination_ip = destination_ip = lead.destination_ip
        self.identification = identification = lead.identification
        self.name: Name = (source_ip, destination_ip, identification)
        self.total = datagram.total_bytes
        self.time_ns = lead.time_ns
        if len(packets) == 1:
            self.ranges = _one_range(start, start + lead.length_bytes)
            self.is_fragmented = lead.more or start > 0
            self.is_single = not datagram.duplicates
        else:
            self.time_ns = min([packet.time_ns for packet in packets])
            self.ranges = _one_layout(pieces(packets))
            self.is_fragmented = True
            self.is_single = len(packets) == len(self.ranges) and not datagram.duplicates
        self.head: Packet | None = None
        self.ports: tuple[int, int] | None = None
        self.udp_length: int | None = None
        self.is_ead = datagram.message is not None
        if start == 0:
            self.head = lead
            self.udp_length = lead.udp_length
            source, destination = lead.source_port, lead.destination_port
            if source is not None and destination is not None:
                self.ports = (source, destination)
                self.is_ead = self.is_ead or source in ports or destination in ports

    @property
    def ip_version(self) -> int:
        return self.packets[0].ip_version

    @property
    def is_named(self) -> bool:
        """Whether the identification tells it apart: IPv6 packets that are whole have none, and 0 is sent many times
        by hosts that set don't-fragment (RFC 6864)."""
        return bool(self.identification)

    @property
    def flow(self) -> Flow:
        return self.source_ip, self.destination_ip, self.ports

    @property
    def size(self) -> int | None:
        return self.total if self.total is not None else self.udp_length

    def absorb(self, twin: Observation) -> None:
        """Take in the same datagram seen again by the same capture."""
        self.datagrams += twin.datagrams
        self.is_single = False
        merged = sorted((*self.packets, *twin.packets), key=lambda packet: (packet.offset_bytes, packet.time_ns))
        self.packets = tuple(merged)
        self.ranges = pieces(merged)
        self.is_fragmented = self.is_fragmented or twin.is_fragmented
        self.time_ns = min(self.time_ns, twin.time_ns)
        self.is_ead = self.is_ead or twin.is_ead
        self.total = self.total if self.total is not None else twin.total
        if twin.head is not None and (self.head is None or twin.head.time_ns < self.head.time_ns):
            self.head = twin.head
            self.udp_length = twin.udp_length if twin.udp_length is not None else self.udp_length
            self.ports = twin.ports or self.ports


@lru_cache(maxsize=4096)
def _one_range(start: int, end: int) -> tuple[Range, ...]:
    """One object for equal ranges: most datagrams have a size that many have."""
    return ((start, end),)


@lru_cache(maxsize=4096)
def _one_layout(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    return ranges


def is_relevant(datagram: Datagram, ports: frozenset[int]) -> bool:
    """UDP, and EAD or able to become EAD once matched: any fragment may belong to a first fragment seen elsewhere."""
    lead = datagram.packets[0]
    if lead.protocol != UDP:
        return False
    return (
        lead.destination_port in ports
        or lead.source_port in ports
        or lead.more
        or lead.offset_bytes > 0
        or len(datagram.packets) > 1
        or datagram.message is not None
    )


def observe(capture: int, datagrams: Iterable[Datagram], ports: frozenset[int]) -> list[Observation]:
    """Observations of one capture, twins joined, in time order."""
    found = [Observation(capture, one, ports) for one in datagrams if one.packets and is_relevant(one, ports)]
    keys = _twin_keys(found)
    result = found if len(set(keys)) == len(found) else _without_twins(keys, found)
    result.sort(key=attrgetter("time_ns"))
    return result


def _without_twins(keys: Iterable[object], found: Iterable[Observation]) -> list[Observation]:
    firsts: dict[object, Observation] = {}
    again: dict[object, list[Observation]] = {}  # keys that came more than once: few
    for key, seen in zip(keys, found, strict=True):
        first = firsts.setdefault(key, seen)
        if first is not seen:
            again.setdefault(key, [first]).append(seen)
    for key in again:
        del firsts[key]
    result = list(firsts.values())
    for bucket in again.values():
        result.extend(_join_twins(bucket))
    return result


def _twin_keys(found: Sequence[Observation]) -> list[object]:
    """What twins have in common."""
    return [seen.name if seen.identification else _by_content(seen) for seen in found]


def _by_content(seen: Observation) -> object:
    return (seen.source_ip, seen.destination_ip, seen.ports, seen.udp_length, payload_prefix(seen, 64))


def _join_twins(bucket: Sequence[Observation]) -> list[Observation]:
    kept: list[Observation] = []
    open_from = 0
    for seen in sorted(bucket, key=lambda item: item.time_ns):
        window = TWIN_NS if seen.is_named else NAMELESS_TWIN_NS
        while open_from < len(kept) and seen.time_ns - kept[open_from].time_ns > window:
            open_from += 1
        twin = next((old for old in kept[open_from:] if compare(old, seen) != CONTRADICTION), None)
        if twin is None:
            kept.append(seen)
        else:
            twin.absorb(seen)
    return kept


def is_both_sides(one: Observation, other: Observation) -> bool:
    """Whether one capture, on the translating device itself, may have seen a datagram before and after it."""
    is_routed = one.packets[0].ttl != other.packets[0].ttl
    return is_routed and abs(one.time_ns - other.time_ns) <= BOTH_SIDES_NS


def payload_prefix(seen: Observation, length: int) -> bytes:
    """The first bytes after the UDP header, as far as captured."""
    if seen.head is None:
        return b""
    return seen.head.payload[UDP_HEADER_BYTES : UDP_HEADER_BYTES + length]


def compare(one: Observation, other: Observation, is_translated: bool = False) -> int:
    """How many payload bytes both captured and agree on, or CONTRADICTION where they cannot be the same datagram.

    The UDP checksum is left out (a sender with checksum offload shows a wrong one); ports too where `is_translated`.
    """
    mine, theirs = one.total, other.total
    if mine != theirs:
        if mine is not None and theirs is not None:
            return CONTRADICTION
        if _reaches_beyond(one, other) or _reaches_beyond(other, one):
            return CONTRADICTION
    mine, theirs = one.udp_length, other.udp_length
    if mine != theirs and mine is not None and theirs is not None:
        return CONTRADICTION
    if not is_translated and one.ports != other.ports and one.ports is not None and other.ports is not None:
        return CONTRADICTION
    lefts, rights = one.packets, other.packets
    pairs: Iterable[tuple[Packet, Packet]]
    if one.ranges == other.ranges and len(lefts) == len(rights):
        if len(lefts) == 1:
            return _compare_pieces(lefts[0], rights[0])
        pairs = zip(lefts, rights, strict=True)
    else:
        pairs = product(lefts, rights)
    agreed = 0
    for left, right in pairs:
        same = _compare_pieces(left, right)
        if same == CONTRADICTION:
            return CONTRADICTION
        agreed += same
    return agreed


def _reaches_beyond(one: Observation, other: Observation) -> bool:
    """Whether a piece of `one` lies past the end that `other` knows."""
    return one.total is None and other.total is not None and one.packets[-1].end_bytes > other.total


def _compare_pieces(left: Packet, right: Packet) -> int:
    mine, theirs = left.payload, right.payload
    start = left.offset_bytes
    if start == right.offset_bytes:
        skip = 0 if start else UDP_HEADER_BYTES
        end = len(mine)
        if mine != theirs:
            end = min(end, len(theirs))
            if mine[skip:end] != theirs[skip:end]:
                return CONTRADICTION
        return end - skip if end > skip else 0
    start = max(left.offset_bytes, right.offset_bytes, UDP_HEADER_BYTES)
    end = min(left.offset_bytes + len(mine), right.offset_bytes + len(theirs))
    if start >= end:
        return 0
    mine = mine[start - left.offset_bytes : end - left.offset_bytes]
    theirs = theirs[start - right.offset_bytes : end - right.offset_bytes]
    return end - start if mine == theirs else CONTRADICTION
