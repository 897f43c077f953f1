"""The path with what each leg lost, as SVG."""

from __future__ import annotations

from app.charts.case_look import PATH_KEY, PATH_TITLE, leg_line, leg_lines
from app.charts.svg import Svg
from app.charts.theme import theme_of
from app.charts.writing import clean, say, shorten
from app.core.drawings.path_drawing import Leg, LegCount, PathDrawing
from app.core.records import Direction
from app.core.timeline.texts import ROLES

NODE_WIDTH, ROW = 92.0, 15.0


def path_svg(
    drawing: PathDrawing, lang: str = "en", theme: str = "light", width: float = 1000, *, name: str = "path"
) -> str:
    """Capture points in order; above a leg what went to the server, below what came back."""
    look = theme_of(theme)
    rows = [max((len(leg_lines(leg.of(direction))) for leg in drawing.legs), default=0) for direction in Direction]
    middle = 34 + max(rows[0], 1) * ROW + 16
    height = middle + 34 + max(rows[1], 1) * ROW + 24
    described = "; ".join(_spoken(drawing, index, lang) for index in range(len(drawing.legs)))
    svg = Svg(width, height, look, say(PATH_TITLE, lang), described, name)
    nodes = len(drawing.nodes)
    node = min(NODE_WIDTH, (width - 24) / max(nodes * 2 - 1, 1))
    pitch = (width - 24 - node) / max(nodes - 1, 1)
    for index, leg in enumerate(drawing.legs):
        left = 12 + node + index * pitch
        _leg(svg, leg, left, left + pitch - node, middle, lang)
    for index, item in enumerate(drawing.nodes):
        x = 12 + index * pitch
        svg.rect(
            x,
            middle - 19,
            node,
            38,
            fill=look.band if item.point else look.background,
            rx=7,
            stroke=look.text if item.point else look.lane,
            stroke_width=1.2,
            stroke_dasharray=None if item.point else "5 4",
        )
        below = ROLES[item.role] if item.note is None else item.note
        svg.text(
            x + node / 2,
            middle - 1,
            shorten(clean(say(item.name, lang), 60), 12, node - 8),
            size=12,
            anchor="middle",
            weight="600",
        )
        svg.text(
            x + node / 2,
            middle + 12,
            shorten(say(below, lang), 9.5, node - 6),
            size=9.5,
            anchor="middle",
            fill=look.muted,
        )
    svg.text(12, height - 8, say(PATH_KEY, lang), size=10, fill=look.muted)
    return svg.finish()


def _spoken(drawing: PathDrawing, index: int, lang: str) -> str:
    ends = f"{say(drawing.nodes[index].name, lang)} – {say(drawing.nodes[index + 1].name, lang)}"
    return f"{ends}: " + ", ".join(say(leg_line(count), lang) for count in drawing.legs[index].counts)


def _leg(svg: Svg, leg: Leg, left: float, right: float, middle: float, lang: str) -> None:
    theme = svg.theme
    color = (
        theme.lost
        if leg.is_guilty
        else theme.wait
        if leg.is_suspect
        else theme.to_server
        if leg.is_known
        else theme.unknown
    )
    dash = None if leg.is_known and not leg.is_suspect else "2 5"
    svg.line(
        left,
        middle,
        right,
        middle,
        stroke=color,
        stroke_width=4 if leg.is_guilty else 2.4,
        stroke_dasharray=dash,
        stroke_linecap="round",
    )
    center = (left + right) / 2
    if leg.is_guilty:
        svg.cross(center, middle, 9, theme.lost, width=4)
    elif not leg.is_known or leg.is_suspect:
        svg.circle(center, middle, 8, fill=theme.background, stroke=color, stroke_width=1.4)
        svg.text(center, middle + 4, "?", size=11, anchor="middle", fill=color, weight="700")
    up, down = (leg_lines(leg.of(direction)) for direction in Direction)
    for row, count in enumerate(reversed(up)):
        _leg_text(svg, count, center, middle - 17 - row * ROW, right - left + 26, lang, "→")
    for row, count in enumerate(down):
        _leg_text(svg, count, center, middle + 28 + row * ROW, right - left + 26, lang, "←")


def _leg_text(svg: Svg, count: LegCount, center: float, y: float, room: float, lang: str, arrow: str) -> None:
    theme = svg.theme
    color = (
        theme.lost if count.lost else theme.wait if count.maybe_lost else theme.text if count.crossed else theme.unknown
    )
    text = say(leg_line(count), lang)
    shown = f"{text} {arrow}" if arrow == "→" else f"{arrow} {text}"
    svg.text(
        center, y, shorten(shown, 11, room), size=11, anchor="middle", fill=color, weight="700" if count.lost else None
    )
