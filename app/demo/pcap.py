"""Capture files as bytes: classic pcap (µs or ns) and pcapng with interface statistics.

Frames come as (time_ns since 1970, bytes), in the order in which they shall stand in the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ETHERNET = 1
RAW_IP = 101
FULL_SNAP = 262_144


@dataclass(frozen=True, slots=True)
class Recorded:
    """One frame as the capture saw it; `interface` matters in pcapng only."""

    time_ns: int
    frame: bytes
    interface: int = 0


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a pcapng: `received`/`dropped` go into its statistics block, `filter` into its description."""

    name: str = "eth0"
    link_type: int = ETHERNET
    snap: int = FULL_SNAP
    filter: str = ""
    received: int | None = None
    dropped: int | None = None
    has_nanoseconds: bool = False


def write_pcap(
    records: Iterable[Recorded],
    snap: int = FULL_SNAP,
    link_type: int = ETHERNET,
    byte_order: str = "<",
    has_nanoseconds: bool = False,
) -> bytes:
    """A classic pcap file; frames longer than `snap` are cut, as a capture would."""
    unit_ns = 1 if has_nanoseconds else 1000
    magic = 0xA1B23C4D if has_nanoseconds else 0xA1B2C3D4
    parts = [struct.pack(f"{byte_order}IHHiIII", magic, 2, 4, 0, 0, snap, link_type)]
    for record in records:
        seconds, rest = divmod(record.time_ns, 1_000_000_000)
        kept = record.frame[:snap]
        parts.append(struct.pack(f"{byte_order}IIII", seconds, rest // unit_ns, len(kept), len(record.frame)))
        parts.append(kept)
    return b"".join(parts)


def _padded(value: bytes) -> bytes:
    return value + b"\0" * (-len(value) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _section(comment: str) -> bytes:
    options = _option(1, comment.encode()) + _option(0, b"") if comment else b""
    return _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options)


def _description(interface: Interface) -> bytes:
    options = _option(2, interface.name.encode()) + _option(9, b"\x09" if interface.has_nanoseconds else b"\x06")
    if interface.filter:
        options += _option(11, b"\0" + interface.filter.encode())
    return _block(1, struct.pack("<HHI", interface.link_type, 0, interface.snap) + options + _option(0, b""))


def _stamp(time_ns: int, interface: Interface) -> bytes:
    ticks = time_ns if interface.has_nanoseconds else time_ns // 1000
    return struct.pack("<II", ticks >> 32, ticks & 0xFFFFFFFF)


def _statistics(number: int, interface: Interface, end_ns: int) -> bytes:
    options = b""
    if interface.received is not None:
        options += _option(4, struct.pack("<Q", interface.received))
    if interface.dropped is not None:
        options += _option(5, struct.pack("<Q", interface.dropped))
    return _block(5, struct.pack("<I", number) + _stamp(end_ns, interface) + options + _option(0, b""))


def write_pcapng(records: Sequence[Recorded], interfaces: Sequence[Interface], comment: str = "") -> bytes:
    """A pcapng file: section, interfaces, frames, then statistics for interfaces that have counters."""
    parts = [_section(comment), *(_description(interface) for interface in interfaces)]
    for record in records:
        interface = interfaces[record.interface]
        kept = record.frame[: interface.snap]
        head = struct.pack("<I", record.interface) + _stamp(record.time_ns, interface)
        parts.append(_block(6, head + struct.pack("<II", len(kept), len(record.frame)) + _padded(kept)))
    end_ns = max((record.time_ns for record in records), default=0)
    for number, interface in enumerate(interfaces):
        if interface.received is not None or interface.dropped is not None:
            parts.append(_statistics(number, interface, end_ns))
    return b"".join(parts)
