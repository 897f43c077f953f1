"""First walk over a session: every sighting and log line becomes an instant on the time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from app.core.analysis import Attempt, Evidence, Mark, Message, Session
from app.core.records import NS, Direction
from app.core.timeline.model import Density, Lane, LaneKind, MarkKind, MessageArrow, Ref
from app.core.timeline.time_axis import AxisBuilder, AxisScale
from app.core.timeline.ways import Way, lay_stations, reach_below

# A time zone is a multiple of this; what is left of a log's distance is its clock's error.
ZONE_STEP_NS = 15 * 60 * NS


@dataclass(frozen=True, slots=True)
class Sizes:
    """Room in axis units for one density."""

    axis: AxisScale
    header: float  # above an attempt, for its title
    apart: float  # between two fragments of a datagram, on every lane
    mark: float  # between two log lines
    drop: float
    tick: float


SIZES = {
    Density.FULL: Sizes(AxisScale(14, 46), header=22, apart=14, mark=17, drop=22, tick=13),
    Density.COMPACT: Sizes(AxisScale(8, 26), header=18, apart=7, mark=15, drop=12, tick=13),
    Density.DENSE: Sizes(AxisScale(3, 10), header=15, apart=4, mark=14, drop=6, tick=13),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt laid out: handles instead of heights."""

    message: Message
    attempt: Attempt
    ways: tuple[Way, ...]
    start: int
    refs: tuple[Ref, ...]
    client_line: Ref | None
    server_line: Ref | None


@dataclass(slots=True)
class Plan:
    session: Session
    lanes: tuple[Lane, ...]
    axis: AxisBuilder
    sizes: Sizes
    density: Density
    is_corrected: bool
    sent: list[Sent] = field(default_factory=list)
    marks: list[tuple[Mark, int, int]] = field(default_factory=list)  # mark, time as drawn, handle
    raw_lines: list[tuple[Sent, str, int, int]] = field(default_factory=list)  # sent, side, time as drawn, handle

    def lane(self, kind: LaneKind) -> float | None:
        return next((float(x) for x, lane in enumerate(self.lanes) if lane.kind is kind), None)

    def travel(self, direction: Direction) -> list[tuple[int, Lane]]:
        logs = (LaneKind.CLIENT_LOG, LaneKind.SERVER_LOG)
        lanes = [(x, lane) for x, lane in enumerate(self.lanes) if lane.kind not in logs]
        return lanes if direction is Direction.TO_SERVER else lanes[::-1]


def lay_out(plan: Plan) -> int:
    """Registers everything; returns how many attempts have no time at all."""
    timed, untimed = [], 0
    for message in plan.session.messages:
        for attempt in message.attempts:
            start_ns = start_time(attempt, plan.is_corrected)
            if start_ns is None:
                untimed += 1
            else:
                timed.append((start_ns, line_number(attempt), message, attempt))
    for start_ns, _, message, attempt in sorted(timed, key=lambda item: item[:2]):
        plan.sent.append(_lay_attempt(plan, message, attempt, start_ns))
    for before, after in pairwise(plan.sent):
        plan.axis.apart(before.start, after.start, plan.sizes.header)
    if not plan.is_corrected:
        _lay_raw_lines(plan)
    _lay_marks(plan)
    return untimed


def line_number(attempt: Attempt) -> int:
    return min((item.line for item in attempt.evidence if item.line is not None), default=0)


def start_time(attempt: Attempt, is_corrected: bool) -> int | None:
    """When it set out, as far as it is drawn: the first sighting, else the log."""
    sightings = [s for f in (attempt.datagram.fragments if attempt.datagram else ()) for s in f.sightings.values()]
    times = [t for s in sightings if (t := s.time_ns if is_corrected else s.raw_time_ns) is not None]
    if times and is_corrected:
        return min(times)
    if times:  # uncorrected clocks do not compare: the earliest in true time shows its own time
        first = min((s for s in sightings if s.raw_time_ns is not None), key=lambda s: s.time_ns or 0)
        return first.raw_time_ns
    return attempt.time_ns if attempt.time_ns is not None else attempt.log_time_ns


def _lay_attempt(plan: Plan, message: Message, attempt: Attempt, start_ns: int) -> Sent:
    sizes, lanes = plan.sizes, plan.travel(message.direction)
    fragments = attempt.datagram.fragments if attempt.datagram else ()
    start = plan.axis.instant(start_ns, lead=sizes.header)
    known = frozenset(
        kind
        for kind, proof in ((LaneKind.CLIENT, attempt.log_time_ns), (LaneKind.SERVER, attempt.server_log_time_ns))
        if proof is not None
    )
    ways = []
    for fragment in fragments:
        stations = lay_stations(fragment, lanes, plan.axis, plan.is_corrected, known)
        ways.append(Way(fragment.offset, fragment.length, stations, start))
    if not ways:
        stations = lay_stations(None, lanes, plan.axis, plan.is_corrected, known)
        ways.append(Way(0, attempt.wire_bytes or 0, stations, start))
    _keep_apart(plan.axis, ways, sizes.apart)
    _reserve_ends(plan.axis, ways, sizes.drop, start_ns)
    refs = tuple(ref(item) for item in attempt.evidence)
    lines = [ref for ref in refs if ref.line is not None]
    client_line = lines.pop(0) if attempt.log_time_ns is not None and lines else None
    server_line = lines.pop(0) if attempt.server_log_time_ns is not None and lines else None
    return Sent(message, attempt, tuple(ways), start, refs, client_line, server_line)


