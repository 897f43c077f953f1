"""Remote mirrors: a frame or packet inside GRE, ERSPAN or VXLAN, from a switch to the host that records it."""

from __future__ import annotations

import struct
from typing import Literal

from app.demo.frames import GRE, UDP, IpPacket, udp

Tunnel = Literal["gre", "erspan", "vxlan"]
SOURCE, SINK = "192.168.77.1", "192.168.77.2"
ERSPAN_SESSION, VXLAN_NETWORK = 100, 5001


def encapsulate(tunnel: Tunnel, packet: IpPacket, frame: bytes, sequence: int) -> IpPacket:
    """The outer packet; GRE carries the IP packet alone, the others the whole frame. `sequence` counts from 1."""
    if tunnel == "gre":
        ethertype = 0x86DD if packet.version == 6 else 0x0800
        return _outer(GRE, struct.pack("!HH", 0, ethertype) + packet.to_bytes(), sequence)
    if tunnel == "erspan":
        head = struct.pack("!HHI", 0x1000, 0x88BE, sequence)
        return _outer(GRE, head + struct.pack("!HHI", 0x1000, ERSPAN_SESSION, 0) + frame, sequence)
    inside = struct.pack("!II", 0x0800_0000, VXLAN_NETWORK << 8) + frame
    return _outer(UDP, udp(SOURCE, 49_152 + sequence % 1_000, SINK, 4789, inside), sequence)


def _outer(protocol: int, payload: bytes, sequence: int) -> IpPacket:
    return IpPacket(SOURCE, SINK, protocol, payload, sequence & 0xFFFF, ttl=64)
