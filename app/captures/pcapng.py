"""The parts of a pcapng that tshark is given: a section, interfaces, enhanced packets."""

from __future__ import annotations

from struct import Struct, pack

from app.core.parsers.ip_headers import RawFrame

SECTION = pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
_PACKET, _TOTAL = Struct("<IIIIIII"), Struct("<I")
_PADDING = (b"", b"\0", b"\0\0", b"\0\0\0")


def interface_block(link_type: int) -> bytes:
    """An interface description with nanosecond times."""
    return pack("<IIHHIHHB3xHHI", 1, 32, link_type, 0, 0, 9, 1, 9, 0, 0, 32)


def frame_block(interface: int, octets: bytes, frame: RawFrame) -> bytes:
    """An enhanced packet block; times before 1970 do not exist there."""
    length = len(octets)
    total = 32 + length + (-length & 3)
    time_ns = max(frame.time_ns, 0)
    original = max(frame.original, length)
    head = _PACKET.pack(6, total, interface, time_ns >> 32, time_ns & 0xFFFFFFFF, length, original)
    return b"".join((head, octets, _PADDING[-length & 3], _TOTAL.pack(total)))
