"""One terminal as the rules see it: its sends in order, their passages, and what earlier rules found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.core.analysis import Attempt, Evidence, Fate, Finding, Mark, Message, Outcome, Session, Terminal
from app.core.diagnosis.passages import Leg, Passage, trace
from app.core.diagnosis.tallies import Tally, tally
from app.core.records import Direction

if TYPE_CHECKING:
    from app.core.diagnosis.losses import LegLoss

ANSWERS = {1: (2,), 3: (4, 6), 17: (18,), 7: (8,), 19: (20,)}
REPORT = 3
NO_ANSWER_CODE = 4  # pushSecRslt(3) returned 4


@dataclass(frozen=True, slots=True)
class Names:
    """Capture point names in the direction of travel."""

    to_server: tuple[str, ...]
    to_client: tuple[str, ...]

    def of(self, direction: Direction) -> tuple[str, ...]:
        return self.to_server if direction is Direction.TO_SERVER else self.to_client

    def between(self, direction: Direction, leg: Leg) -> tuple[str, str] | None:
        """The leg as names; None where its near side is not known."""
        names = self.of(direction)
        return None if leg[0] < 0 else (names[leg[0]], names[leg[1]])


@dataclass(slots=True)
class TerminalView:
    """Built once for each terminal by `view_terminal`; `found` grows as the rules run, in their order."""

    terminal: Terminal
    names: Names
    passages: dict[Direction, tuple[Passage, ...]]
    denied: frozenset[str]  # points whose misses are disproved by what the logs have
    found: list[Finding] = field(default_factory=list)
    losses: tuple[LegLoss, ...] | None = None  # filled by the first rule that asks

    @property
    def sessions(self) -> tuple[Session, ...]:
        return self.terminal.sessions

    @property
    def is_failing(self) -> bool:
        return any(session.outcome is not Outcome.PASSED for session in self.sessions)

    @property
    def has_captures(self) -> bool:
        return any(self.passages.values())

    @property
    def legs(self) -> frozenset[tuple[Direction, Leg]]:
        """Every stretch on which something of this terminal was lost."""
        return frozenset(
            (p.direction, leg) for row in self.passages.values() for p in row if p.has_loss for leg in p.legs
        )

    def has_found(self, *codes: str) -> bool:
        return any(finding.code in codes for finding in self.found)

    def has_error(self) -> bool:
        return any(finding.severity == "error" for finding in self.found)

    def explained_messages(self) -> frozenset[int | None]:
        """Messages whose fate an error already explains."""
        return frozenset(finding.message for finding in self.found if finding.severity == "error")

    def sends(self, direction: Direction | None = None) -> Iterator[tuple[Session, Message, Attempt]]:
        for session in self.sessions:
            for message in session.messages:
                if direction is None or message.direction is direction:
                    for attempt in message.attempts:
                        yield session, message, attempt

    def marks(self, kind: str) -> Iterator[tuple[Session, Mark]]:
        return ((session, mark) for session in self.sessions for mark in session.marks if mark.kind == kind)

    def tally(self, direction: Direction, leg: Leg, sessions: frozenset[int] | None = None) -> Tally:
        row = self.passages[direction]
        return tally((p for p in row if sessions is None or p.session in sessions), leg)


def view_terminal(terminal: Terminal, names: Names, half_blind: frozenset[str] = frozenset()) -> TerminalView:
    """`half_blind`: points that are known to see only some of what passes."""
    raw = {direction: _trace_all(terminal, direction, names.of(direction), half_blind) for direction in Direction}
    denied = _denied_points(terminal, names, raw)
    if denied:
        untrusted = denied | half_blind
        raw = {direction: _trace_all(terminal, direction, names.of(direction), untrusted) for direction in Direction}
    return TerminalView(terminal, names, raw, denied)


def _trace_all(
    terminal: Terminal, direction: Direction, names: tuple[str, ...], untrusted: frozenset[str]
) -> tuple[Passage, ...]:
    passages: list[Passage] = []
    for index, session in enumerate(terminal.sessions):
        for message in session.messages:
            if message.direction is not direction:
                continue
            for attempt in message.attempts:
                passage = trace(attempt, message.number, direction, index, names, untrusted)
                if passage is not None:
                    passages.append(passage)
    return _without_changed(passages)


def _without_changed(passages: list[Passage]) -> tuple[Passage, ...]:
    """Leaves out datagrams that were not lost but changed on the way.

    A device that damages the contents makes one datagram look like two: one that ends at the device, and one that
    begins behind it with the same identification and size.
    """
    begins: dict[tuple[int, int | None, int | None], list[Passage]] = {}
    for passage in passages:
        datagram = passage.attempt.datagram
        if datagram is not None and datagram.identification is not None:
            begins.setdefault((passage.session, datagram.identification, passage.wire_bytes), []).append(passage)
    return tuple(p for p in passages if not any(_continues(p, other) for other in _namesakes(p, begins)))


def _namesakes(passage: Passage, begins: dict[tuple[int, int | None, int | None], list[Passage]]) -> list[Passage]:
    datagram = passage.attempt.datagram
    if datagram is None or not passage.has_loss:
        return []
    return begins.get((passage.session, datagram.identification, passage.wire_bytes), [])


def _continues(ended: Passage, other: Passage) -> bool:
    """Whether `other` was first seen where `ended` is missed."""
    if other is ended or other.wire_bytes is None:
        return False
    end = max((piece.last_seen for piece in ended.pieces), default=-1)
    first = min((piece.first_seen for piece in other.pieces if piece.first_seen >= 0), default=-1)
    return 0 <= end < first


def _denied_points(terminal: Terminal, names: Names, raw: dict[Direction, tuple[Passage, ...]]) -> frozenset[str]:
    """Points that miss every send of a message which nevertheless was answered: they are not on this path.

    One such message settles it: an answer cannot come to a request that was lost.
    """
    by_message: dict[tuple[Direction, int, int], list[Passage]] = {}
    for row in raw.values():
        for passage in row:
            by_message.setdefault((passage.direction, passage.session, passage.number), []).append(passage)
    denied: set[str] = set()
    for (direction, session, number), sends in by_message.items():
        if all(passage.is_contradicted for passage in sends) or (
            all(any(piece.lost_at is not None for piece in passage.pieces) for passage in sends)
            and _came_through(terminal.sessions[session], direction, number, len(sends))
        ):
            way = names.of(direction)
            denied.update(
                way[piece.lost_at] for passage in sends for piece in passage.pieces if piece.lost_at is not None
            )
    return frozenset(denied)


def _came_through(session: Session, direction: Direction, number: int, traced: int) -> bool:
    """Whether the answer to this message exists, and no send of it that captures missed can have brought it."""
    if direction is Direction.TO_CLIENT:
        return False
    sends = sum(len(m.attempts) for m in session.messages if m.number == number and m.direction is direction)
    return sends == traced and bool(answers_of(session, number))


def answers_of(session: Session, number: int) -> tuple[Message, ...]:
    wanted = ANSWERS.get(number, ())
    return tuple(m for m in session.messages if m.direction is Direction.TO_CLIENT and m.number in wanted)


def got_by_client(message: Message, client_points: frozenset[str]) -> bool:
    """Whether any send of this answer reached the client, by its log or its capture."""
    return any(
        a.log_time_ns is not None
        or (a.datagram is not None and any(a.datagram.fate.get(p) is Fate.WHOLE for p in client_points))
        for a in message.attempts
    )


def log_evidence(attempt: Attempt, limit: int = 2) -> tuple[Evidence, ...]:
    return tuple(e for e in attempt.evidence if e.line is not None)[:limit]
