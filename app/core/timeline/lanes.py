"""Which lanes a session's ladder has: logs outside, hosts next, capture points between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.core.analysis import CapturePoint, DatagramFate, Role, Seen, Session
from app.core.records import Text
from app.core.timeline.model import Lane, LaneKind
from app.core.timeline.texts import LANE_NAMES, blind_point


def datagrams(session: Session) -> Iterable[DatagramFate]:
    for message in session.messages:
        for attempt in message.attempts:
            if attempt.datagram is not None:
                yield attempt.datagram


def build_lanes(session: Session, points: Sequence[CapturePoint]) -> tuple[tuple[Lane, ...], tuple[Text, ...]]:
    """Lanes from left to right, and a note for each capture point that has nothing to say about this session."""
    telling = {
        name
        for datagram in datagrams(session)
        for fragment in datagram.fragments
        for name, sighting in fragment.sightings.items()
        if sighting.state is not Seen.UNKNOWN
    }
    usable = sorted((point for point in points if point.name in telling), key=lambda point: point.order)
    client = next((point for point in usable if point.role is Role.CLIENT), None)
    server = next((point for point in reversed(usable) if point.role is Role.SERVER), None)
    lanes: list[Lane] = []
    if _has_log(session, "client"):
        lanes.append(Lane(LANE_NAMES[LaneKind.CLIENT_LOG], LaneKind.CLIENT_LOG))
    lanes.append(_host(client, LaneKind.CLIENT))
    lanes.extend(
        _lane(point, LaneKind.POINT, Text(point.name, point.name))
        for point in usable
        if point is not client and point is not server
    )
    lanes.append(_host(server, LaneKind.SERVER))
    if _has_log(session, "server"):
        lanes.append(Lane(LANE_NAMES[LaneKind.SERVER_LOG], LaneKind.SERVER_LOG))
    blind = tuple(blind_point(point.name) for point in points if point.name not in telling) if telling else ()
    return tuple(lanes), blind


def _has_log(session: Session, side: str) -> bool:
    if any(mark.side == side for mark in session.marks):
        return True
    return any(
        (attempt.log_time_ns if side == "client" else attempt.server_log_time_ns) is not None
        for message in session.messages
        for attempt in message.attempts
    )


def _host(point: CapturePoint | None, kind: LaneKind) -> Lane:
    name = LANE_NAMES[kind]
    if point is None:
        return Lane(name, kind)
    plain = point.name.casefold() in (name.en, name.zh)
    return _lane(point, kind, name if plain else Text(f"{name.en}: {point.name}", f"{name.zh}：{point.name}"))


def _lane(point: CapturePoint, kind: LaneKind, name: Text) -> Lane:
    known = point.clock.quality != "unknown" or point.clock.uncertainty_s is not None
    return Lane(
        name,
        kind,
        point.name,
        point.clock.offset_s if known else None,
        point.clock.uncertainty_s,
        point.clock.quality == "reference",
    )
