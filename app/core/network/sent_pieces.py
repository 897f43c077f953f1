"""In which pieces a datagram was sent, as far as any point knows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from app.core.fragmentation.byte_ranges import Range, merged, uncovered
from app.core.network.groups import Group
from app.core.network.observations import Observation

OFFLOAD_BYTES = 1480  # of IP payload: whole packets above were never on an Ethernet wire so


def ranges_of(observations: Sequence[Observation]) -> tuple[Range, ...]:
    """Distinct byte ranges that one place saw."""
    if len(observations) == 1:
        return observations[0].ranges
    return tuple(sorted({piece for seen in observations for piece in seen.ranges}))


def known_end(group: Group) -> int | None:
    """Length of the IP payload: from the last fragment, or from the UDP header of the first."""
    ends = [seen.total for seen in group.members.values() if seen.total is not None]
    ends += [seen.udp_length for seen in group.members.values() if seen.udp_length is not None]
    return max(ends, default=None)


def sent_pieces(first_seen: Sequence[Observation], group: Group) -> tuple[Range, ...]:
    """The pieces as the first place saw them, and whatever else of the datagram is known to exist.

    One oversized whole packet there is an artefact of offload: then later places show how it was cut.
    """
    start = ranges_of(first_seen)
    is_whole = _is_whole(first_seen[0].total, start)
    is_offloaded = is_whole and _is_offloaded(first_seen[0], start)
    if is_whole and not is_offloaded:
        return start
    others = sorted({piece for seen in group.members.values() for piece in seen.ranges})
    if is_offloaded:
        cuts = sorted({0, start[0][1], *(edge for piece in others for edge in piece)})
        return tuple(pairwise(cuts))
    result = list(start)
    for piece in others:
        result.extend(uncovered(piece, merged(result)))
    end = known_end(group)
    if end is not None:
        result.extend(uncovered((0, end), merged(result)))
    return tuple(sorted(result))


def is_sent_so(first: Observation) -> bool:
    """Whether the first that saw it shows all of it, and in the pieces in which it was sent."""
    return _is_whole(first.total, first.ranges) and not _is_offloaded(first, first.ranges)


def _is_offloaded(first: Observation, ranges: tuple[Range, ...]) -> bool:
    return ranges[0][1] > OFFLOAD_BYTES and not first.is_fragmented


@lru_cache(maxsize=4096)
def _is_whole(total: int | None, ranges: tuple[Range, ...]) -> bool:
    return total == ranges[-1][1] and ranges[0][0] == 0 and (len(ranges) == 1 or len(merged(ranges)) == 1)
