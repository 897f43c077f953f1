"""Byte ranges: what a place saw of a datagram, and in which pieces it was sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.core.records import Packet

Range = tuple[int, int]  # half-open


def merged(ranges: Iterable[Range]) -> list[Range]:
    result: list[Range] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def uncovered(wanted: Range, have: Sequence[Range]) -> list[Range]:
    """Parts of `wanted` that the merged ranges `have` leave out."""
    gaps: list[Range] = []
    at, end = wanted
    for low, high in have:
        if high <= at or low >= end:
            continue
        if low > at:
            gaps.append((at, low))
        at = max(at, high)
    if at < end:
        gaps.append((at, end))
    return gaps


def pieces(packets: Iterable[Packet]) -> tuple[Range, ...]:
    """Distinct byte ranges in order."""
    return tuple(sorted({(start := packet.offset_bytes, start + packet.length_bytes) for packet in packets}))
