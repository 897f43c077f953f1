"""One session as a ladder: the model that the page, the PDF and the no-JavaScript page draw.

Works in two walks. The first lays out what happened: every sighting and log line becomes an instant on a time axis. The
axis then gives heights (see `time_axis`), and the second walk turns them into lines, marks and spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from app.core.analysis import CapturePoint, Session, Terminal
from app.core.records import Text
from app.core.timeline import texts
from app.core.timeline.lanes import build_lanes
from app.core.timeline.legend import build_legend
from app.core.timeline.model import Density, FragmentLine, LaneKind, LogMark, MarkKind, MessageArrow, Tick, Timeline
from app.core.timeline.plan import SIZES, Plan, Sent, height_at, lay_out, mark_kind, ref, start_time
from app.core.timeline.spans import draw_spans
from app.core.timeline.time_axis import AxisBuilder, SolvedAxis
from app.core.timeline.ways import Way, draw_way


def build_timeline(
    terminal: Terminal,
    session: Session,
    capture_points: Sequence[CapturePoint],
    *,
    corrected: bool = True,
    limit: int | None = None,
) -> Timeline:
    """Lays out one session. `corrected=False` shows each lane in its own clock's time (zones of logs taken out).

    `limit` keeps at most so many attempts of each message, the first ones and the last, for paper.
    """
    shown, notes = (session, ()) if limit is None else _shorten(session, limit)
    lanes, blind = build_lanes(shown, capture_points)
    attempts = sum(len(message.attempts) for message in shown.messages)
    density = Density.FULL if attempts <= 16 else Density.COMPACT if attempts <= 48 else Density.DENSE
    sizes = SIZES[density]
    plan = Plan(shown, lanes, AxisBuilder(sizes.axis), sizes, density, corrected)
    untimed = lay_out(plan)
    solved = plan.axis.solve()
    arrows = tuple(_draw_arrow(plan, sent, solved.heights) for sent in plan.sent)
    marks = tuple(sorted(_draw_marks(plan, arrows, solved.heights), key=lambda mark: (mark.y, mark.x)))
    spans = tuple(draw_spans(plan, arrows, solved))
    if not corrected:
        notes = (*notes, texts.RAW_TIMES)
    if untimed:
        notes = (*notes, texts.without_time(untimed))
    finding = terminal.findings[0] if terminal.findings else None
    return Timeline(
        title=texts.title(terminal.user, terminal.mac, session.event_id),
        summary=finding.summary if finding else texts.outcome_sentence(session.outcome),
        outcome=session.outcome,
        lanes=lanes,
        arrows=arrows,
        marks=marks,
        spans=spans,
        folds=solved.folds,
        ticks=tuple(_ticks(plan, marks, solved)),
        legend=build_legend(arrows, marks, spans, solved.folds),
        height=_bottom(arrows, solved.bottom) + sizes.mark,
        density=density,
        is_corrected=corrected,
        zone_known=session.zone_known,
        notes=(*notes, *blind),
    )


def _shorten(session: Session, limit: int) -> tuple[Session, tuple[Text, ...]]:
    notes: list[Text] = []
    messages = []
    for message in session.messages:
        over = len(message.attempts) - max(limit, 2)
        if over > 0:
            notes.append(texts.left_out(over))
            message = replace(message, attempts=(*message.attempts[: max(limit, 2) - 1], message.attempts[-1]))
        messages.append(message)
    return replace(session, messages=tuple(messages)), tuple(notes)


# ---------------------------------------------------------------- second walk: places


def _draw_arrow(plan: Plan, sent: Sent, heights: Sequence[float]) -> MessageArrow:
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
        title = texts.arrow_title(
            message.number, attempt.attempt, attempts, wire, attempt.plain_bytes, coding, attempt.gap_s
        )
    top = min(line.label_y for line in lines)
    return MessageArrow(
        number=message.number,
        direction=message.direction,
        attempt=attempt.attempt,
        attempts=attempts,
        gap_s=attempt.gap_s,
        wire_bytes=wire,
        plain_bytes=attempt.plain_bytes,
        coding=coding,
        title=title,
        x=lines[0].label_x,
        y=top,
        lines=tuple(lines),
        refs=sent.refs,
        is_lost=any(line.cross is not None for line in lines),
    )


def _teller(number: int, attempt: int, way: Way, identification: int | None) -> Callable[[str], Text]:
    return lambda place: texts.fragment_at(number, attempt, way.offset, way.length, identification, place)


def _draw_marks(plan: Plan, arrows: Sequence[MessageArrow], heights: Sequence[float]) -> Iterable[LogMark]:
    raw = {(id(sent), side): (shown, heights[handle]) for sent, side, shown, handle in plan.raw_lines}
    for sent, arrow in zip(plan.sent, arrows, strict=True):
        for side, line, written in (
            ("client", sent.client_line, sent.attempt.log_time_ns),
            ("server", sent.server_line, sent.attempt.server_log_time_ns),
        ):
            x, host = plan.lane(_log_lane(side)), plan.lane(LaneKind(side))
            if written is None or x is None or host is None:
                continue
            wire_y = height_at(arrow, sent, host, heights)
            shown, y = raw.get((id(sent), side), (sent.attempt.time_ns or written, wire_y))
            yield LogMark(
                x,
                y,
                MarkKind.LOG,
                side,
                texts.logged(sent.message.direction, side, sent.message.number, line.line if line else None),
                shown,
                written,
                (line,) if line else (),
                host,
                wire_y,
                texts.logged(sent.message.direction, side, sent.message.number, None),
            )
    for mark, shown, handle in plan.marks:
        x = plan.lane(_log_lane(mark.side))
        if x is not None:
            yield LogMark(
                x,
                heights[handle],
                mark_kind(mark),
                mark.side,
                texts.mark_text(mark.kind, mark.code, mark.text),
                shown,
                mark.raw_time_ns,
                (ref(mark.evidence),),
            )


def _log_lane(side: str) -> LaneKind:
    return LaneKind.CLIENT_LOG if side == "client" else LaneKind.SERVER_LOG


def _ticks(plan: Plan, marks: Sequence[LogMark], solved: SolvedAxis) -> Iterable[Tick]:
    wanted = [(solved.heights[sent.start], start_time(sent.attempt, plan.is_corrected) or 0) for sent in plan.sent]
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
