"""Keeps the packets of one capture within bounds, whatever the capture holds.

Fragments of other programs matter as witnesses (drops, clocks, equal identifications) but not by the hundred thousand:
beyond a budget, whole datagrams of hosts that do not speak EAD are let go, oldest first, and payloads are shortened.
"""

from __future__ import annotations

from operator import attrgetter

from app.core.fragmentation.reassembly import TIMEOUT_NS, reassemble
from app.core.parsers.packets import is_ead, without_payload
from app.core.records import Packet, Text

PACKETS = 20_000
PAYLOAD_BYTES = 24 * 1024 * 1024
FOREIGN_PAYLOAD_BYTES = 64


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
            f"{self.let_go} fragments of complete datagrams between other hosts were read but not kept",
            f"其他主机之间完整报文的 {self.let_go} 个分片已读取但未保留",
        )

    def _is_ours(self, packet: Packet) -> bool:
        return packet.quote is not None or _pair(packet) in self._pairs

    def _thin_out(self) -> None:
        newest = max(packet.time_ns for packet in self._packets)
        ours: list[Packet] = []
        foreign: list[Packet] = []
        for packet in self._packets:
            (ours if self._is_ours(packet) else foreign).append(packet)
        for datagram in reassemble(foreign):
            pieces = (*datagram.packets, *datagram.duplicates)
            if datagram.is_complete and newest - pieces[-1].time_ns > TIMEOUT_NS // 15:
                self.let_go += len(pieces)
            else:
                ours.extend(pieces)
        self._packets = sorted(ours, key=lambda packet: packet.frame)
        self._payload = sum(len(packet.payload) for packet in self._packets)
        if self._payload > PAYLOAD_BYTES // 2:
            self._packets = [
                p if self._is_ours(p) else without_payload(p, FOREIGN_PAYLOAD_BYTES) for p in self._packets
            ]
            self._payload = sum(len(packet.payload) for packet in self._packets)
        self._next_look = len(self._packets) + PACKETS
        self._next_bytes = self._payload + PAYLOAD_BYTES


def _pair(packet: Packet) -> tuple[str, str]:
    source, destination = packet.source_ip, packet.destination_ip
    return (source, destination) if source < destination else (destination, source)
