"""One session as a ladder: the model that the page, the PDF and the no-JavaScript page draw.

Works in two walks. The first lays out what happened: every sighting and log line becomes an instant on a time axis. The
axis then gives heights (see `time_axis`), and the second walk turns them into lines, marks and spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from app.core import timeline_texts as texts
from app.core.analysis import Attempt, CapturePoint, Evidence, Mark, Message, Session, Terminal
from app.core.records import NS, Direction, Text
from app.core.time_axis import AxisBuilder, AxisScale, SolvedAxis
from app.core.timeline_lanes import build_lanes
from app.core.timeline_legend import build_legend
from app.core.timeline_model import (
    Density,
    FragmentLine,
    Lane,
    LaneKind,
    LogMark,
    MarkKind,
    MessageArrow,
    Ref,
    Span,
    SpanKind,
    Tick,
    Timeline,
)
from app.core.timeline_ways import Way, draw_way, lay_stations, reach_below

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
class _Sent:
    """One attempt laid out: handles instead of heights."""

    message: Message
    attempt: Attempt
    ways: tuple[Way, ...]
    start: int
    refs: tuple[Ref, ...]
    client_line: Ref | None
    server_line: Ref | None


@dataclass(slots=True)
class _Plan:
    session: Session
    lanes: tuple[Lane, ...]
    axis: AxisBuilder
    sizes: Sizes
    density: Density
    is_corrected: bool
    sent: list[_Sent] = field(default_factory=list)
    marks: list[tuple[Mark, int, int]] = field(default_factory=list)  # mark, time as drawn, handle
    raw_lines: list[tuple[_Sent, str, int, int]] = field(default_factory=list)  # sent, side, time as drawn, handle

    def lane(self, kind: LaneKind) -> float | None:
        return next((float(x) for x, lane in enumerate(self.lanes) if lane.kind is kind), None)

    def travel(self, direction: Direction) -> list[tuple[int, Lane]]:
        logs = (LaneKind.CLIENT_LOG, LaneKind.SERVER_LOG)
        lanes = [(x, lane) for x, lane in enumerate(self.lanes) if lane.kind not in logs]
        return lanes if direction is Direction.TO_SERVER else lanes[::-1]


def build_timeline(terminal: Terminal, session: Session, capture_points: Sequence[CapturePoint], *,
                   corrected: bool = True, limit: int | None = None) -> Timeline:
    """Lays out one session. `corrected=False` shows each lane in its own clock's time (zones of logs taken out).

    `limit` keeps at most so many attempts of each message, the first ones and the last, for paper.
    """
    shown, notes = (session, ()) if limit is None else _shorten(session, limit)
    lanes, blind = build_lanes(shown, capture_points)
    attempts = sum(len(message.attempts) for message in shown.messages)
    density = Density.FULL if attempts <= 16 else Density.COMPACT if attempts <= 48 else Density.DENSE
    sizes = SIZES[density]
    plan = _Plan(shown, lanes, AxisBuilder(sizes.axis), sizes, density, corrected)
    untimed = _lay_out(plan)
    solved = plan.axis.solve()
    arrows = tuple(_draw_arrow(plan, sent, solved.heights) for sent in plan.sent)
    marks = tuple(sorted(_draw_marks(plan, arrows, solved.heights), key=lambda mark: (mark.y, mark.x)))
    spans = tuple(_draw_spans(plan, arrows, solved))
    if not corrected:
        notes = (*notes, texts.RAW_TIMES)
    if untimed:
        notes = (*notes, texts.without_time(untimed))
    finding = terminal.findings[0] if terminal.findings else None
    return Timeline(
        title=texts.title(terminal.user, terminal.mac, session.event_id),
        summary=finding.summary if finding else texts.outcome_sentence(session.outcome),
        outcome=session.outcome, lanes=lanes, arrows=arrows, marks=marks, spans=spans, folds=solved.folds,
        ticks=tuple(_ticks(plan, marks, solved)), legend=build_legend(arrows, marks, spans, solved.folds),
        height=_bottom(arrows, solved.bottom) + sizes.mark, density=density, is_corrected=corrected,
        zone_known=session.zone_known, notes=(*notes, *blind))


def _shorten(session: Session, limit: int) -> tuple[Session, tuple[Text, ...]]:
    notes: list[Text] = []
    messages = []
    for message in session.messages:
        over = len(message.attempts) - max(limit, 2)
        if over > 0:
            notes.append(texts.left_out(over))
            message = replace(message, attempts=(*message.attempts[:max(limit, 2) - 1], message.attempts[-1]))
        messages.append(message)
    return replace(session, messages=tuple(messages)), tuple(notes)


# ---------------------------------------------------------------- first walk: instants


def _lay_out(plan: _Plan) -> int:
    """Registers everything; returns how many attempts have no time at all."""
    timed, untimed = [], 0
    for message in plan.session.messages:
        for attempt in message.attempts:
            start_ns = _start_time(attempt, plan.is_corrected)
            if start_ns is None:
                untimed += 1
            else:
                timed.append((start_ns, _line_number(attempt), message, attempt))
    for start_ns, _, message, attempt in sorted(timed, key=lambda item: item[:2]):
        plan.sent.append(_lay_attempt(plan, message, attempt, start_ns))
    for before, after in zip(plan.sent, plan.sent[1:], strict=False):
        plan.axis.apart(before.start, after.start, plan.sizes.header)
    if not plan.is_corrected:
        _lay_raw_lines(plan)
    _lay_marks(plan)
    return untimed


def _line_number(attempt: Attempt) -> int:
    return min((item.line for item in attempt.evidence if item.line is not None), default=0)


def _start_time(attempt: Attempt, is_corrected: bool) -> int | None:
    """When it set out, as far as it is drawn: the first sighting, else the log."""
    sightings = [s for f in (attempt.datagram.fragments if attempt.datagram else ()) for s in f.sightings.values()]
    times = [t for s in sightings if (t := s.time_ns if is_corrected else s.raw_time_ns) is not None]
    if times and is_corrected:
        return min(times)
    if times:  # uncorrected clocks do not compare: the earliest in true time shows its own time
        first = min((s for s in sightings if s.raw_time_ns is not None), key=lambda s: s.time_ns or 0)
        return first.raw_time_ns
    return attempt.time_ns if attempt.time_ns is not None else attempt.log_time_ns


def _lay_attempt(plan: _Plan, message: Message, attempt: Attempt, start_ns: int) -> _Sent:
    sizes, lanes = plan.sizes, plan.travel(message.direction)
    fragments = attempt.datagram.fragments if attempt.datagram else ()
    start = plan.axis.instant(start_ns, lead=sizes.header)
    known = frozenset(kind for kind, proof in (
        (LaneKind.CLIENT, attempt.log_time_ns), (LaneKind.SERVER, attempt.server_log_time_ns)) if proof is not None)
    ways = []
    for fragment in fragments:
        stations = lay_stations(fragment, lanes, plan.axis, plan.is_corrected, known)
        ways.append(Way(fragment.offset, fragment.length, stations, start))
    if not ways:
        stations = lay_stations(None, lanes, plan.axis, plan.is_corrected, known)
        ways.append(Way(0, attempt.wire_bytes or 0, stations, start))
    _keep_apart(plan.axis, ways, sizes.apart)
    _reserve_ends(plan.axis, ways, sizes.drop, start_ns)
    refs = tuple(_ref(item) for item in attempt.evidence)
    lines = [ref for ref in refs if ref.line is not None]
    client_line = lines.pop(0) if attempt.log_time_ns is not None and lines else None
    server_line = lines.pop(0) if attempt.server_log_time_ns is not None and lines else None
    return _Sent(message, attempt, tuple(ways), start, refs, client_line, server_line)


def _keep_apart(axis: AxisBuilder, ways: Sequence[Way], room: float) -> None:
    """Fragments that follow each other stay told apart on every lane that saw them."""
    if room and len(ways) > 1:
        for stations in zip(*(way.stations for way in ways), strict=True):
            seen = axis.earlier_first([station.handle for station in stations if station.handle is not None])
            for one, other in zip(seen, seen[1:], strict=False):
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


def _ref(item: Evidence) -> Ref:
    return Ref(item.source, item.line, item.frame)


def _lay_raw_lines(plan: _Plan) -> None:
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


def _lay_marks(plan: _Plan) -> None:
    """Log records that are no message. Times to the second are held in the order of the lines."""
    before: dict[str, int] = {}
    last: dict[str, int] = {}
    lines = sorted((line.source, line.line or 0, sent.start, _time_of(sent)) for sent in plan.sent
                   for line in (sent.client_line, sent.server_line) if line is not None)
    for mark in sorted(plan.session.marks, key=lambda m: (m.evidence.source, m.evidence.line or 0, m.time_ns)):
        source, line = mark.evidence.source, mark.evidence.line or 0
        shown = mark.time_ns if plan.is_corrected else without_zone(mark.raw_time_ns, mark.time_ns)
        earlier = [at for name, number, _, at in lines if name == source and number < line]
        floor = max([before.get(source, shown), *earlier])
        if mark.raw_time_ns % NS == 0 and shown < floor < shown + NS:
            shown = floor
        handle = plan.axis.instant(shown, lead=plan.sizes.mark)
        if mark.side in last:
            plan.axis.apart(last[mark.side], handle, plan.sizes.mark)
        before[source], last[mark.side] = shown, handle
        plan.marks.append((mark, shown, handle))


def _time_of(sent: _Sent) -> int:
    return _start_time(sent.attempt, True) or 0


# ---------------------------------------------------------------- second walk: places


def _draw_arrow(plan: _Plan, sent: _Sent, heights: Sequence[float]) -> MessageArrow:
    message, attempt = sent.message, sent.attempt
    datagram = attempt.datagram
    identification = datagram.identification if datagram else None
    is_labelled = plan.density is Density.FULL and datagram is not None and len(sent.ways) > 1
    lines: list[FragmentLine] = []
    for way in sent.ways:
        tell = _teller(message.number, attempt.attempt, way, identification)
        label = texts.byte_range(way.offset, way.length) if is_labelled else None
        lines.append(draw_way(way, heights, plan.sizes.drop, label, tell))
    wire = attempt.wire_bytes if attempt.wire_bytes is not None else datagram.wire_bytes if datagram else None
    coding = datagram.coding if datagram else None
    attempts = max(len(message.attempts), message.attempts[-1].attempt)
    if plan.density is Density.DENSE:
        title = texts.short_title(message.number, attempt.attempt, attempts, wire)
    else:
        title = texts.arrow_title(message.number, attempt.attempt, attempts, wire, attempt.plain_bytes, coding,
                                  attempt.gap_s)
    top = min(line.label_y for line in lines)
    return MessageArrow(
        number=message.number, direction=message.direction, attempt=attempt.attempt, attempts=attempts,
        gap_s=attempt.gap_s, wire_bytes=wire, plain_bytes=attempt.plain_bytes, coding=coding, title=title,
        x=lines[0].label_x, y=top, lines=tuple(lines), refs=sent.refs,
        is_lost=any(line.cross is not None for line in lines))


def _teller(number: int, attempt: int, way: Way, identification: int | None) -> Callable[[str], Text]:
    return lambda place: texts.fragment_at(number, attempt, way.offset, way.length, identification, place)


def _draw_marks(plan: _Plan, arrows: Sequence[MessageArrow], heights: Sequence[float]) -> Iterable[LogMark]:
    raw = {(id(sent), side): (shown, heights[handle]) for sent, side, shown, handle in plan.raw_lines}
    for sent, arrow in zip(plan.sent, arrows, strict=True):
        for side, line, written in (("client", sent.client_line, sent.attempt.log_time_ns),
                                    ("server", sent.server_line, sent.attempt.server_log_time_ns)):
            x, host = plan.lane(_log_lane(side)), plan.lane(LaneKind(side))
            if written is None or x is None or host is None:
                continue
            wire_y = _height_at(arrow, sent, host, heights)
            shown, y = raw.get((id(sent), side), (sent.attempt.time_ns or written, wire_y))
            yield LogMark(x, y, MarkKind.LOG, side,
                          texts.logged(sent.message.direction, side, sent.message.number, line.line if line else None),
                          shown, written, (line,) if line else (), host, wire_y)
    for mark, shown, handle in plan.marks:
        x = plan.lane(_log_lane(mark.side))
        if x is not None:
            yield LogMark(x, heights[handle], _mark_kind(mark), mark.side, texts.mark_text(mark.kind, mark.code, mark.text),
                          shown, mark.raw_time_ns, (_ref(mark.evidence),))


def _log_lane(side: str) -> LaneKind:
    return LaneKind.CLIENT_LOG if side == "client" else LaneKind.SERVER_LOG


def _mark_kind(mark: Mark) -> MarkKind:
    if mark.kind == "result" and mark.code is not None:
        return MarkKind.GOOD if mark.code == 0 else MarkKind.BAD
    return MarkKind.BAD if mark.kind == "send_error" else MarkKind.NOTICE


def _height_at(arrow: MessageArrow, sent: _Sent, lane: float, heights: Sequence[float]) -> float:
    """Where the message's first line meets a host's lane: the other end of a log line's tie."""
    spots = [spot.y for line in arrow.lines for spot in line.seen if spot.x == lane]
    if spots:
        return min(spots)
    ends = [piece.y1 for line in arrow.lines for piece in line.pieces if piece.x1 == lane]
    return min(ends) if ends else heights[sent.start]


