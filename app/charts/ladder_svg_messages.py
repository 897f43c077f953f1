"""The messages of a ladder: each fragment a line with what was seen of it, where it was lost, and its words."""

from __future__ import annotations

from app.charts.ladder_svg_sheet import Sheet
from app.core.records import Direction
from app.core.timeline.model import Density, FragmentLine, MessageArrow, Piece, Spot, Stretch
from app.core.timeline.texts import LOST, UNKNOWN


def _color(sheet: Sheet, arrow: MessageArrow) -> str:
    return sheet.theme.to_server if arrow.direction is Direction.TO_SERVER else sheet.theme.to_client


def draw_line(sheet: Sheet, arrow: MessageArrow, line: FragmentLine) -> None:
    color = _color(sheet, arrow)
    for piece in line.pieces:
        _piece(sheet, piece, color)
    if line.head is not None:
        head = line.head
        sheet.svg.arrowhead(sheet.x(head.x0), sheet.y(head.y0), sheet.x(head.x1), sheet.y(head.y1), color, short=3.5)
    for spot in line.seen:
        _dot(sheet, spot, color)
    is_full = sheet.timeline.density is Density.FULL and not sheet.is_thumb
    if line.cross is not None:
        sheet.open_link(line.cross.refs)
        x, y = sheet.x(line.cross.x), sheet.y(line.cross.y)
        sheet.svg.cross(x, y, 6 if is_full else 4, sheet.theme.lost, hover=sheet.say(line.cross.text))
        if is_full and line.cross == max((way.cross for way in arrow.lines if way.cross), key=lambda spot: spot.y):
            sheet.svg.text(x, y + 17, sheet.say(LOST), size=10, fill=sheet.theme.lost, anchor="middle", weight="600")
        sheet.close_link(line.cross.refs)


def draw_unknown_end(sheet: Sheet, arrow: MessageArrow) -> None:
    ends = [line.end for line in arrow.lines if line.end is not None]
    if not ends or sheet.is_thumb or sheet.timeline.density is not Density.FULL:
        return
    end = max(ends, key=lambda spot: spot.y)
    side = -6.0 if end.x >= arrow.x else 6.0
    sheet.svg.text(
        sheet.x(end.x) + side,
        sheet.y(end.y) + 12,
        f"? {sheet.say(UNKNOWN)}",
        size=10,
        fill=sheet.theme.unknown,
        anchor="end" if side < 0 else "start",
    )


def _piece(sheet: Sheet, piece: Piece, color: str) -> None:
    x0, y0, x1, y1 = sheet.x(piece.x0), sheet.y(piece.y0), sheet.x(piece.x1), sheet.y(piece.y1)
    dense = sheet.timeline.density is Density.DENSE
    width = 1.2 if dense else 1.8
    if piece.kind is Stretch.FADING:
        for part, opacity in enumerate((1.0, 0.75, 0.5, 0.3)):
            a, b = part / 4, (part + 1) / 4
            sheet.svg.line(
                x0 + (x1 - x0) * a,
                y0 + (y1 - y0) * a,
                x0 + (x1 - x0) * b,
                y0 + (y1 - y0) * b,
                stroke=sheet.theme.unknown,
                stroke_width=width,
                stroke_dasharray="1.5 5",
                stroke_linecap="round",
                stroke_opacity=opacity,
            )
        return
    sheet.svg.line(
        x0,
        y0,
        x1,
        y1,
        stroke=sheet.theme.lost if piece.kind is Stretch.LOST else color,
        stroke_width=width,
        stroke_dasharray="6 4" if piece.kind is Stretch.UNSEEN else None,
    )


def _dot(sheet: Sheet, spot: Spot, color: str) -> None:
    sheet.open_link(spot.refs)
    places = ", ".join(f"{ref.source}{ref.number}" for ref in spot.refs[:4])
    radius = {Density.FULL: 3.1, Density.COMPACT: 2.4, Density.DENSE: 1.7}[sheet.timeline.density]
    sheet.svg.circle(
        sheet.x(spot.x),
        sheet.y(spot.y),
        radius,
        fill=sheet.theme.background,
        stroke=color,
        stroke_width=1.5,
        hover=f"{sheet.say(spot.text)}{sheet.at(spot.time_ns)} · {places}",
    )
    sheet.close_link(spot.refs)


def draw_labels(sheet: Sheet, arrow: MessageArrow) -> None:
    right = arrow.direction is Direction.TO_SERVER
    x = sheet.x(arrow.x) + (9 if right else -9)
    behind = sheet.x(arrow.x) + (-9 if right else 9)
    anchor = "start" if right else "end"
    size = 9.5 if sheet.timeline.density is Density.DENSE else 11.5
    sheet.open_link(arrow.refs)
    sheet.svg.text(
        x,
        sheet.y(arrow.y) - 5,
        sheet.say(arrow.title),
        size=size,
        fill=_color(sheet, arrow),
        anchor=anchor,
        weight="600",
        backed=True,
    )
    sheet.close_link(arrow.refs)
    for line in arrow.lines:
        if line.label is not None:
            sheet.svg.text(
                behind,
                sheet.y(line.label_y) + 10,
                sheet.say(line.label),
                size=9.5,
                fill=sheet.theme.muted,
                anchor="end" if right else "start",
            )
