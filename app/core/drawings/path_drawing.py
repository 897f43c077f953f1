"""The path as a row of capture points, with what each leg carried and lost, message by message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.core.analysis import CapturePoint, DatagramFate, Finding, Role, Seen, Session, Severity
from app.core.records import Direction, Text
from app.core.timeline.model import LaneKind
from app.core.timeline.texts import LANE_NAMES, NO_CAPTURE


@dataclass(frozen=True, slots=True)
class Node:
    name: Text
    role: Role
    point: str | None  # None: nothing was captured there
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class LegCount:
    """Packets (fragments, or whole datagrams) of one message on one leg. `maybe_lost`: on this leg or a neighbour."""

    number: int
    direction: Direction
    crossed: int = 0
    lost: int = 0
    maybe_lost: int = 0
    unknown: int = 0

    @property
    def offered(self) -> int:
        return self.crossed + self.lost


@dataclass(frozen=True, slots=True)
class Leg:
    """Between two neighbouring nodes; `counts` in order of message number, towards the server first."""

    counts: tuple[LegCount, ...]
    is_guilty: bool = False

    @property
    def is_known(self) -> bool:
        return any(count.crossed or count.lost for count in self.counts)

    @property
    def is_suspect(self) -> bool:
        return not self.is_guilty and any(count.maybe_lost for count in self.counts)

    def of(self, direction: Direction) -> tuple[LegCount, ...]:
        return tuple(count for count in self.counts if count.direction is direction)


@dataclass(frozen=True, slots=True)
class PathDrawing:
    """`legs[i]` lies between `nodes[i]` and `nodes[i + 1]`."""

    nodes: tuple[Node, ...]
    legs: tuple[Leg, ...]


@dataclass(slots=True)
class _Tally:
    crossed: int = 0
    lost: int = 0
    maybe_lost: int = 0
    unknown: int = 0


@dataclass(slots=True)
class PathTally:
    """Counts datagram after datagram; give it sessions in any order, also a few at a time."""

    points: Sequence[CapturePoint]
    legs: dict[tuple[int, int, Direction], _Tally] = field(default_factory=dict)  # leg, message, direction

    def add(self, session: Session) -> None:
        for message in session.messages:
            for attempt in message.attempts:
                if attempt.datagram is not None:
                    self._add(message.number, message.direction, attempt.datagram)

    def _add(self, number: int, direction: Direction, datagram: DatagramFate) -> None:
        order = sorted(self.points, key=lambda point: point.order)
        travel = range(len(order)) if direction is Direction.TO_SERVER else range(len(order) - 1, -1, -1)
        names = [order[at].name for at in travel]
        for fragment in datagram.fragments:
            states = [fragment.sightings[name].state if name in fragment.sightings else Seen.UNKNOWN for name in names]
            for step, fate in enumerate(_leg_fates(states)):
                leg = step if direction is Direction.TO_SERVER else len(order) - 2 - step
                tally = self.legs.setdefault((leg, number, direction), _Tally())
                setattr(tally, fate, getattr(tally, fate) + 1)

    def draw(self, findings: Iterable[Finding] = ()) -> PathDrawing:
        """`findings` name the guilty leg; without one, every leg that surely lost something is guilty."""
        order = sorted(self.points, key=lambda point: point.order)
        named = {
            frozenset(finding.between)
            for finding in findings
            if finding.between is not None and finding.severity is Severity.ERROR
        }
        nodes = [Node(Text(point.name, point.name), point.role, point.name) for point in order]
        legs = []
        for leg in range(max(len(order) - 1, 0)):
            keys = sorted(
                (key for key in self.legs if key[0] == leg), key=lambda key: (key[2] != Direction.TO_SERVER, key[1])
            )
            counts = tuple(
                LegCount(number, direction, tally.crossed, tally.lost, tally.maybe_lost, tally.unknown)
                for _, number, direction in keys
                if (tally := self.legs[(leg, number, direction)])
            )
            has_loss = any(count.lost for count in counts)
            ends = frozenset((order[leg].name, order[leg + 1].name))
            legs.append(Leg(counts, is_guilty=ends in named or (has_loss and not named)))
        return _with_hosts(nodes, legs)


def _leg_fates(states: Sequence[Seen]) -> list[str]:
    """What became of one packet on each leg, in the direction of travel.

    Between two places that saw it, it crossed, whatever the places between could tell. After the last that saw it, it
    was lost before the first that should have seen it: on that leg if they are neighbours, else somewhere between.
    """
    seen = [at for at, state in enumerate(states) if state is Seen.SEEN]
    fates = ["unknown"] * max(len(states) - 1, 0)
    if not seen:
        return fates
    for leg in range(seen[0], seen[-1]):
        fates[leg] = "crossed"
    missing = next((at for at in range(seen[-1] + 1, len(states)) if states[at] is Seen.MISSING), None)
    if missing is not None:
        exact = missing == seen[-1] + 1
        for leg in range(seen[-1], missing):
            fates[leg] = "lost" if exact else "maybe_lost"
    return fates


def _with_hosts(nodes: list[Node], legs: list[Leg]) -> PathDrawing:
    """Adds the two ends where nobody captured: the path does not begin at a mirror port."""
    blind = Leg(())
    if not nodes or nodes[0].role is not Role.CLIENT:
        legs = [blind, *legs] if nodes else legs
        nodes = [Node(LANE_NAMES[LaneKind.CLIENT], Role.CLIENT, None, NO_CAPTURE), *nodes]
    if nodes[-1].role is not Role.SERVER:
        nodes = [*nodes, Node(LANE_NAMES[LaneKind.SERVER], Role.SERVER, None, NO_CAPTURE)]
        legs = [*legs, blind]
    return PathDrawing(tuple(nodes), tuple(legs))


def draw_path(
    points: Sequence[CapturePoint], sessions: Iterable[Session], findings: Iterable[Finding] = ()
) -> PathDrawing:
    """The path with all sessions' packets counted."""
    tally = PathTally(points)
    for session in sessions:
        tally.add(session)
    return tally.draw(findings)
