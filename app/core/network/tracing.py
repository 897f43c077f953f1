"""Captures of one case → the points on the path, their clocks, and the fate of every EAD datagram."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from app.core.analysis import CapturePoint, Clock, Role
from app.core.network.fates import FateBuilder
from app.core.network.hours import running_ns
from app.core.network.icmp_ties import tie_errors
from app.core.network.joining import Joined, join_captures
from app.core.network.journeys import find_journeys
from app.core.network.leg_notes import gather_notes
from app.core.network.paths import Place
from app.core.network.roles import roles_of
from app.core.network.traces import (
    Candidate,
    CaptureInput,
    IcmpTie,
    NetworkFacts,
    NetworkNote,
    NetworkSettings,
    NoteCode,
    TracedDatagram,
)
from app.core.network.visibility import Guard


def trace_network(captures: Sequence[CaptureInput], settings: NetworkSettings) -> NetworkFacts:
    """Match, order, set clocks, and follow every EAD datagram over all points. No captures give empty facts."""
    if not captures:
        return NetworkFacts()
    joined = join_captures(captures, settings)
    traced_journeys, journeys = find_journeys(joined)
    roles = roles_of(joined, captures)
    guard = Guard(captures, joined, roles, journeys)
    builder = FateBuilder(joined.order.places, tuple(capture.source for capture in captures), joined.net.clocks, guard)
    traced = tuple(sorted(builder.trace(traced_journeys), key=attrgetter("time_ns")))
    return NetworkFacts(
        points=tuple(_point(place, order, joined, captures, roles) for order, place in enumerate(joined.order.places)),
        clocks={capture.source: clock for capture, clock in zip(captures, joined.net.clocks, strict=True)},
        traced=traced,
        icmp=tie_errors(captures, joined.net.clocks, traced),
        notes=gather_notes(captures, joined.net, guard, traced),
    )


def _point(
    place: Place, order: int, joined: Joined, captures: Sequence[CaptureInput], roles: Sequence[Role]
) -> CapturePoint:
    clocks = {captures[index].source: joined.net.clocks[index] for index in place.captures}
    best = max(place.captures, key=lambda index: (index == joined.reference, joined.net.clocks[index].matched))
    observed = (running_ns(captures[index], joined.net.clocks[index]) for index in place.captures)
    return CapturePoint(
        name=place.name,
        role=roles[place.captures[0]],
        order=order,
        order_by=joined.order.order_by[place.name].name.lower(),
        sources=tuple(captures[index].source for index in place.captures),
        clock=joined.net.clocks[best],
        source_clocks=clocks,
        observed_ns=tuple(sorted(span for span in observed if span is not None)),
    )


__all__ = [
    "Candidate",
    "CaptureInput",
    "Clock",
    "IcmpTie",
    "NetworkFacts",
    "NetworkNote",
    "NetworkSettings",
    "NoteCode",
    "TracedDatagram",
    "trace_network",
]
