"""Fragments of a tunnel's outer packets, put together so that the packet inside can be dissected."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import ip_address
from struct import pack

from app.core.fragmentation.reassembly import MAX_DATAGRAM_BYTES, TIMEOUT_NS, contiguous_payload, find_holes
from app.core.parsers.ip_headers import UDP, RawFrame
from app.core.parsers.packets import TUNNEL_PROTOCOLS, is_tunnel
from app.core.records import Packet

GROUPS_KEPT = 2_000

Key = tuple[int, str, str, int, int | None]


class OuterPieces:
    """`add` every fragment; where one makes a tunnel's outer packet whole, out comes that packet as a frame of raw IP
    which bears the number and time of the frame that completed it."""

    def __init__(self) -> None:
        self._groups: OrderedDict[Key, list[Packet]] = OrderedDict()
        self.completed = 0

    def add(self, packet: Packet) -> RawFrame | None:
        if not packet.is_fragment or (packet.protocol not in TUNNEL_PROTOCOLS and packet.protocol != UDP):
            return None
        key = (packet.ip_version, packet.source_ip, packet.destination_ip, packet.protocol, packet.identification)
        if packet.offset_bytes == 0 and not is_tunnel(packet):
            self._groups.pop(key, None)
            return None
        pieces = self._groups.pop(key, [])
        if pieces and packet.time_ns - pieces[0].time_ns > TIMEOUT_NS:
            pieces = []
        pieces.append(packet)
        self._groups[key] = pieces  # at the end: the newest
        if len(self._groups) > GROUPS_KEPT:
            self._groups.popitem(last=False)
        return self._complete(key, pieces, packet) if len(pieces) > 1 else None

    def _complete(self, key: Key, pieces: list[Packet], last: Packet) -> RawFrame | None:
        total = next((piece.end_bytes for piece in pieces if not piece.more), None)
        ordered = sorted(pieces, key=lambda piece: piece.offset_bytes)
        if total is None or total > MAX_DATAGRAM_BYTES or not is_tunnel(ordered[0]):
            return None
        if find_holes(((piece.offset_bytes, piece.end_bytes) for piece in ordered), total):
            return None
        payload = contiguous_payload(ordered)[:total]
        if len(payload) < total:  # cut frames
            return None
        del self._groups[key]
        self.completed += 1
        octets = _header(last, total) + payload
        return RawFrame(last.frame, last.time_ns, last.interface, octets, len(octets), within=last)


def _header(piece: Packet, total: int) -> bytes:
    addresses = ip_address(piece.source_ip).packed + ip_address(piece.destination_ip).packed
    if piece.ip_version == 6:
        return pack(">IHBB", 6 << 28, total & 0xFFFF, piece.protocol, piece.ttl) + addresses
    ident = piece.identification or 0
    return pack(">BBHHHBBH", 0x45, 0, min(20 + total, 0xFFFF), ident, 0, piece.ttl, piece.protocol, 0) + addresses
