"""Attempts at which a point could say nothing, by the ground for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.core.analysis import Attempt, Evidence, Seen
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.evidence import of_attempts, unique
from app.core.diagnosis.terminal_view import TerminalView
from app.core.records import NS

NOT_CAPTURING = "not-capturing"
CLOCK_UNKNOWN = "clock-unknown"
FILTERED = "filtered"
LOG_SLACK_NS = 2 * NS  # log times have whole seconds


@dataclass(slots=True)
class BlindSpot:
    """One point and the sends it could not judge. `numbers`: which messages they are."""

    point: str
    attempts: list[Attempt] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)

    def add(self, attempt: Attempt, number: int) -> None:
        self.attempts.append(attempt)
        self.numbers.add(number)


def blind_spots(case: CaseView, terminal: TerminalView, reason: str) -> tuple[BlindSpot, ...]:
    spots: dict[str, BlindSpot] = {}
    for _, message, attempt in terminal.sends():
        for point in _blind_points(case, attempt, reason):
            spots.setdefault(point, BlindSpot(point)).add(attempt, message.number)
    return tuple(spots[name] for name in case.names.to_server if name in spots)


def _blind_points(case: CaseView, attempt: Attempt, reason: str) -> Iterator[str]:
    if attempt.datagram is not None:
        sighted = {
            point
            for fragment in attempt.datagram.fragments
            for point, s in fragment.sightings.items()
            if s.state is Seen.UNKNOWN and s.reason_code == reason
        }
        yield from sighted
    elif reason == NOT_CAPTURING and attempt.time_ns is not None:
        # No capture has it: only where no point was running does that say nothing.
        spans = {name: point.observed_ns for name, point in case.points.items()}
        outside = [name for name, its in spans.items() if its and not _within(attempt.time_ns, its)]
        if len(outside) == len(spans):
            yield from outside


def _within(at_ns: int, spans: tuple[tuple[int, int], ...]) -> bool:
    return any(start - LOG_SLACK_NS <= at_ns <= end + LOG_SLACK_NS for start, end in spans)


def spot_evidence(case: CaseView, spot: BlindSpot) -> tuple[Evidence, ...]:
    """The first frame of the capture in question, or line of a device's log, and the sends that it cannot judge."""
    sources = case.points[spot.point].sources if spot.point in case.points else ()
    devices = {facts.source for facts in case.facts.devices}
    edges = [
        Evidence(source, 1 if source in devices else None, None if source in devices else 1, f"{spot.point}: 1")
        for source in sources[:1]
    ]
    return unique((*edges, *of_attempts(spot.attempts)))