def _keep_apart(axis: AxisBuilder, ways: Sequence[Way], room: float) -> None:
    """Fragments that follow each other stay told apart on every lane that saw them."""
    if room and len(ways) > 1:
        for stations in zip(*(way.stations for way in ways), strict=True):
            seen = axis.earlier_first([station.handle for station in stations if station.handle is not None])
            for one, other in pairwise(seen):
                axis.apart(one, other, room)


def _reserve_ends(axis: AxisBuilder, ways: Sequence[Way], drop: float, start_ns: int) -> None:
    """Room for crosses and fading ends, which have no time, before whatever comes next."""
    times = [station.time_ns for way in ways for station in way.stations if station.time_ns is not None]
    needs = [(way, reach) for way in ways if (reach := reach_below(way, drop)) > 0]
    if needs:
        end = axis.instant(max(times, default=start_ns))
        for way, reach in needs:
            timed = [station.handle for station in way.stations if station.handle is not None]
            axis.apart(timed[-1] if timed else way.start, end, reach)


def ref(item: Evidence) -> Ref:
    return Ref(item.source, item.line, item.frame)


def _lay_raw_lines(plan: Plan) -> None:
    """Uncorrected, a log line stands at its own clock's time; only the zone is taken out, which is no error."""
    for sent in plan.sent:
        for side, written in (("client", sent.attempt.log_time_ns), ("server", sent.attempt.server_log_time_ns)):
            if written is None or sent.attempt.time_ns is None:
                continue
            shown = without_zone(written, sent.attempt.time_ns)
            handle = plan.axis.instant(shown)
            for _, other_side, _, other in plan.raw_lines:
                if other_side == side:
                    plan.axis.apart(other, handle, plan.sizes.mark)
            plan.raw_lines.append((sent, side, shown, handle))


def without_zone(written_ns: int, true_ns: int) -> int:
    """Local time as written → the same reading in UTC, the clock's own error kept."""
    return written_ns - round((written_ns - true_ns) / ZONE_STEP_NS) * ZONE_STEP_NS


def _lay_marks(plan: Plan) -> None:
    """Log records that are no message. Times to the second are held in the order of the lines."""
    before: dict[str, int] = {}
    last: dict[str, int] = {}
    lines = sorted(
        (line.source, line.line or 0, _time_at(sent, host))
        for sent in plan.sent
        for line, host in (
            (sent.client_line, plan.lane(LaneKind.CLIENT)),
            (sent.server_line, plan.lane(LaneKind.SERVER)),
        )
        if line is not None
    )
    for mark in sorted(plan.session.marks, key=lambda m: (m.evidence.source, m.evidence.line or 0, m.time_ns)):
        source, line = mark.evidence.source, mark.evidence.line or 0
        shown = mark.time_ns if plan.is_corrected else without_zone(mark.raw_time_ns, mark.time_ns)
        earlier = [at for name, number, at in lines if name == source and number < line]
        floor = max([before.get(source, shown), *earlier])
        if mark.raw_time_ns % NS == 0 and shown < floor < shown + NS:
            shown = floor
        handle = plan.axis.instant(shown, lead=plan.sizes.mark)
        if mark.side in last:
            plan.axis.apart(last[mark.side], handle, plan.sizes.mark)
        before[source], last[mark.side] = shown, handle
        plan.marks.append((mark, shown, handle))


def _time_at(sent: Sent, lane: float | None) -> int:
    """When a message touched a host's lane; where nobody captured there, when it was last seen at all."""
    timed = [station for way in sent.ways for station in way.stations if station.time_ns is not None]
    there = [station.time_ns or 0 for station in timed if station.x == lane]
    if there:
        return min(there)
    return max((station.time_ns or 0 for station in timed), default=start_time(sent.attempt, True) or 0)


def mark_kind(mark: Mark) -> MarkKind:
    if mark.kind == "result" and mark.code is not None:
        return MarkKind.GOOD if mark.code == 0 else MarkKind.BAD
    return MarkKind.BAD if mark.kind == "send_error" else MarkKind.NOTICE


def height_at(arrow: MessageArrow, sent: Sent, lane: float, heights: Sequence[float]) -> float:
    """Where the message's first line meets a host's lane: the other end of a log line's tie."""
    spots = [spot.y for line in arrow.lines for spot in line.seen if spot.x == lane]
    if spots:
        return min(spots)
    ends = [piece.y1 for line in arrow.lines for piece in line.pieces if piece.x1 == lane]
    return min(ends) if ends else heights[sent.start]
