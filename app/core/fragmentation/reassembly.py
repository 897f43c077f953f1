"""Fragments → datagrams, as one capture saw them; holes are kept.

Groups by (IP version, addresses, protocol, identification) like a receiving host, and starts a new group where a piece
cannot belong to the open one: it comes too late, or contradicts it. An identification is 16 bits long and wraps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from operator import attrgetter

from app.core import anomalies
from app.core.ead_wire import read_message
from app.core.fragmentation.checksum import is_udp_checksum_wrong
from app.core.records import NS, Datagram, Packet, WireMessage

TIMEOUT_NS = 30 * NS  # Linux gives up 30 s after the first piece (60 s in IPv6)
ADJACENT_NS = (
    2 * NS
)  # pieces of one datagram follow each other; what comes later may be another with its identification
BURST_NS = NS // 10  # and leave together: what comes later must have the length that the first one says
DUPLICATE_NS = 2 * NS  # a mirror repeats at once; a client sends again after 5 s
WHOLE_DUPLICATE_NS = NS
UNNAMED_DUPLICATE_NS = NS // 10  # without an identification only the content speaks for a mirrored frame
TINY_BYTES = 400
MAX_DATAGRAM_BYTES = 65_535
UDP = 17

Key = tuple[int, str, str, int, int | None]


@dataclass(slots=True)
class Group:
    """Pieces of one datagram while they come in."""

    low_ns: int
    high_ns: int
    pieces: list[Packet] = field(default_factory=list)
    duplicates: list[Packet] = field(default_factory=list)
    _by_range: dict[tuple[int, int, bool], Packet] = field(default_factory=dict)
    _by_offset: dict[int, Packet] = field(default_factory=dict)
    _end_bytes: int | None = None  # known from the piece without more-fragments
    _reached_bytes: int = 0

    def accepts(self, packet: Packet) -> bool:
        """Whether the packet can be a piece, or a repetition of a piece, of this datagram."""
        late_ns = max(self.low_ns - packet.time_ns, packet.time_ns - self.high_ns)
        if late_ns > ADJACENT_NS or (late_ns > BURST_NS and not self._may_come_late(packet)):
            return False
        return abs(packet.time_ns - self.low_ns) <= TIMEOUT_NS and self.agrees(packet)

    def agrees(self, packet: Packet) -> bool:
        """Whether nothing in the pieces so far contradicts it."""
        end = packet.end_bytes
        if self._end_bytes is not None and (end > self._end_bytes or (not packet.more and end != self._end_bytes)):
            return False
        if not packet.more and self._reached_bytes > end:
            return False
        twin = self._by_range.get(_range(packet))
        if twin is not None:
            return abs(packet.time_ns - twin.time_ns) <= DUPLICATE_NS and same_bytes(twin, packet)
        same_start = self._by_offset.get(packet.offset_bytes)
        return same_start is None or same_bytes(same_start, packet)

    def _may_come_late(self, packet: Packet) -> bool:
        """Whether the length that the first piece says speaks for it: without one, the identification may have come
        round."""
        first = self._by_offset.get(0)
        if first is None:
            return False
        end = self._end_bytes if packet.more else packet.end_bytes
        length = first.udp_length
        return not length or (length >= max(self._reached_bytes, packet.end_bytes) and end in (None, length))

    @property
    def holes(self) -> tuple[tuple[int, int | None], ...]:
        return find_holes(((piece.offset_bytes, piece.end_bytes) for piece in self.pieces), self._end_bytes)

    def add(self, packet: Packet) -> None:
        if self._by_range.setdefault(_range(packet), packet) is not packet:
            self.duplicates.append(packet)
            return
        self.pieces.append(packet)
        self.low_ns, self.high_ns = min(self.low_ns, packet.time_ns), max(self.high_ns, packet.time_ns)
        self._by_offset.setdefault(packet.offset_bytes, packet)
        self._reached_bytes = max(self._reached_bytes, packet.end_bytes)
        if not packet.more:
            self._end_bytes = packet.end_bytes


def reassemble(packets: Iterable[Packet]) -> tuple[Datagram, ...]:
    """The datagrams of one capture, in order of their first frame; the order of `packets` does not matter."""
    datagrams = [build_datagram(group.pieces, group.duplicates) for group in gather_pieces(packets)]
    return tuple(sorted(datagrams, key=lambda datagram: min(packet.frame for packet in datagram.packets)))


def gather_pieces(packets: Iterable[Packet]) -> list[Group]:
    """What belongs together, without a look at what it says."""
    open_groups: dict[Key, list[Group]] = {}
    whole: dict[Key, list[Group]] = {}
    groups: list[Group] = []
    for packet in sorted(packets, key=attrgetter("frame", "offset_bytes", "time_ns")):
        if packet.quote is not None:
            continue
        mine = (open_groups if packet.is_fragment else whole).setdefault(_key(packet), [])
        fits = Group.accepts if packet.is_fragment else _repeats
        group = next((group for group in reversed(mine) if fits(group, packet)), None)
        if group is None:
            group = Group(packet.time_ns, packet.time_ns)
            mine.append(group)
            groups.append(group)
            del mine[:-8]  # older ones are out of time or out of reach
        group.add(packet)
    return _join_late(groups)


def _join_late(groups: Sequence[Group]) -> list[Group]:
    """Two incomplete groups of one identification that complement each other are one datagram with a delayed piece."""
    partial: dict[Key, list[Group]] = {}
    joined: set[int] = set()
    for group in groups:
        if not group.pieces[0].is_fragment or not group.holes:
            continue
        waiting = partial.setdefault(_key(group.pieces[0]), [])
        other = next((other for other in waiting if _complement(other, group)), None)
        if other is None:
            waiting.append(group)
            del waiting[:-8]
            continue
        waiting.remove(other)
        joined.add(id(group))
        for packet in (*group.pieces, *group.duplicates):
            other.add(packet)
    return [group for group in groups if id(group) not in joined]


def _complement(early: Group, late: Group) -> bool:
    if late.high_ns - early.low_ns > TIMEOUT_NS or not all(map(early.agrees, late.pieces)):
        return False
    together = build_datagram([*early.pieces, *late.pieces])
    wrong = {anomalies.OVERLAP, anomalies.OVERLAP_CONFLICT, anomalies.BAD_UDP_LENGTH, anomalies.BAD_UDP_CHECKSUM}
    return together.is_complete and not wrong & set(together.anomalies)


def build_datagram(pieces: Sequence[Packet], duplicates: Sequence[Packet] = ()) -> Datagram:
    """One datagram out of its pieces (in order of capture) and their repetitions."""
    ordered = tuple(sorted(pieces, key=attrgetter("offset_bytes", "length_bytes", "frame")))
    ends = [piece.end_bytes for piece in ordered if not piece.more]
    total = max(ends) if ends else None
    holes = find_holes(((piece.offset_bytes, piece.end_bytes) for piece in ordered), total)
    datagram = Datagram(ordered[0].source, ordered, tuple(duplicates), total, holes)
    return replace(
        datagram,
        anomalies=tuple(_anomalies(datagram, pieces)),
        message=_message(datagram),
    )


def find_holes(ranges: Iterable[tuple[int, int]], total: int | None) -> tuple[tuple[int, int | None], ...]:
    """Byte ranges of [0, total) that no range covers; the last one is open-ended where the total is unknown."""
    holes: list[tuple[int, int | None]] = []
    reached = 0
    for start, end in sorted(ranges):
        if start > reached:
            holes.append((reached, start))
        reached = max(reached, end)
    if total is None:
        holes.append((reached, None))
    elif reached < total:
        holes.append((reached, total))
    return tuple(holes)


def contiguous_payload(pieces: Sequence[Packet]) -> bytes:
    """The payload from offset 0 as far as captured pieces (sorted by offset) reach without a gap."""
    joined = bytearray()
    for piece in pieces:
        if piece.offset_bytes > len(joined):
            break
        joined += piece.payload[len(joined) - piece.offset_bytes :]
        if len(piece.payload) < piece.length_bytes and len(joined) < piece.end_bytes:
            break
    return bytes(joined)


def same_bytes(left: Packet, right: Packet) -> bool:
    """Whether two pieces agree wherever both were captured."""
    start = max(left.offset_bytes, right.offset_bytes)
    end = min(left.offset_bytes + len(left.payload), right.offset_bytes + len(right.payload))
    if end <= start:
        return True
    mine = left.payload[start - left.offset_bytes : end - left.offset_bytes]
    return mine == right.payload[start - right.offset_bytes : end - right.offset_bytes]


def _key(packet: Packet) -> Key:
    return (packet.ip_version, packet.source_ip, packet.destination_ip, packet.protocol, packet.identification)


def _range(packet: Packet) -> tuple[int, int, bool]:
    return (packet.offset_bytes, packet.length_bytes, packet.more)


def _repeats(group: Group, packet: Packet) -> bool:
    """Whether an unfragmented datagram is the one of the group, seen again by a mirror."""
    first = group.pieces[0]
    window = WHOLE_DUPLICATE_NS if packet.identification else UNNAMED_DUPLICATE_NS
    return (
        abs(packet.time_ns - first.time_ns) <= window
        and first.length_bytes == packet.length_bytes
        and (first.source_port, first.destination_port) == (packet.source_port, packet.destination_port)
        and first.payload[: len(packet.payload)] == packet.payload[: len(first.payload)]
    )


def _anomalies(datagram: Datagram, arrival: Sequence[Packet]) -> Iterator[str]:
    pieces = datagram.packets
    if datagram.duplicates:
        yield anomalies.DUPLICATE
    if datagram.is_fragmented:
        yield from piece_anomalies(pieces, arrival, datagram.total_bytes)
        if datagram.holes:
            yield anomalies.HOLE
    if any(piece.has_fragment_header and not piece.is_fragment for piece in pieces):
        yield anomalies.ATOMIC_FRAGMENT
    if any(piece.is_cut for piece in pieces):
        yield anomalies.CUT
    if pieces[0].protocol == UDP and datagram.is_complete:
        yield from _udp_anomalies(datagram)


def piece_anomalies(pieces: Sequence[Packet], arrival: Sequence[Packet], total: int | None) -> Iterator[str]:
    """What is odd about distinct pieces sorted by offset; `arrival` are the same in order of capture."""
    overlaps = [same_bytes(left, right) for left, right in pairwise(pieces) if right.offset_bytes < left.end_bytes]
    if any(overlaps):
        yield anomalies.OVERLAP
    if not all(overlaps):
        yield anomalies.OVERLAP_CONFLICT
    if any(piece.more and piece.length_bytes < TINY_BYTES for piece in pieces):
        yield anomalies.TINY_FRAGMENT
    if any(piece.more and piece.length_bytes % 8 for piece in pieces):
        yield anomalies.ODD_LENGTH
    if any(piece.length_bytes == 0 for piece in pieces):
        yield anomalies.ZERO_LENGTH
    if any(piece.end_bytes > MAX_DATAGRAM_BYTES for piece in pieces):
        yield anomalies.TOO_LONG
    offsets = [piece.offset_bytes for piece in arrival]
    if offsets != sorted(offsets):
        yield anomalies.OUT_OF_ORDER
    ends = {piece.end_bytes for piece in pieces if not piece.more}
    if len(ends) > 1:
        yield anomalies.TWO_ENDS
    if total is not None and any(piece.more and piece.end_bytes > total for piece in pieces):
        yield anomalies.BEYOND_END


def _udp_anomalies(datagram: Datagram) -> Iterator[str]:
    first = datagram.packets[0]
    if first.udp_length is None:
        return
    if first.udp_length != datagram.total_bytes and not (first.udp_length == 0 and first.ip_version == 6):
        yield anomalies.BAD_UDP_LENGTH
        return
    payload = contiguous_payload(datagram.packets)
    if len(payload) == datagram.total_bytes and is_udp_checksum_wrong(first.source_ip, first.destination_ip, payload):
        yield anomalies.BAD_UDP_CHECKSUM


def _message(datagram: Datagram) -> WireMessage | None:
    first = datagram.first
    if first is None or first.protocol != UDP:
        return None
    payload = contiguous_payload(datagram.packets)
    if len(payload) <= 8:
        return None
    total = first.udp_length - 8 if first.udp_length and first.udp_length > 8 else None
    if total is None and datagram.total_bytes is not None:
        total = datagram.total_bytes - 8
    return read_message(payload[8:], total if total is not None else 65_535)
