"""The usual datagrams, told fast and all together: every point saw their pieces as they were sent, each once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice, repeat

import numpy as np
from numpy.typing import NDArray

from app.core.analysis import Clock, FragmentFate, Seen, Sighting
from app.core.network.groups import Group
from app.core.network.observations import Observation
from app.core.network.reference_times import reference_times
from app.core.records import Datagram

# Without the handling of names and defaults, which would take most of the time.
_sighting = partial(tuple.__new__, Sighting)
_fragment = partial(tuple.__new__, FragmentFate)
# What else a `Sighting` has where there is nothing to give a ground for.
UNQUESTIONED = [Sighting._field_defaults[name] for name in ("reason", "reason_code", "line")]


# One datagram over all places, client first: its fragments, what was seen of it, and the TTLs.
Alike = tuple[tuple[FragmentFate, ...], tuple[Datagram, ...], tuple[int, ...]]


def seen_alike(group: Group, places: Sequence[tuple[int, ...]]) -> list[Observation] | None:
    """Its observation at every place (given as the captures of each), if all show the same pieces, each once."""
    members = group.members
    if len(members) != len(places):
        return None
    column: list[Observation] = []
    if group.is_alike and len(places) == sum(map(len, places)):
        return [members[captures[0]] for captures in places]
    ranges = None
    for captures in places:
        seen = members.get(captures[0]) if len(captures) == 1 else _one_of(members, captures)
        if seen is None or not seen.is_single:
            return None
        if ranges is None:
            ranges = seen.ranges
        elif seen.ranges is not ranges and seen.ranges != ranges:
            return None
        column.append(seen)
    return column


def _one_of(members: dict[int, Observation], captures: tuple[int, ...]) -> Observation | None:
    return next((members[capture] for capture in captures if capture in members), None)


def tell_all(
    columns: Sequence[Sequence[Observation]], names: Sequence[str], clocks: Sequence[Clock]
) -> Iterator[Alike]:
    """`columns`: of each datagram, its observation at every place, alike; `names` of the places; clocks by capture."""
    if not columns:
        return iter(())
    at_places = list(zip(*columns, strict=True))
    layouts = [seen.ranges for seen in at_places[0]]
    widths = list(map(len, layouts))
    sightings = zip(*[_sightings(observations, widths, clocks) for observations in at_places], strict=True)
    starts = [start for layout in layouts for start, _ in layout]
    lengths = [end - start for layout in layouts for start, end in layout]
    seen_at = map(dict, map(zip, repeat(names), sightings))
    fragments = map(_fragment, zip(starts, lengths, seen_at, strict=True))
    own = [tuple(islice(fragments, width)) for width in widths]
    datagrams = zip(*[[seen.datagrams[0] for seen in observations] for observations in at_places], strict=True)
    ttls = zip(*[[seen.packets[0].ttl for seen in observations] for observations in at_places], strict=True)
    return zip(own, datagrams, ttls, strict=True)


def _sightings(observations: Sequence[Observation], widths: Sequence[int], clocks: Sequence[Clock]) -> list[Sighting]:
    """Of every piece that one place saw; `widths` pieces of each datagram."""
    packets = [packet for seen in observations for packet in seen.packets]
    raw_ns = [packet.time_ns for packet in packets]
    frames = [packet.frame for packet in packets]
    time_ns = _on_reference(observations, np.array(widths), np.array(raw_ns), np.array(frames), clocks)
    sources = [packet.source for packet in packets]
    return list(
        map(_sighting, zip(repeat(Seen.SEEN), sources, zip(frames), raw_ns, time_ns, *map(repeat, UNQUESTIONED)))
    )


def _on_reference(
    observations: Sequence[Observation],
    widths: NDArray[np.int64],
    raw_ns: NDArray[np.int64],
    frames: NDArray[np.int64],
    clocks: Sequence[Clock],
) -> list[int]:
    """One conversion for all pieces of a datagram: no clock drifts meanwhile."""
    leads = widths.cumsum() - widths
    shifts = np.empty_like(leads)
    captures = np.array([seen.capture for seen in observations])
    for capture in np.unique(captures):
        rows = captures == capture
        own = leads[rows]
        shifts[rows] = reference_times(clocks[capture], raw_ns[own], frames[own]) - raw_ns[own]
    times: list[int] = (raw_ns + shifts.repeat(widths)).tolist()
    return times
