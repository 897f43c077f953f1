"""Spans of a ladder: the local check, the waits between sends, and giving up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from app.core.records import NS, Direction, Text
from app.core.timeline import texts
from app.core.timeline.model import LaneKind, MarkKind, MessageArrow, Span, SpanKind
from app.core.timeline.plan import Plan, Sent, height_at, mark_kind, start_time
from app.core.timeline.time_axis import SolvedAxis


def draw_spans(plan: Plan, arrows: Sequence[MessageArrow], solved: SolvedAxis) -> Iterable[Span]:
    heights = solved.heights
    host = {Direction.TO_SERVER: plan.lane(LaneKind.CLIENT), Direction.TO_CLIENT: plan.lane(LaneKind.SERVER)}

    def span(kind: SpanKind, x: float, one: int, other: int, from_ns: int, to_ns: int, text: Text) -> Span:
        y0, y1 = heights[one], heights[other]
        lead = next((fold.y1 for fold in solved.folds if y0 <= fold.y0 and fold.y1 <= y1 and fold.to_ns == to_ns), y1)
        top = next((fold.y0 for fold in solved.folds if fold.y1 == lead), y0)
        return Span(kind, x, y0, y1, (to_ns - from_ns) / NS, text, round((top + lead) / 2, 2))

    def begun(sent: Sent) -> int:
        return start_time(sent.attempt, plan.is_corrected) or 0

    last: dict[tuple[int, Direction], Sent] = {}
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
            arrival = height_at(arrows[plan.sent.index(policy)], policy, x, heights)
            checking = span(
                SpanKind.CHECK, x, policy.start, sent.start, begun(policy), begun(sent), texts.checked_for(quiet)
            )
            yield replace(checking, y0=arrival)
        last[(number, direction)] = sent
    yield from _give_up(plan, last, span, begun)


def _give_up(
    plan: Plan, last: dict[tuple[int, Direction], Sent], span: Callable[..., Span], begun: Callable[[Sent], int]
) -> Iterable[Span]:
    """From the last unanswered send to the bad result that followed it."""
    x = plan.lane(LaneKind.CLIENT)
    asked = [
        sent
        for (number, direction), sent in last.items()
        if direction is Direction.TO_SERVER and (number + 1, Direction.TO_CLIENT) not in last
    ]
    bad = next(
        (
            (mark, shown, handle)
            for mark, shown, handle in plan.marks
            if mark_kind(mark) is MarkKind.BAD and mark.side == "client"
        ),
        None,
    )
    if x is None or not asked or bad is None:
        return
    sent = max(asked, key=begun)
    _, shown, handle = bad
    first = min((one for one in plan.sent if one.message is sent.message), key=begun)
    if shown > begun(sent):
        text = texts.gave_up_after((shown - begun(first)) / NS, len(sent.message.attempts))
        yield span(SpanKind.GIVE_UP, x, sent.start, handle, begun(sent), shown, text)