def _draw_spans(plan: _Plan, arrows: Sequence[MessageArrow], solved: SolvedAxis) -> Iterable[Span]:
    heights = solved.heights
    host = {Direction.TO_SERVER: plan.lane(LaneKind.CLIENT), Direction.TO_CLIENT: plan.lane(LaneKind.SERVER)}

    def span(kind: SpanKind, x: float, one: int, other: int, from_ns: int, to_ns: int, text: Text) -> Span:
        y0, y1 = heights[one], heights[other]
        lead = next((fold.y1 for fold in solved.folds if y0 <= fold.y0 and fold.y1 <= y1 and fold.to_ns == to_ns), y1)
        top = next((fold.y0 for fold in solved.folds if fold.y1 == lead), y0)
        return Span(kind, x, y0, y1, (to_ns - from_ns) / NS, text, round((top + lead) / 2, 2))

    def begun(sent: _Sent) -> int:
        return _start_time(sent.attempt, plan.is_corrected) or 0

    last: dict[tuple[int, Direction], _Sent] = {}
    for sent in plan.sent:
        number, direction = sent.message.number, sent.message.direction
        before = last.get((number, direction))
        policy = last.get((2, Direction.TO_CLIENT))
        x = host[direction]
        if before is not None and x is not None and before.attempt.attempt != sent.attempt.attempt:
            quiet = (begun(sent) - begun(before)) / NS
            yield span(SpanKind.WAIT, x, before.start, sent.start, begun(before), begun(sent), texts.waited_for(quiet))
        elif number == 3 and before is None and policy is not None and x is not None and begun(sent) > begun(policy):
            quiet = (begun(sent) - begun(policy)) / NS
            arrival = _height_at(arrows[plan.sent.index(policy)], policy, x, heights)
            checking = span(SpanKind.CHECK, x, policy.start, sent.start, begun(policy), begun(sent), texts.checked_for(quiet))
            yield replace(checking, y0=arrival)
        last[(number, direction)] = sent
    yield from _give_up(plan, last, span, begun)


