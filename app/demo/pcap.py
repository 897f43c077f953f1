"""Capture files as bytes: classic pcap (µs or ns) and pcapng with interface statistics.

Frames come as (time_ns since 1970, bytes), in the order in which they shall stand in the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.core import pcapng

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


def write_pcapng(records: Sequence[Recorded], interfaces: Sequence[Interface], comment: str = "") -> bytes:
    """A pcapng file: section, interfaces, frames, then statistics for interfaces that have counters."""
    blocks = [
        pcapng.InterfaceBlock(
            one.name, one.link_type, one.snap, one.filter, "", one.received, one.dropped, one.has_nanoseconds
        )
        for one in interfaces
    ]
    parts = [pcapng.section(comment), *map(pcapng.interface, blocks)]
    for record in records:
        interface = interfaces[record.interface]
        kept = record.frame[: interface.snap]
        block = pcapng.FrameBlock(record.interface, record.time_ns, kept, len(record.frame))
        parts.append(pcapng.frame(block, interface.has_nanoseconds))
    end_ns = max((record.time_ns for record in records), default=0)
    parts += [pcapng.statistics(number, block, end_ns) for number, block in enumerate(blocks)]
    return b"".join(parts)
