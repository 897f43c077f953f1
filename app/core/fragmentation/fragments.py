"""Every fragmented datagram of a capture, put together exactly like tshark does it, for people to look at.

`reassembly` works like a host; here the claim is another: the same fragments and the same set of datagrams that
reassemble as in Wireshark, whatever the protocol. So there is no timeout, only frames captured in full count, and a
datagram is closed by the piece that completes it; what comes later under the same identification begins a new one.
Where that differs from what a host would do, an anomaly says so.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from app.core import anomalies
from app.core.fragmentation.coverage import Coverage
from app.core.fragmentation.reassembly import TIMEOUT_NS, find_holes, piece_anomalies, same_bytes
from app.core.parsers.packets import without_payload
from app.core.records import Packet

OPEN_WITH_PAYLOAD = 4_000
DONE_REMEMBERED = 20_000
# tshark tells VLANs apart where addresses may be used twice.
LOCAL_NETWORKS = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")))

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    frame: int
    offset: int
    length: int
    more: bool


@dataclass(frozen=True, slots=True)
class FragmentedDatagram:
    """`reassembled_in` is the frame that completes it, None where it stays incomplete."""

    file: str
    source: str
    destination: str
    protocol: int
    identification: int
    ip_version: int
    fragments: tuple[Piece, ...]  # by offset
    complete: bool
    reassembled_in: int | None
    anomalies: tuple[str, ...]
    tunnels: tuple[str, ...] = ()
    vlans: tuple[int, ...] = ()
    time_ns: int = 0


@dataclass(slots=True)
class _Open:
    pieces: list[Packet] = field(default_factory=list)
    has_payload: bool = True
    coverage: Coverage = field(default_factory=Coverage)
    end_bytes: int | None = None  # by the first last piece

    def add(self, packet: Packet) -> bool:
        """Whether the piece completes the datagram."""
        self.pieces.append(packet)
        if packet.is_cut or not packet.length_bytes:
            return False
        self.coverage.add(packet.offset_bytes, packet.end_bytes)
        if not packet.more and self.end_bytes is None:
            self.end_bytes = packet.end_bytes
        return self.end_bytes is not None and self.coverage.reaches(self.end_bytes)


class FragmentBook:
    """`add` the fragments of one capture in order of their frames; `finish` gives the datagrams."""

    def __init__(self) -> None:
        self._open: OrderedDict[Key, _Open] = OrderedDict()
        self._done: OrderedDict[Key, tuple[int, frozenset[tuple[int, int]]]] = OrderedDict()
        self._closed: list[FragmentedDatagram] = []

    def add(self, packet: Packet) -> None:
        key = _key(packet)
        group = self._open.setdefault(key, _Open())
        if group.add(packet):
            del self._open[key]
            self._close(key, group, packet.frame)
        elif len(self._open) > OPEN_WITH_PAYLOAD:
            self._forget_payload()

    def finish(self) -> tuple[FragmentedDatagram, ...]:
        """All datagrams, in order of their first frame."""
        while self._open:
            key, group = self._open.popitem(last=False)
            self._close(key, group, None)
        return tuple(sorted(self._closed, key=lambda datagram: min(piece.frame for piece in datagram.fragments)))

    def _close(self, key: Key, group: _Open, reassembled_in: int | None) -> None:
        pieces = sorted(group.pieces, key=lambda piece: (piece.offset_bytes, piece.length_bytes, piece.frame))
        first = pieces[0]
        ranges = frozenset((piece.offset_bytes, piece.end_bytes) for piece in pieces)
        names = list(dict.fromkeys(_anomalies(pieces, group.pieces, reassembled_in is not None)))
        done_ns, done_ranges = self._done.get(key, (0, frozenset()))
        if anomalies.DUPLICATE not in names and ranges <= done_ranges and first.time_ns - done_ns <= TIMEOUT_NS:
            names.insert(0, anomalies.DUPLICATE)
        if reassembled_in is not None:
            self._done[key] = (first.time_ns, ranges)
            if len(self._done) > DONE_REMEMBERED:
                self._done.popitem(last=False)
        self._closed.append(
            FragmentedDatagram(
                file=first.source,
                source=first.source_ip,
                destination=first.destination_ip,
                protocol=first.protocol,
                identification=first.identification or 0,
                ip_version=first.ip_version,
                fragments=tuple(Piece(p.frame, p.offset_bytes, p.length_bytes, p.more) for p in pieces),
                complete=reassembled_in is not None,
                reassembled_in=reassembled_in,
                anomalies=tuple(names),
                tunnels=first.tunnels,
                vlans=first.vlans,
                time_ns=min(piece.time_ns for piece in pieces),
            )
        )

    def _forget_payload(self) -> None:
        """Pieces that wait for long keep their place, not their bytes."""
        for group in self._open.values():
            if group.has_payload:
                group.pieces = [without_payload(piece, 0) for piece in group.pieces]
                group.has_payload = False
                return


def list_fragments(packets: Iterable[Packet]) -> tuple[FragmentedDatagram, ...]:
    """The fragmented datagrams among the packets of one capture (in order of their frames)."""
    book = FragmentBook()
    for packet in packets:
        if packet.is_fragment:
            book.add(packet)
    return book.finish()


def _key(packet: Packet) -> Key:
    if packet.ip_version == 6:
        return (6, packet.source_ip, packet.destination_ip, packet.identification)
    local = _is_local(packet.source_ip) or _is_local(packet.destination_ip)
    vlan = packet.vlans[-1] if packet.vlans and local else None
    return (4, packet.source_ip, packet.destination_ip, packet.protocol, packet.identification, vlan)


def _is_local(address: str) -> bool:
    parsed = ip_address(address)
    return any(parsed in network for network in LOCAL_NETWORKS)


def _anomalies(pieces: Sequence[Packet], arrival: Sequence[Packet], is_complete: bool) -> Iterator[str]:
    distinct: list[Packet] = []
    for piece in pieces:
        twin = distinct[-1] if distinct else None
        if (
            twin
            and (twin.offset_bytes, twin.end_bytes) == (piece.offset_bytes, piece.end_bytes)
            and same_bytes(twin, piece)
        ):
            yield anomalies.DUPLICATE
        else:
            distinct.append(piece)
    kept = set(map(id, distinct))
    order = [piece for piece in arrival if id(piece) in kept]
    ends = [piece.end_bytes for piece in distinct if not piece.more]
    yield from piece_anomalies(distinct, order, max(ends) if ends else None)
    if any(piece.is_cut for piece in pieces):
        yield anomalies.CUT
    times = [piece.time_ns for piece in pieces]
    if max(times) - min(times) > TIMEOUT_NS:
        yield anomalies.LATE_PIECE
    if not is_complete and find_holes(((p.offset_bytes, p.end_bytes) for p in distinct), max(ends) if ends else None):
        yield anomalies.HOLE
