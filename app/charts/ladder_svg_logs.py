"""What the logs of a ladder say: marks in their lanes, tied to the packets that they tell of."""

from __future__ import annotations

from datetime import UTC

from app.charts.ladder_svg_sheet import Sheet
from app.charts.writing import moment, shorten
from app.core.timeline.model import Density, LogMark, MarkKind


def draw_tie(sheet: Sheet, mark: LogMark) -> None:
    if mark.tie_x is None or mark.tie_y is None:
        return
    sheet.svg.line(
        sheet.x(mark.x),
        sheet.y(mark.y),
        sheet.x(mark.tie_x),
        sheet.y(mark.tie_y),
        stroke=sheet.theme.log,
        stroke_width=0.9,
        stroke_dasharray="1 3",
    )


def draw_mark(sheet: Sheet, mark: LogMark) -> None:
    svg, theme = sheet.svg, sheet.theme
    x, y = sheet.x(mark.x), sheet.y(mark.y)
    # The time as the log wrote it: what a reader searches for in the file.
    written = moment(mark.written_ns, UTC, 0)
    sheet.open_link(mark.refs)
    hover = f"{sheet.say(mark.text)} · {written}"
    reach = 3.0 if sheet.timeline.density is Density.DENSE else 4.0
    if mark.kind is MarkKind.BAD:
        svg.circle(x, y, 8, fill=theme.bad, hover=hover)
        svg.path(f"M{x - 3:.2f} {y - 3:.2f}l6 6m0 -6l-6 6", stroke=theme.background, stroke_width=2, fill="none")
    elif mark.kind is MarkKind.GOOD:
        svg.circle(x, y, 8, fill=theme.good, hover=hover)
        svg.path(f"M{x - 4:.2f} {y:.2f}l3 3l5 -6", stroke=theme.background, stroke_width=2, fill="none")
    else:
        svg.path(
            f"M{x:.2f} {y - reach:.2f}l{reach:.2f} {reach:.2f}l{-reach:.2f} {reach:.2f}l{-reach:.2f} {-reach:.2f}z",
            fill=theme.log,
            hover=hover,
        )
    if not sheet.is_thumb:
        _mark_label(sheet, mark, x, y, written)
    sheet.close_link(mark.refs)


def _mark_label(sheet: Sheet, mark: LogMark, x: float, y: float, written: str) -> None:
    theme = sheet.theme
    is_left = mark.side == "client"
    anchor, side = ("start", 1) if is_left else ("end", -1)
    if mark.kind is MarkKind.LOG:
        if sheet.timeline.density is Density.DENSE:
            return
        text = shorten(sheet.say(mark.text), 9.5, sheet.leg - 22)
        sheet.svg.text(x + side * 9, y - 3, text, size=9.5, fill=theme.muted, anchor=anchor)
        return
    color = {MarkKind.BAD: theme.bad, MarkKind.GOOD: theme.good}.get(mark.kind, theme.text)
    weight = None if mark.kind is MarkKind.NOTICE else "700"
    sheet.svg.text(
        x + side * 14, y + 4, sheet.say(mark.text), size=11.5, fill=color, anchor=anchor, weight=weight, backed=True
    )
