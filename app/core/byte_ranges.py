"""Byte ranges: what a place saw of a datagram, and in which pieces it was sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.core.groups import Group
from app.core.observations import Observation
from app.core.records import Packet

Range = tuple[int, int]  # half-open

OFFLOAD_BYTES = 1480  # of IP payload: whole packets above were never on an Ethernet wire so


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
    return tuple(sorted({(packet.offset_bytes, packet.end_bytes) for packet in packets}))


def known_end(group: Group) -> int | None:
    """Length of the IP payload: from the last fragment, or from the UDP header of the first."""
    ends = [seen.total for seen in group.members.values() if seen.total is not None]
    ends += [seen.udp_length for seen in group.members.values() if seen.udp_length is not None]
    return max(ends, default=None)


def sent_pieces(first_seen: Sequence[Observation], group: Group) -> tuple[Range, ...]:
    """The pieces as the first place saw them, and whatever else of the datagram is known to exist.

    One oversized whole packet there is an artefact of offload: then later places show how it was cut.
    """
    start = pieces(packet for seen in first_seen for packet in seen.packets)
    if len(group.members) == len(first_seen) and first_seen[0].total == start[-1][1] and _is_gapless(start):
        return start
    others = sorted({piece for seen in group.members.values() for piece in pieces(seen.packets)})
    if len(start) == 1 and not first_seen[0].is_fragmented and start[0][1] > OFFLOAD_BYTES:
        cuts = sorted({0, start[0][1], *(edge for piece in others for edge in piece)})
        return tuple(zip(cuts, cuts[1:], strict=False))
    result = list(start)
    for piece in others:
        result.extend(uncovered(piece, merged(result)))
    end = known_end(group)
    if end is not None:
        result.extend(uncovered((0, end), merged(result)))
    return tuple(sorted(result))


def _is_gapless(ranges: Sequence[Range]) -> bool:
    return len(merged(ranges)) == 1 and ranges[0][0] == 0
