"""Keeps the packets of one capture within bounds, whatever the capture holds.

Fragments of other programs matter as witnesses (drops, clocks, equal identifications) but not by the hundred thousand:
beyond a budget, whole datagrams of hosts that do not speak EAD are let go, then the oldest of their incomplete ones
and of their ICMP errors, and payloads are shortened.
"""

from __future__ import annotations

from operator import attrgetter

from app.core.fragmentation.reassembly import TIMEOUT_NS, gather_pieces
from app.core.parsers.packets import is_ead, without_payload
from app.core.records import Packet, Text

PACKETS = 8_000
PAYLOAD_BYTES = 6 * 1024 * 1024
FOREIGN_PAYLOAD_BYTES = 64
FOREIGN_PACKETS = 20_000  # of incomplete datagrams and ICMP errors between other hosts


class Retention:
    def __init__(self, ports: frozenset[int]) -> None:
        self._ports = ports
        self._packets: list[Packet] = []
        self._pairs: set[tuple[str, str]] = set()
        self._payload = 0
        self._next_look = PACKETS
        self._next_bytes = PAYLOAD_BYTES
        self.let_go = 0

    def add(self, packet: Packet) -> None:
        self._packets.append(packet)
        self._payload += len(packet.payload)
        if packet.source_port is not None and is_ead(packet, self._ports):
            self._pairs.add(_pair(packet))
        if len(self._packets) >= self._next_look or self._payload >= self._next_bytes:
            self._thin_out()

    def packets(self) -> tuple[Packet, ...]:
        """In order of their frames."""
        return tuple(sorted(self._packets, key=attrgetter("frame", "offset_bytes")))

    @property
    def note(self) -> Text | None:
        if not self.let_go:
            return None
        return Text(
            f"{self.let_go} packets between other hosts (fragments, ICMP errors) were read but not kept",
            f"其他主机之间的 {self.let_go} 个报文（分片、ICMP 差错）已读取但未保留",
        )

    def _is_ours(self, packet: Packet) -> bool:
        quote = packet.quote
        if quote is not None and _sorted(quote.source_ip, quote.destination_ip) in self._pairs:
            return True
        return _pair(packet) in self._pairs

    def _thin_out(self) -> None:
        newest = max(packet.time_ns for packet in self._packets)
        ours: list[Packet] = []
        foreign: list[Packet] = []
        errors: list[Packet] = []
        for packet in self._packets:
            (ours if self._is_ours(packet) else foreign if packet.quote is None else errors).append(packet)
        left = errors
        for group in gather_pieces(foreign):
            if newest - group.high_ns > TIMEOUT_NS // 15 and not group.holes:
                self.let_go += len(group.pieces) + len(group.duplicates)
            else:
                left += group.pieces
                left += group.duplicates
        left.sort(key=attrgetter("frame"))
        surplus = max(len(left) - FOREIGN_PACKETS, 0)
        self.let_go += surplus
        self._packets = sorted((*ours, *left[surplus:]), key=attrgetter("frame"))
        self._payload = sum(len(packet.payload) for packet in self._packets)
        if self._payload > PAYLOAD_BYTES // 2:
            self._packets = [
                p if self._is_ours(p) else without_payload(p, FOREIGN_PAYLOAD_BYTES) for p in self._packets
            ]
            self._payload = sum(len(packet.payload) for packet in self._packets)
        self._next_look = len(self._packets) + PACKETS
        self._next_bytes = self._payload + PAYLOAD_BYTES


def _pair(packet: Packet) -> tuple[str, str]:
    return _sorted(packet.source_ip, packet.destination_ip)


def _sorted(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
