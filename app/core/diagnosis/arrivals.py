"""Requests that are known to have come to the server and were never answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.core import anomalies
from app.core.analysis import Attempt, DatagramFate, Fate, Message, Outcome, Role, Seen, Session
from app.core.diagnosis.case_view import CaseView
from app.core.diagnosis.terminal_view import TerminalView, answers_of
from app.core.records import NS, Direction

REQUESTS = (1, 3)
ANSWER_WAIT_NS = 4 * NS  # a policy server answers in milliseconds; the client itself waits 5 s
# Receivers keep fragments 15 to 60 s; pieces further apart than this cannot have met on any usual system.
REASSEMBLY_NS = 30 * NS
# Devices on the way are stricter: Comware's virtual reassembly waits 3 s.
DEVICE_REASSEMBLY_NS = 3 * NS
# Hosts drop overlapping fragments whatever they contain (RFC 5722 for IPv6, and Linux for IPv4 as well).
_BROKEN = frozenset(
    {
        anomalies.OVERLAP,
        anomalies.OVERLAP_CONFLICT,
        anomalies.TOO_LONG,
        anomalies.TWO_ENDS,
        anomalies.BEYOND_END,
        anomalies.BAD_UDP_LENGTH,
        anomalies.BAD_UDP_CHECKSUM,
    }
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of one session. `whole`: sends seen whole at a server point; `logged`: those in the server's log."""

    session: Session
    message: Message
    whole: tuple[Attempt, ...]
    logged: tuple[Attempt, ...]
    broken: tuple[tuple[Attempt, str], ...]  # whole, but with a reason why no host can put it together
    points: frozenset[str]
    has_stray_reply: bool

    @property
    def is_broken(self) -> bool:
        return bool(self.broken) and len(self.broken) == len(self.whole) and not self.logged


def unanswered_arrivals(case: CaseView, terminal: TerminalView) -> Iterator[Arrival]:
    points = case.points_of(Role.SERVER) - terminal.denied
    for session in terminal.sessions:
        if session.outcome is Outcome.PASSED:
            continue
        for message in session.messages:
            if message.number not in REQUESTS or message.direction is not Direction.TO_SERVER:
                continue
            if answers_of(session, message.number):
                continue
            arrival = _arrival(case, terminal, session, message, points)
            if arrival.whole or arrival.logged:
                yield arrival


def _arrival(
    case: CaseView, terminal: TerminalView, session: Session, message: Message, points: frozenset[str]
) -> Arrival:
    whole = tuple(
        a
        for a in message.attempts
        if a.datagram is not None and any(a.datagram.fate.get(p) is Fate.WHOLE for p in points)
    )
    reasons = [(a, _why_broken(a.datagram, points)) for a in whole if a.datagram is not None]
    return Arrival(
        session=session,
        message=message,
        whole=whole,
        logged=tuple(a for a in message.attempts if a.server_log_time_ns is not None),
        broken=tuple((a, why) for a, why in reasons if why),
        points=points,
        has_stray_reply=_has_stray_reply(case, terminal, whole),
    )


def _why_broken(datagram: DatagramFate, points: frozenset[str]) -> str:
    """The name of what keeps a host from reassembling it, "" where nothing does."""
    for point in points:
        for anomaly in datagram.anomalies.get(point, ()):
            if anomaly in _BROKEN:
                return anomaly
        if spread_ns(datagram, point) > REASSEMBLY_NS:
            return "late"
    return ""


def spread_ns(datagram: DatagramFate, point: str) -> int:
    """Time between the first and the last fragment at one point, on that capture's own clock."""
    times = [
        s.raw_time_ns
        for f in datagram.fragments
        if (s := f.sightings.get(point)) is not None and s.state is Seen.SEEN and s.raw_time_ns is not None
    ]
    return max(times) - min(times) if times else 0


def _has_stray_reply(case: CaseView, terminal: TerminalView, whole: tuple[Attempt, ...]) -> bool:
    """Something of the server to this client that no session claims, after the message came: perhaps the answer."""
    since = min((a.time_ns for a in whole if a.time_ns is not None), default=None)
    if since is None:
        return False
    return any(traced.time_ns >= since for ip in terminal.terminal.ip for traced in case.stray_replies.get(ip, ()))


def watched_after(case: CaseView, arrival: Arrival) -> bool:
    """Whether a server point went on capturing long enough after a whole arrival for an answer to show."""
    moments = [a.time_ns for a in arrival.whole if a.time_ns is not None]
    able = arrival.points - case.half_blind - case.lossy_points()
    spans = [span for p in able if p in case.points for span in case.points[p].observed_ns]
    return any(start <= at and at + ANSWER_WAIT_NS <= end for at in moments for start, end in spans)
