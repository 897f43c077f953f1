"""How far each datagram came: the sightings of its fragments, read in the direction of travel.

Positions count the capture points in that direction: 0 is the first point a datagram passes. A piece that was seen at
no point at all has `last_seen` −1. A point that misses what a later point has is not on the path of that piece; only a
miss behind the last sighting counts, and `UNKNOWN` never does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.analysis import Attempt, Fate, FragmentFate, Seen
from app.core.records import Confidence, Direction

Leg = tuple[int, int]  # (last position that saw it, first position behind that misses it)


@dataclass(frozen=True, slots=True)
class Piece:
    """One fragment, or the whole of an unfragmented datagram. `lost_at` is None where nothing proves a loss."""

    offset: int
    last_seen: int
    lost_at: int | None

    def crosses(self, leg: Leg) -> bool:
        return self.last_seen >= leg[1]

    def is_lost_on(self, leg: Leg) -> bool:
        """Lost on this leg, or on a longer stretch that contains it (points between that could not tell)."""
        return self.lost_at is not None and self.last_seen <= leg[0] and leg[1] <= self.lost_at


@dataclass(frozen=True, slots=True)
class Passage:
    """One datagram's way. `number` is the EAD message, `attempt` the send it belongs to."""

    direction: Direction
    number: int
    session: int  # index in the terminal's sessions
    attempt: Attempt
    pieces: tuple[Piece, ...]  # by offset
    is_fragmented: bool
    time_ns: int | None
    port: str  # destination port, "" unknown
    wire_bytes: int | None
    is_delivered: bool  # the receiver's own log has it, so a miss in a capture proves nothing
    is_contradicted: bool = False  # … and a capture denies it

    @property
    def has_loss(self) -> bool:
        return not self.is_delivered and any(piece.lost_at is not None for piece in self.pieces)

    @property
    def legs(self) -> frozenset[Leg]:
        return frozenset((piece.last_seen, piece.lost_at) for piece in self.pieces if piece.lost_at is not None)

    @property
    def is_sure(self) -> bool:
        """Whether sightings at several points are surely of this one datagram."""
        datagram = self.attempt.datagram
        return datagram is None or datagram.match_confidence in (None, Confidence.CERTAIN)


def trace(attempt: Attempt, number: int, direction: Direction, session: int, names: Sequence[str]) -> Passage | None:
    """The passage of one attempt; None where no capture saw it. `names`: points in the direction of travel."""
    datagram = attempt.datagram
    if datagram is None or not datagram.fragments:
        return None
    pieces = [_piece(fragment, names) for fragment in datagram.fragments]
    hidden = _unlisted_piece(pieces, datagram.fate, names)
    if hidden is not None:
        pieces.append(hidden)
    told = attempt.server_log_time_ns if direction is Direction.TO_SERVER else attempt.log_time_ns
    return Passage(
        direction=direction,
        number=number,
        session=session,
        attempt=attempt,
        pieces=tuple(pieces),
        is_fragmented=len(pieces) > 1 or pieces[0].offset > 0,
        time_ns=attempt.time_ns,
        port=datagram.destination.rpartition(":")[2],
        wire_bytes=datagram.wire_bytes if datagram.wire_bytes is not None else attempt.wire_bytes,
        is_delivered=told is not None,
        is_contradicted=told is not None and any(piece.lost_at is not None for piece in pieces),
    )


def _piece(fragment: FragmentFate, names: Sequence[str]) -> Piece:
    sightings = fragment.sightings
    last, lost = -1, None
    for position, name in enumerate(names):
        sighting = sightings.get(name)
        if sighting is None or sighting.state is Seen.UNKNOWN:
            continue
        if sighting.state is Seen.SEEN:
            last, lost = position, None
        elif lost is None:
            lost = position
    return Piece(fragment.offset, last, lost)


def _unlisted_piece(pieces: Sequence[Piece], fate: dict[str, Fate], names: Sequence[str]) -> Piece | None:
    """The rest of a datagram that no point saw: partial where it was first seen, though every listed piece is there."""
    first = min((p.last_seen for p in pieces if p.last_seen >= 0), default=None)
    if first is None or any(piece.lost_at is not None or piece.last_seen < 0 for piece in pieces):
        return None
    partial = [i for i, name in enumerate(names) if fate.get(name) is Fate.PARTIAL]
    whole = any(value is Fate.WHOLE for value in fate.values())
    if whole or not partial:
        return None
    starts_at_zero = pieces[0].offset == 0
    return Piece(offset=max(p.offset for p in pieces) + 8 if starts_at_zero else 0, last_seen=-1, lost_at=partial[0])
