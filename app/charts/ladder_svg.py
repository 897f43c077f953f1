"""A timeline as SVG, for the PDF and for pages without JavaScript."""

from __future__ import annotations

from datetime import UTC, tzinfo

from app.charts.ladder_svg_ground import draw_folds, draw_lanes, draw_span, draw_ticks
from app.charts.ladder_svg_legend import draw_legend
from app.charts.ladder_svg_logs import draw_mark, draw_tie
from app.charts.ladder_svg_messages import draw_labels, draw_line, draw_unknown_end
from app.charts.ladder_svg_sheet import NOTE_ROW, Link, Sheet
from app.charts.theme import theme_of
from app.core.timeline.model import Timeline
from app.core.timeline.texts import RAW_TIMES


def ladder_svg(
    timeline: Timeline,
    lang: str = "en",
    theme: str = "light",
    width: float = 1000,
    *,
    zone: tzinfo = UTC,
    link: Link | None = None,
    name: str = "ladder",
    is_thumb: bool = False,
) -> str:
    """The whole ladder. `link` turns a reference into an address, then every mark becomes a link.

    `name` must differ between drawings on one page (it makes the ids). `is_thumb` leaves out all small print.
    """
    sheet = Sheet(timeline, lang, theme_of(theme), width, zone, link, name, is_thumb)
    draw_folds(sheet)
    draw_lanes(sheet)
    for span in timeline.spans:
        draw_span(sheet, span)
    for mark in timeline.marks:
        draw_tie(sheet, mark)
    if not is_thumb:
        draw_ticks(sheet)
        for arrow in timeline.arrows:
            draw_labels(sheet, arrow)
    for arrow in timeline.arrows:
        for line in arrow.lines:
            draw_line(sheet, arrow, line)
        draw_unknown_end(sheet, arrow)
    for mark in timeline.marks:
        draw_mark(sheet, mark)
    _foot(sheet)
    return sheet.svg.finish()


def _foot(sheet: Sheet) -> None:
    y = draw_legend(sheet.svg, sheet.legend, sheet.lang, sheet.bottom + 8)
    for note in sheet.notes:
        color = sheet.theme.amber if note is RAW_TIMES else sheet.theme.muted
        sheet.svg.text(16, y + 4, sheet.say(note), size=10, fill=color)
        y += NOTE_ROW