def _give_up(plan: _Plan, last: dict[tuple[int, Direction], _Sent], span: Callable[..., Span],
             begun: Callable[[_Sent], int]) -> Iterable[Span]:
    """From the last unanswered send to the bad result that followed it."""
    x = plan.lane(LaneKind.CLIENT)
    asked = [sent for (number, direction), sent in last.items()
             if direction is Direction.TO_SERVER and (number + 1, Direction.TO_CLIENT) not in last]
    bad = next(((mark, shown, handle) for mark, shown, handle in plan.marks
                if _mark_kind(mark) is MarkKind.BAD and mark.side == "client"), None)
    if x is None or not asked or bad is None:
        return
    sent = max(asked, key=begun)
    _, shown, handle = bad
    first = min((one for one in plan.sent if one.message is sent.message), key=begun)
    if shown > begun(sent):
        text = texts.gave_up_after((shown - begun(first)) / NS, len(sent.message.attempts))
        yield span(SpanKind.GIVE_UP, x, sent.start, handle, begun(sent), shown, text)


def _ticks(plan: _Plan, marks: Sequence[LogMark], solved: SolvedAxis) -> Iterable[Tick]:
    wanted = [(solved.heights[sent.start], _start_time(sent.attempt, plan.is_corrected) or 0) for sent in plan.sent]
    wanted += [(mark.y, mark.time_ns) for mark in marks if mark.tie_x is None]
    wanted += [(mark.y, mark.time_ns) for mark in marks if not plan.is_corrected]
    below, before = float("-inf"), None
    for y, time_ns in sorted(wanted):
        if y - below >= plan.sizes.tick and time_ns != before:
            yield Tick(y, time_ns)
            below, before = y, time_ns


def _bottom(arrows: Sequence[MessageArrow], bottom: float) -> float:
    """Fading lines and crosses reach below the last instant."""
    return max([bottom, *(piece.y1 for arrow in arrows for line in arrow.lines for piece in line.pieces)])
