"""Blocks of a pcapng file as bytes. Pure: what to write is decided by whoever calls.

Little-endian; times are integer nanoseconds or microseconds since 1970, and never before it (the format has no sign).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack

COMMENT, END = 1, 0
NAME, DESCRIPTION, RESOLUTION, FILTER = 2, 3, 9, 11
RECEIVED, DROPPED = 4, 5
FULL_SNAP = 262_144
LONGEST_OPTION = 0xFFFF


@dataclass(frozen=True, slots=True)
class InterfaceBlock:
    """One interface; `received` and `dropped` become its statistics block."""

    name: str
    link_type: int
    snap: int = FULL_SNAP
    filter: str = ""
    description: str = ""
    received: int | None = None
    dropped: int | None = None
    has_nanoseconds: bool = True


@dataclass(frozen=True, slots=True)
class FrameBlock:
    """One frame as captured. `original` is its length on the wire, at least that of `octets`."""

    interface: int
    time_ns: int
    octets: bytes
    original: int
    comment: str = ""


def section(comment: str = "") -> bytes:
    return _block(0x0A0D0D0A, pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _options((COMMENT, comment)))


def interface(block: InterfaceBlock) -> bytes:
    resolution = b"\x09" if block.has_nanoseconds else b"\x06"
    recorded = b"\0" + block.filter.encode() if block.filter else b""
    named = ((NAME, block.name), (DESCRIPTION, block.description))
    options = _options(*named, (RESOLUTION, resolution), (FILTER, recorded))
    return _block(1, pack("<HHI", block.link_type, 0, block.snap) + options)


def frame(block: FrameBlock, has_nanoseconds: bool = True) -> bytes:
    head = pack("<I", block.interface) + _stamp(block.time_ns, has_nanoseconds)
    head += pack("<II", len(block.octets), max(block.original, len(block.octets)))
    return _block(6, head + _padded(block.octets) + _options((COMMENT, block.comment)))


def statistics(number: int, block: InterfaceBlock, end_ns: int) -> bytes:
    """The counters of an interface; empty where it has none."""
    if block.received is None and block.dropped is None:
        return b""
    counters = ((RECEIVED, block.received), (DROPPED, block.dropped))
    options = _options(*((code, pack("<Q", count)) for code, count in counters if count is not None))
    return _block(5, pack("<I", number) + _stamp(end_ns, block.has_nanoseconds) + options)


def _padded(value: bytes) -> bytes:
    return value + b"\0" * (-len(value) % 4)


def _options(*pairs: tuple[int, str | bytes]) -> bytes:
    """Those that have a value, and the end of options where there are any."""
    written = b""
    for code, value in pairs:
        octets = value.encode("utf-8", "replace")[:LONGEST_OPTION] if isinstance(value, str) else value
        if octets:
            written += pack("<HH", code, len(octets)) + _padded(octets)
    return written + pack("<HH", END, 0) if written else b""


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return pack("<II", kind, length) + body + pack("<I", length)


def _stamp(time_ns: int, has_nanoseconds: bool) -> bytes:
    ticks = max(time_ns, 0) // (1 if has_nanoseconds else 1000)
    return pack("<II", ticks >> 32 & 0xFFFFFFFF, ticks & 0xFFFFFFFF)
