"""The usual datagram, told fast: every point saw its pieces as they were sent, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.core.analysis import FragmentFate, Seen, Sighting
from app.core.fragmentation.byte_ranges import Range
from app.core.network.groups import Group
from app.core.network.observations import Observation

SEEN = Seen.SEEN


def seen_alike(group: Group, places: Sequence[tuple[int, ...]]) -> list[Observation] | None:
    """Its observation at every place (given as the captures of each), if all show the same pieces, each once."""
    members = group.members
    if len(members) != len(places):
        return None
    column: list[Observation] = []
    for captures in places:
        seen = members.get(captures[0]) if len(captures) == 1 else _one_of(members, captures)
        if seen is None or not seen.is_single:
            return None
        column.append(seen)
    ranges = column[0].ranges
    for seen in column:
        if seen.ranges is not ranges and seen.ranges != ranges:
            return None
    return column


def _one_of(members: dict[int, Observation], captures: tuple[int, ...]) -> Observation | None:
    return next((members[capture] for capture in captures if capture in members), None)


class PlainFates:
    """`names` of the places, client first; `to_reference` the converter of each capture's clock."""

    def __init__(self, names: Sequence[str], to_reference: Sequence[Callable[[int, int], int]]) -> None:
        self._names = names
        self._to_reference = to_reference

    def fragments(self, column: Sequence[Observation], sent: tuple[Range, ...]) -> tuple[FragmentFate, ...]:
        """`column`: the observation of each place."""
        every: list[dict[str, Sighting]] = [{} for _ in sent]
        for name, seen in zip(self._names, column, strict=True):
            packets = seen.packets
            lead = packets[0]
            at_ns = lead.time_ns
            time_ns = self._to_reference[seen.capture](at_ns, lead.frame)
            every[0][name] = Sighting(SEEN, lead.source, (lead.frame,), at_ns, time_ns)
            if len(packets) > 1:
                # One conversion for all pieces: no clock drifts within one datagram.
                shift = time_ns - at_ns
                for packet, sightings in zip(packets[1:], every[1:], strict=True):
                    at_ns = packet.time_ns
                    sightings[name] = Sighting(SEEN, packet.source, (packet.frame,), at_ns, at_ns + shift)
        return tuple(
            [FragmentFate(start, end - start, sightings) for (start, end), sightings in zip(sent, every, strict=True)]
        )
