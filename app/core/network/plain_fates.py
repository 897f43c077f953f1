"""The usual datagram, told fast: every point saw its pieces as they were sent, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.analysis import Clock, FragmentFate, Seen, Sighting
from app.core.fragmentation.byte_ranges import Range
from app.core.network.groups import Group
from app.core.network.observations import Observation


def seen_alike(group: Group, places: Sequence[tuple[int, ...]]) -> list[Observation] | None:
    """Its observation at every place (given as the captures of each), if all show the same pieces, each once."""
    members = group.members
    if len(members) != len(places):
        return None
    column: list[Observation] = []
    for captures in places:
        seen = members.get(captures[0]) if len(captures) == 1 else _one_of(members, captures)
        if seen is None:
            return None
        column.append(seen)
    ranges = column[0].ranges
    count = len(ranges)
    for seen in column:
        if seen.ranges is not ranges and seen.ranges != ranges:
            return None
        if len(seen.packets) != count or len(seen.datagrams) != 1 or seen.datagrams[0].duplicates:
            return None
    return column


def _one_of(members: dict[int, Observation], captures: tuple[int, ...]) -> Observation | None:
    return next((members[capture] for capture in captures if capture in members), None)


@dataclass(frozen=True, slots=True)
class PlainFates:
    """`names` of the places, client first; `clocks` by capture."""

    names: tuple[str, ...]
    clocks: tuple[Clock, ...]

    def fragments(self, column: Sequence[Observation], sent: tuple[Range, ...]) -> tuple[FragmentFate, ...]:
        """`column`: the observation of each place."""
        rows: list[tuple[str, Observation, int]] = []
        for name, seen in zip(self.names, column, strict=True):
            # One conversion for all pieces: no clock drifts within one datagram.
            lead = seen.packets[0]
            shift = self.clocks[seen.capture].to_reference(lead.time_ns, lead.frame) - lead.time_ns
            rows.append((name, seen, shift))
        fates = []
        for index, (start, end) in enumerate(sent):
            sightings: dict[str, Sighting] = {}
            for name, seen, shift in rows:
                packet = seen.packets[index]
                at_ns = packet.time_ns
                sightings[name] = Sighting(Seen.SEEN, packet.source, (packet.frame,), at_ns, at_ns + shift)
            fates.append(FragmentFate(start, end - start, sightings))
        return tuple(fates)
