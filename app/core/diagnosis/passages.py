"""How far each datagram came: the sightings of its fragments, read in the direction of travel.

Positions count the capture points in that direction: 0 is the first point a datagram passes. A piece that was seen at
no point at all has `last_seen` −1. A point that misses what a later point has is not on the path of that piece; only a
miss behind the last sighting counts, and `UNKNOWN` never does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from app.core.analysis import Attempt, DatagramFate, Fate, FragmentFate, Seen
from app.core.network.grounds import PRESUMED
from app.core.records import Confidence, Direction

Leg = tuple[int, int]  # (last position that saw it, first position behind that misses it)


@dataclass(frozen=True, slots=True)
class Piece:
    """One fragment, or the whole of an unfragmented datagram. `lost_at` is None where nothing proves a loss."""

    offset: int
    first_seen: int
    last_seen: int
    lost_at: int | None
    is_presumed: bool = False  # that the point which misses it could have seen it is not proven

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
        """Whether sightings at several points are surely of this one datagram, and no miss is a presumption."""
        datagram = self.attempt.datagram
        is_matched = datagram is None or datagram.match_confidence in (None, Confidence.CERTAIN)
        return is_matched and not self.is_presumed

    @property
    def is_presumed(self) -> bool:
        return any(piece.is_presumed for piece in self.pieces)


def trace(
    attempt: Attempt,
    number: int,
    direction: Direction,
    session: int,
    names: Sequence[str],
    denied: frozenset[str] = frozenset(),
) -> Passage | None:
    """The passage of one attempt; None where no capture saw it.

    `names`: points in the direction of travel. `denied`: points whose misses prove nothing; what they saw still counts.
    """
    datagram = attempt.datagram
    if datagram is None or not datagram.fragments:
        return None
    blind = frozenset(i for i, name in enumerate(names) if name in denied)
    pieces = _pieces(datagram, names, blind)
    hidden = _unlisted_piece(pieces, datagram.fate, names, blind)
    if hidden is not None:
        pieces.append(hidden)
    if any(piece.lost_at is not None for piece in pieces):
        pieces = _with_presumptions(pieces, datagram, names)
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


def _pieces(datagram: DatagramFate, names: Sequence[str], blind: frozenset[int]) -> list[Piece]:
    if not datagram.split_at:
        return [
            _piece(f.offset, [s.state if (s := f.sightings.get(name)) is not None else None for name in names], blind)
            for f in datagram.fragments
        ]
    return [
        _piece(start, [_state_of_range(datagram, fragment, name, start, end) for name in names], blind)
        for fragment in datagram.fragments
        for start, end in _cuts(datagram, fragment)
    ]


def _cuts(datagram: DatagramFate, fragment: FragmentFate) -> list[tuple[int, int]]:
    """A fragment as the devices on the way cut it: each smaller piece may be lost by itself."""
    start, end = fragment.offset, fragment.offset + fragment.length
    marks = {start, end}
    for ranges in datagram.split_at.values():
        for offset, length in ranges:
            marks.update(mark for mark in (offset, offset + length) if start < mark < end)
    row = sorted(marks)
    return list(pairwise(row))


def _state_of_range(datagram: DatagramFate, fragment: FragmentFate, name: str, start: int, end: int) -> Seen | None:
    sighting = fragment.sightings.get(name)
    if sighting is None:
        return None
    its = datagram.split_at.get(name)
    if its is None or sighting.state is Seen.SEEN:
        return sighting.state
    if any(offset <= start and end <= offset + length for offset, length in its):
        return Seen.SEEN
    return sighting.state


def _piece(offset: int, states: Sequence[Seen | None], blind: frozenset[int]) -> Piece:
    """`states` in the direction of travel; None where the point knows nothing of the datagram."""
    first, last, lost = -1, -1, None
    for position, state in enumerate(states):
        if state is Seen.SEEN:
            first = position if first < 0 else first
            last, lost = position, None
        elif state is Seen.MISSING and lost is None and position not in blind:
            lost = position
    return Piece(offset, first, last, lost)


def _with_presumptions(pieces: Sequence[Piece], datagram: DatagramFate, names: Sequence[str]) -> list[Piece]:
    presumed = {
        name for f in datagram.fragments for name, sighting in f.sightings.items() if sighting.reason_code == PRESUMED
    }
    return [
        replace(piece, is_presumed=True) if piece.lost_at is not None and names[piece.lost_at] in presumed else piece
        for piece in pieces
    ]


def _unlisted_piece(
    pieces: Sequence[Piece], fate: dict[str, Fate], names: Sequence[str], blind: frozenset[int]
) -> Piece | None:
    """The rest of a datagram that no point saw: partial where it was first seen, though every listed piece is there."""
    first = min((p.last_seen for p in pieces if p.last_seen >= 0), default=None)
    if first is None or any(piece.lost_at is not None or piece.last_seen < 0 for piece in pieces):
        return None
    partial = [i for i, name in enumerate(names) if fate.get(name) is Fate.PARTIAL and i not in blind]
    whole = any(value is Fate.WHOLE for value in fate.values())
    if whole or not partial:
        return None
    starts_at_zero = pieces[0].offset == 0
    offset = max(p.offset for p in pieces) + 8 if starts_at_zero else 0
    return Piece(offset, first_seen=-1, last_seen=-1, lost_at=partial[0])
