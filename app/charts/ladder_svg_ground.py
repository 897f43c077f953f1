"""What a ladder stands on: folded times, lanes, ticks, and the spans of waiting."""

from __future__ import annotations

from app.charts.ladder_svg_sheet import HEAD, Sheet
from app.charts.writing import clean, clock_of, day, moment, shorten, width_of, zone_name
from app.core.timeline.model import Density, LaneKind, Span, SpanKind
from app.core.timeline.texts import folded


def draw_folds(sheet: Sheet) -> None:
    svg, theme = sheet.svg, sheet.theme
    right = svg.width - 8
    for fold in sheet.timeline.folds:
        top, bottom = sheet.y(fold.y0), sheet.y(fold.y1)
        if bottom - top < 3:
            continue
        middle, inset = (top + bottom) / 2, min(6.0, (bottom - top) / 4)
        svg.rect(8, top + inset, right - 8, bottom - top - 2 * inset, fill=theme.band, rx=3)
        if not sheet.is_thumb and bottom - top > 9:
            svg.text(
                sheet.ticks - 14,
                middle + 3.5,
                f"≀ {sheet.say(folded(fold.seconds))}",
                size=10,
                fill=theme.muted,
                anchor="end",
            )


def draw_lanes(sheet: Sheet) -> None:
    svg, theme = sheet.svg, sheet.theme
    for index, lane in enumerate(sheet.timeline.lanes):
        x = sheet.x(index)
        is_log = lane.kind in (LaneKind.CLIENT_LOG, LaneKind.SERVER_LOG)
        dash = "2 4" if is_log else None if lane.is_observed else "7 5"
        svg.line(
            x,
            HEAD - 10,
            x,
            sheet.bottom - 8,
            stroke=theme.lane,
            stroke_width=1 if is_log else 1.6,
            stroke_dasharray=dash,
        )
        room = sheet.leg - 8
        name = shorten(clean(sheet.say(lane.name), 80), 12, room)
        half = max(width_of(name, 12) / 2 + 7, 24)
        svg.rect(
            x - half,
            8,
            half * 2,
            22,
            fill=theme.band if lane.is_observed else theme.background,
            rx=5,
            stroke=theme.lane,
            stroke_dasharray=None if lane.is_observed else "4 3",
        )
        svg.text(x, 23, name, size=12, anchor="middle", weight="600")
        if not sheet.is_thumb:
            clock = shorten(sheet.say(clock_of(lane)), 9.5, sheet.leg - 4)
            svg.text(x, 44, clock, size=9.5, fill=theme.muted, anchor="middle")


def draw_ticks(sheet: Sheet) -> None:
    timeline, theme = sheet.timeline, sheet.theme
    if timeline.ticks:
        first = timeline.ticks[0].time_ns
        shown = zone_name(first, sheet.zone, sheet.lang, timeline.zone_known)
        sheet.svg.text(8, 23, day(first, sheet.zone), size=10, fill=theme.muted)
        sheet.svg.text(8, 37, shown, size=10, fill=theme.muted)
    for tick in timeline.ticks:
        y = sheet.y(tick.y)
        sheet.svg.text(
            sheet.ticks - 28, y + 3.5, moment(tick.time_ns, sheet.zone, 3), size=10, fill=theme.text, anchor="end"
        )
        sheet.svg.line(sheet.ticks - 24, y, sheet.ticks - 17, y, stroke=theme.muted)


def draw_span(sheet: Sheet, span: Span) -> None:
    theme = sheet.theme
    fill, color = {
        SpanKind.CHECK: (theme.check_fill, theme.check),
        SpanKind.WAIT: (theme.wait_fill, theme.wait),
        SpanKind.GIVE_UP: (theme.wait_fill, theme.bad),
    }[span.kind]
    x, top, bottom = sheet.x(span.x), sheet.y(span.y0), sheet.y(span.y1)
    sheet.svg.rect(
        x - 4,
        top,
        8,
        bottom - top,
        fill=fill,
        rx=3,
        stroke=color,
        stroke_width=0.8,
        stroke_dasharray="3 2" if span.kind is SpanKind.GIVE_UP else None,
        hover=sheet.say(span.text),
    )
    if sheet.is_thumb or sheet.timeline.density is Density.DENSE:
        return
    is_left = x < sheet.svg.width / 2
    sheet.svg.text(
        x + (11 if is_left else -11),
        sheet.y(span.label_y) + 3.5,
        sheet.say(span.text),
        size=10.5,
        fill=color,
        anchor="start" if is_left else "end",
        weight="600" if span.kind is SpanKind.GIVE_UP else None,
    )
